import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Platform, thisPlatform } from '../foreign.ts';
import { loadDirectWriting } from './calls.ts';

const linux: Platform = { system: 'linux', processor: 'x64', isLittleEndian: true, loadForeign: () => undefined };

test('where streams cannot be written to directly, it is said why, and nothing is thrown', () => {
  const reasonOn = (platform: Partial<Platform>) => loadDirectWriting('auto', { ...linux, ...platform }).reason;
  assert.equal(loadDirectWriting('off').reason, 'turned off by net.direct_writes');
  assert.equal(reasonOn({ system: 'darwin' }), 'not on darwin');
  assert.equal(reasonOn({ processor: 'ia32' }), 'not on ia32 processors');
  assert.match(reasonOn({}) ?? '', /^Node .* has no node:ffi$/);
  const refused = (): never => {
    throw new Error('Access to this API has been restricted');
  };
  assert.equal(reasonOn({ loadForeign: refused }), 'Access to this API has been restricted');
});

test('it is unusual only where direct writes are wanted and should be there', () => {
  const unusual = (platform: Partial<Platform>) => loadDirectWriting('auto', { ...linux, ...platform }).isUnusual;
  assert.deepEqual(
    [loadDirectWriting('off').isUnusual, unusual({ system: 'darwin' }), unusual({})],
    [false, false, true],
  );
});

test('a call on what is no socket is refused by the system', (context) => {
  const { calls } = loadDirectWriting('auto');
  if (calls === undefined) return context.skip('no direct writes here');
  const address = calls.addressOf(new ArrayBuffer(4096));
  assert.equal(calls.send(-1, address), -1);
  assert.equal(calls.peerOf(-1, address, address), -1);
});

test('a ring that cannot be had costs the other calls nothing', (context) => {
  const foreign = thisPlatform.loadForeign();
  if (foreign === undefined) return context.skip('no node:ffi here');
  const refuse = (): never => {
    throw new Error('no such function');
  };
  for (const syscall of [undefined, () => -1]) {
    const dlopen = (path: string | null, wanted: NonNullable<Parameters<typeof foreign.dlopen>[1]>) => {
      const opened = foreign.dlopen(path, wanted);
      if (!('syscall' in wanted)) return opened;
      return syscall === undefined ? refuse() : { ...opened, functions: { ...opened.functions, syscall } };
    };
    const { calls } = loadDirectWriting('auto', {
      ...thisPlatform,
      loadForeign: () => ({ ...foreign, dlopen }) as unknown as typeof foreign,
    });
    assert.ok(calls !== undefined);
    assert.equal(calls.ring, undefined);
  }
  assert.equal(loadDirectWriting('single').calls?.ring, undefined);
});
