import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterwards, temporaryDirectory } from '@confab/testing';
import { openLogReader } from './log-reader.ts';
import { openSqliteStore } from './store.ts';

const program = fileURLToPath(new URL('./fixtures/commit-stream.ts', import.meta.url));

type Child = ChildProcessByStdio<null, Readable, null>;

function startStream(directory: string, times = 1, ...more: readonly string[]): Child {
  return spawn(process.execPath, [program, directory, String(times), ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Kills it in mid-stream, and returns the last number that it had printed. */
async function killAfter(child: Child, answersMin: number): Promise<number> {
  let last = 0;
  let answers = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    answers += 1;
    if (answers === answersMin) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  assert.equal(child.signalCode, 'SIGKILL');
  return last;
}

for (const { answersMin, times, when, more = [] } of [
  { answersMin: 1, times: 1, when: '' },
  { answersMin: 40, times: 1, when: '' },
  { answersMin: 300, times: 1, when: '' },
  // More than 16,384 events: what was committed first is on its way to where it is kept.
  { answersMin: 24, times: 150, when: ', while older ones are folded,' },
  { answersMin: 2, times: 1, when: ' to the journal', more: ['plain'] },
  { answersMin: 333, times: 1, when: ' to the journal', more: ['plain'] },
  { answersMin: 3_000, times: 1, when: ' to the journal', more: ['plain'] },
  { answersMin: 100, times: 150, when: ' to the journal, faster than the database takes them,', more: ['plain'] },
]) {
  test(`killing the process after ${answersMin} commits${when} loses nothing that was acknowledged`, async (context) => {
    const folder = temporaryDirectory(context);
    const acknowledged = await killAfter(startStream(folder.path, times, ...more), answersMin);
    assert.ok(acknowledged >= 1);

    const store = folder.closing(await openSqliteStore({ directory: folder.path, bootId: () => 'boot 1' }));
    const state = await store.load();
    const lastSeq = state.rooms[0]?.lastSeq ?? 0;
    assert.ok(lastSeq >= acknowledged, `${lastSeq} of ${acknowledged} acknowledged events are there`);
    assert.deepEqual([state.epoch, state.lastPosition], [1, lastSeq]);
    const events = await store.read(1, 1, lastSeq + 1);
    const expected = Array.from({ length: lastSeq }, (_, index) => [index + 1, `event ${index + 1}`]);
    const decoder = new TextDecoder();
    assert.deepEqual(
      events.map((event) => [event.seq, decoder.decode(event.body)]),
      expected,
    );
  });
}

test('another process that has the folder keeps writers out and lets readers in, until it is killed', async (context) => {
  const folder = temporaryDirectory(context);
  const child = startStream(folder.path);
  afterwards(context, () => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');

  await assert.rejects(openSqliteStore({ directory: folder.path }), {
    code: 'STORE_FAILED',
    message: /in use by another confab/,
  });
  const reader = folder.closing(openLogReader(folder.path));
  const [room] = reader.rooms();
  assert.ok(room !== undefined && room.eventCount >= 1);
  assert.equal(reader.read(1, room.lastSeq, 1)[0]?.seq, room.lastSeq);

  await killAfter(child, 1);
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  assert.ok((await store.load()).lastPosition >= room.lastSeq);
});
