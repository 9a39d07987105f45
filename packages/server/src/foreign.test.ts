import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCalls, type Platform, thisPlatform, turnedOff, WithoutCalls } from './foreign.ts';

const linux: Platform = { system: 'linux', processor: 'x64', isLittleEndian: true, loadForeign: () => undefined };
const foreign = {} as NonNullable<ReturnType<Platform['loadForeign']>>;

function on(platform: Partial<Platform>, find: () => string = () => 'calls') {
  const { calls, reason, isUnusual } = findCalls({ ...linux, ...platform }, find);
  return { calls, reason, isUnusual };
}

test('where calls cannot be made, it is said why and whether that is unusual, and nothing is thrown', () => {
  const missing = (reason: string, isUnusual: boolean) => ({ calls: undefined, reason, isUnusual });
  assert.deepEqual(turnedOff('net.some_calls'), missing('turned off by net.some_calls', false));
  assert.deepEqual(on({ system: 'darwin' }), missing('not on darwin', false));
  assert.deepEqual(on({ processor: 'ia32' }), missing('not on ia32 processors', false));
  assert.deepEqual(on({ isLittleEndian: false }), missing('not on x64 processors', false));
  assert.deepEqual(on({}), missing(`Node ${process.versions.node} has no node:ffi`, true));
  const refused = (): never => {
    throw new Error('Access to this API has been restricted');
  };
  assert.deepEqual(on({ loadForeign: refused }), missing('Access to this API has been restricted', true));
  const loadForeign = () => foreign;
  const unknown = (): never => {
    throw new Error('undefined symbol: sendmmsg');
  };
  assert.deepEqual(on({ loadForeign }, unknown), missing('undefined symbol: sendmmsg', true));
  const without = (): never => {
    throw new WithoutCalls('too old', false);
  };
  assert.deepEqual(on({ loadForeign }, without), missing('too old', false));
});

test('where they can be made they come with what makes them', () => {
  assert.deepEqual(
    findCalls({ ...linux, loadForeign: () => foreign }, () => 'calls'),
    { calls: 'calls', foreign },
  );
});

test('looking for the interface keeps its one warning back and leaves the others alone', () => {
  const { emitWarning } = process;
  thisPlatform.loadForeign();
  assert.equal(process.emitWarning, emitWarning);
});
