import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Platform } from '../foreign.ts';
import { type ShortTurns, TURN_NS, takeShortTurns } from './short-turns.ts';

const linux: Platform = { system: 'linux', processor: 'x64', isLittleEndian: true, loadForeign: () => undefined };

/** Length of a thread's turns as the kernel shows it, ns; undefined where it does not. */
const readTurn = `(() => {
  try {
    const slice = /slice +: +([0-9]+)/.exec(readFileSync('/proc/thread-self/sched', 'utf8'));
    return slice === null ? undefined : Number(slice[1]);
  } catch {
    return undefined;
  }
})()`;

const program = `
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
const { takeShortTurns } = await import(${JSON.stringify(import.meta.resolve('./short-turns.ts'))});
const turns = takeShortTurns(true);
parentPort.postMessage({ turns: { calls: turns.calls, reason: turns.reason }, turnNs: ${readTurn} });
`;

test('a thread that takes short turns is known to the kernel for it, and no other thread is', async () => {
  const mainTurn = (): string | undefined => {
    try {
      return /slice +: +[0-9]+/.exec(readFileSync(`/proc/self/task/${process.pid}/sched`, 'utf8'))?.[0];
    } catch {
      return undefined;
    }
  };
  const before = mainTurn();
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  const [{ turns, turnNs }] = (await once(worker, 'message')) as [
    { turns: Pick<ShortTurns, 'calls' | 'reason'>; turnNs: number | undefined },
  ];
  await worker.terminate();
  if (turns.calls === undefined) assert.ok(turns.reason!.length > 0);
  else assert.ok(turnNs === undefined || turnNs === TURN_NS, `${turnNs} ns`);
  assert.equal(mainTurn(), before);
});

test('turned off, they are not asked for', () => {
  assert.equal(takeShortTurns(false).reason, 'turned off by net.short_turns');
});

/** A system whose calls answer one after the other; `policy` and `turnNs` are what it tells of the thread. */
function systemOf(answers: readonly number[], policy: number, turnNs: bigint): Platform['loadForeign'] {
  const left = [...answers];
  const syscall = (_number: bigint, _thread: number, attributes: DataView): number => {
    attributes.setUint32(4, policy, true);
    attributes.setBigUint64(24, turnNs, true);
    return left.shift() ?? assert.fail('one call too many');
  };
  const foreign = {
    dlopen: () => ({ functions: { syscall } }),
    getRawPointer: (bytes: ArrayBuffer) => new DataView(bytes),
  };
  return () => foreign as unknown as ReturnType<Platform['loadForeign']>;
}

test('what the system refuses, does not know or was told by somebody else is left as it is', () => {
  const on = (answers: readonly number[], policy = 0, turnNs = 0n) =>
    takeShortTurns(true, { ...linux, loadForeign: systemOf(answers, policy, turnNs) });
  assert.equal(on([0, 0, 0], 0, BigInt(TURN_NS)).calls, true);
  assert.equal(on([-1]).reason, 'the system does not tell how a thread is scheduled');
  assert.equal(on([0], 5).reason, 'the server runs under scheduling policy 5');
  assert.equal(on([0, -1]).reason, 'the system does not allow it');
  const old = on([0, 0, 0]);
  assert.deepEqual([old.reason, old.isUnusual], ['the kernel is older than 6.12', false]);
});
