import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LoadedState } from '@confab/core';
import { appendEvent, exampleEvent, exampleRoom, putRoom, temporaryDirectory } from '@confab/testing';
import { LOG_FILE, type Synchronous } from './options.ts';
import { openSqliteStore } from './store.ts';

interface Boot {
  readonly bootId: string | undefined;
  readonly synchronous?: Synchronous;
}

/** A folder whose files can be taken as they would be found after the machine stopped at this moment. */
function machine(context: TestContext) {
  const folder = temporaryDirectory(context);
  let current = join(folder.path, 'run 0');
  let runs = 0;
  const open = async ({ bootId, synchronous = 'normal' }: Boot) =>
    folder.closing(await openSqliteStore({ directory: current, synchronous, bootId: () => bootId }));
  /** Bytes of the write-ahead log that a store which was opened just now has forced to the disk. */
  const writtenThrough = () => statSync(join(current, `${LOG_FILE}-wal`)).size;
  /**
   * Leaves the open store behind; what follows works on a copy of its files.
   * @param walBytes what the disk has kept of the write-ahead log; all of it by default
   */
  const stop = (walBytes?: number): void => {
    runs += 1;
    const copy = join(folder.path, `run ${runs}`);
    mkdirSync(copy);
    for (const file of [LOG_FILE, `${LOG_FILE}-wal`]) {
      if (existsSync(join(current, file))) cpSync(join(current, file), join(copy, file));
    }
    if (walBytes !== undefined) truncateSync(join(copy, `${LOG_FILE}-wal`), walBytes);
    current = copy;
  };
  return { open, stop, writtenThrough };
}

/** A run with one event, stopped without a close. The log then has that event. */
async function stoppedRun(context: TestContext, boot: Boot) {
  const { open, stop } = machine(context);
  const store = await open(boot);
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
  stop();
  return { open, stop };
}

const epochOf = ({ epoch, epochStartPosition }: LoadedState) => [epoch, epochStartPosition];

test('a new log begins with epoch 1', async (context) => {
  const { open } = machine(context);
  assert.deepEqual(epochOf(await (await open({ bootId: 'a' })).load()), [1, 0]);
});

test('a process that was killed lost nothing: the epoch stays', async (context) => {
  const { open } = await stoppedRun(context, { bootId: 'a' });
  const state = await (await open({ bootId: 'a' })).load();
  assert.deepEqual([...epochOf(state), state.lastPosition], [1, 0, 1]);
});

test('a machine that was started again may have lost something: the epoch rises', async (context) => {
  const { open } = await stoppedRun(context, { bootId: 'a' });
  assert.deepEqual(epochOf(await (await open({ bootId: 'b' })).load()), [2, 1]);
});

test('when it cannot be told whether the machine was started again, the epoch rises', async (context) => {
  const { open, stop } = await stoppedRun(context, { bootId: 'a' });
  assert.deepEqual(epochOf(await (await open({ bootId: undefined })).load()), [2, 1]);
  stop();
  assert.deepEqual(epochOf(await (await open({ bootId: 'a' })).load()), [3, 1]);
});

test('a run that wrote through lost nothing, whatever happened to the machine', async (context) => {
  const { open, stop } = await stoppedRun(context, { bootId: 'a', synchronous: 'full' });
  assert.deepEqual(epochOf(await (await open({ bootId: 'b', synchronous: 'normal' })).load()), [1, 0]);
  stop();
  // It is the mode of the run that ended that counts, not of the one that begins.
  assert.deepEqual(epochOf(await (await open({ bootId: 'c', synchronous: 'full' })).load()), [2, 1]);
});

test('a run that closed its log lost nothing', async (context) => {
  const { open } = machine(context);
  await (await open({ bootId: 'a' })).close();
  assert.deepEqual(epochOf(await (await open({ bootId: 'b' })).load()), [1, 0]);
});

test('a machine that stopped after a process was killed on it still counts', async (context) => {
  const { open, stop } = await stoppedRun(context, { bootId: 'a' });
  await open({ bootId: 'a' });
  stop();
  assert.deepEqual(epochOf(await (await open({ bootId: 'b' })).load()), [2, 1]);
});

test('a power failure that cuts the log off begins an epoch at what is left', async (context) => {
  const { open, stop, writtenThrough } = machine(context);
  const first = await open({ bootId: 'a' });
  await first.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
  await first.close();
  const second = await open({ bootId: 'a' });
  const kept = writtenThrough();
  await second.commit([appendEvent(exampleEvent(2)), appendEvent(exampleEvent(3))]);
  // Newer than what was written through, the events may go; the mark that the run is open may not.
  stop(kept);
  const third = await open({ bootId: 'b' });
  const state = await third.load();
  assert.deepEqual([...epochOf(state), state.lastPosition], [2, 1, 1]);
  await third.commit([appendEvent(exampleEvent(2, { position: 9 }))]);
  await third.close();
  assert.deepEqual(epochOf(await (await open({ bootId: 'c' })).load()), epochOf(state));
});
