import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thisPlatform } from '../foreign.ts';
import { loadDirectWriting } from './calls.ts';

test('turned off, they are not looked for', () => {
  assert.equal(loadDirectWriting('off').reason, 'turned off by net.direct_writes');
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
