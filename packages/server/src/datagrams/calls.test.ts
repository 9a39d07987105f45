import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Platform } from '../foreign.ts';
import { loadBatching } from './calls.ts';

const linux: Platform = { system: 'linux', processor: 'x64', isLittleEndian: true, loadForeign: () => undefined };

function reasonOn(platform: Partial<Platform>): string | undefined {
  return loadBatching('auto', { ...linux, ...platform }).reason;
}

test('where batches cannot be sent, it is said why, and nothing is thrown', () => {
  assert.equal(loadBatching('off').reason, 'turned off by net.batch_datagrams');
  assert.equal(reasonOn({ system: 'darwin' }), 'not on darwin');
  assert.equal(reasonOn({ processor: 'ia32' }), 'not on ia32 processors');
  assert.equal(reasonOn({ isLittleEndian: false }), 'not on x64 processors');
  assert.match(reasonOn({}) ?? '', /^Node .* has no node:ffi$/);
  const refused = (): never => {
    throw new Error('Access to this API has been restricted');
  };
  assert.equal(reasonOn({ loadForeign: refused }), 'Access to this API has been restricted');
});

test('it is unusual only where batches are wanted and should be there', () => {
  const unusual = (platform: Partial<Platform>) => loadBatching('auto', { ...linux, ...platform }).isUnusual;
  assert.deepEqual([loadBatching('off').isUnusual, unusual({ system: 'darwin' }), unusual({})], [false, false, true]);
});

test('a C library without the calls is a reason, not a crash', () => {
  const dlopen = (): never => {
    throw new Error('undefined symbol: sendmmsg');
  };
  const foreign = { dlopen } as unknown as NonNullable<ReturnType<Platform['loadForeign']>>;
  assert.equal(reasonOn({ loadForeign: () => foreign }), 'undefined symbol: sendmmsg');
});

test('loading keeps the one warning back and leaves the others alone', () => {
  const { emitWarning } = process;
  const { calls, reason } = loadBatching('auto');
  assert.equal(process.emitWarning, emitWarning);
  assert.equal(calls === undefined, typeof reason === 'string');
});

test('a call on what is no socket is refused by the system', (context) => {
  const { calls } = loadBatching('auto');
  if (calls === undefined) return context.skip('no batches here');
  const memory = new ArrayBuffer(4096);
  assert.equal(calls.sendMany(-1, calls.addressOf(memory), 1), -1);
  assert.equal(calls.receiveMany(-1, calls.addressOf(memory), 1), -1);
  assert.equal(calls.setOption(-1, 0, 10, 3), false);
  assert.equal(calls.nameOf(-1, calls.addressOf(memory), calls.addressOf(memory)), -1);
});
