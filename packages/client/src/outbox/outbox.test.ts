import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { afterwards, temporaryDirectory, type WithCleanUp } from '@confab/testing';
import type { ClientError } from '../errors.ts';
import { OUTBOX_FILES_MAX, openFileOutbox } from './file.ts';
import { MemoryOutbox } from './memory.ts';
import type { Outbox, OutboxPost } from './outbox.ts';

const text = (words: string, room = 'lobby'): OutboxPost => ({
  room,
  kind: 1,
  target: undefined,
  body: new TextEncoder().encode(words),
});

const hasCode = (code: string) => (error: ClientError) => error.code === code;

function outboxContract(name: string, openIn: (context: WithCleanUp, entriesMax?: number) => Outbox): void {
  describe(`${name} outbox`, () => {
    it('numbers messages from 1 and gives them back in the order they were typed', (t) => {
      const outbox = openIn(t);
      outbox.add(text('one'));
      outbox.add(text('elsewhere', 'attic'));
      outbox.add({ ...text('two'), kind: 6, target: 7 });
      assert.deepEqual(
        outbox.pending('lobby').map(({ number, kind, target }) => [number, kind, target]),
        [
          [1, 1, undefined],
          [3, 6, 7],
        ],
      );
      assert.deepEqual(
        outbox.pending().map(({ number }) => number),
        [1, 2, 3],
      );
      assert.equal(outbox.pendingCount, 3);
      outbox.close();
    });

    it('moves a message forward only', (t) => {
      const outbox = openIn(t);
      const { number } = outbox.add(text('hello'));
      assert.equal(outbox.find(number)?.state, 'queued');
      outbox.markSent(number);
      assert.equal(outbox.find(number)?.state, 'sent');
      outbox.fail(number, { code: 'ROOM_CLOSED', text: 'Gone' });
      assert.equal(outbox.pendingCount, 0);
      for (const step of [() => outbox.markSent(number), () => outbox.accept(number), () => outbox.markQueued()]) {
        step();
        assert.equal(outbox.find(number)?.state, 'failed');
      }
      outbox.fail(number, { code: 'OTHER', text: 'Other' });
      assert.deepEqual(outbox.failed()[0]?.failure, { code: 'ROOM_CLOSED', text: 'Gone' });
      outbox.close();
    });

    it('queues what was sent again when the connection is gone', (t) => {
      const outbox = openIn(t);
      const { number } = outbox.add(text('hello'));
      outbox.markSent(number);
      outbox.markQueued();
      assert.equal(outbox.find(number)?.state, 'queued');
      outbox.close();
    });

    it('forgets what was accepted, and hears of it twice without harm', (t) => {
      const outbox = openIn(t);
      const { number } = outbox.add(text('hello'));
      outbox.accept(number);
      outbox.accept(number);
      assert.equal(outbox.find(number), undefined);
      assert.equal(outbox.pendingCount, 0);
      outbox.close();
    });

    it('retries a failed message under a new number, also when it is full, and discards only failed ones', (t) => {
      const outbox = openIn(t, 2);
      const first = outbox.add(text('one'));
      const second = outbox.add(text('two'));
      outbox.fail(first.number, { code: 'RATE_LIMITED', text: 'Slow down' });
      const again = outbox.retry(first.number);
      assert.equal(again?.number, 3);
      assert.equal(outbox.find(first.number), undefined);
      assert.equal(outbox.retry(second.number), undefined);
      outbox.discard(second.number);
      assert.equal(outbox.pendingCount, 2);
      outbox.fail(second.number, { code: 'RATE_LIMITED', text: 'Slow down' });
      outbox.discard(second.number);
      assert.deepEqual(outbox.failed(), []);
      outbox.close();
    });

    it('refuses one message more than it may keep', (t) => {
      const outbox = openIn(t, 2);
      outbox.add(text('one'));
      outbox.add(text('two'));
      assert.throws(() => outbox.add(text('three')), hasCode('OUTBOX_FULL'));
      assert.equal(outbox.pendingCount, 2);
      outbox.close();
    });
  });
}

outboxContract('memory', (_context, entriesMax) => new MemoryOutbox(entriesMax === undefined ? {} : { entriesMax }));

describe('file outbox', () => {
  const at = (folder: string, user = 'Ann', entriesMax?: number): Outbox =>
    openFileOutbox({ folder, server: 'chat.example:9443', user, ...(entriesMax === undefined ? {} : { entriesMax }) });

  it('has its id, its messages and its numbers again when it is opened again', (t) => {
    const folder = temporaryDirectory(t).path;
    const before = at(folder);
    before.add(text('one'));
    before.add({ ...text('two'), target: 9, kind: 8 });
    before.markSent(1);
    before.accept(before.add(text('three')).number);
    before.fail(2, { code: 'ROOM_CLOSED', text: 'Gone' });
    before.close();
    const after = at(folder);
    assert.deepEqual(after.id, before.id);
    assert.deepEqual(
      after.pending().map(({ number, state, body }) => [number, state, new TextDecoder().decode(body)]),
      [[1, 'queued', 'one']],
    );
    assert.deepEqual(
      after.failed().map(({ number, kind, target, failure }) => [number, kind, target, failure]),
      [[2, 8, 9, { code: 'ROOM_CLOSED', text: 'Gone' }]],
    );
    assert.equal(after.add(text('four')).number, 4);
    after.close();
  });

  it('is for one server and one user, and its files for their owner alone', (t) => {
    const folder = join(temporaryDirectory(t).path, 'made');
    const ann = at(folder);
    const bob = at(folder, 'Bob');
    ann.add(text('from Ann'));
    assert.equal(bob.pendingCount, 0);
    assert.notDeepEqual(ann.id, bob.id);
    assert.equal(statSync(folder).mode & 0o077, 0);
    for (const file of readdirSync(folder)) assert.equal(statSync(join(folder, file)).mode & 0o077, 0, file);
    ann.close();
    bob.close();
  });

  it('keeps what a killed process had added, and gives another process a file of its own meanwhile', async (t) => {
    const folder = temporaryDirectory(t).path;
    const script = `
      import { openFileOutbox } from ${JSON.stringify(new URL('./file.ts', import.meta.url).href)};
      const outbox = openFileOutbox({ folder: process.argv[1], server: 'chat.example:9443', user: 'Ann' });
      for (let n = 1; n <= 50; n += 1) outbox.add({ room: 'lobby', kind: 1, target: undefined, body: Buffer.from('m' + n) });
      console.log(Buffer.from(outbox.id).toString('hex'));
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    afterwards(t, () => child.kill('SIGKILL'));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const beside = at(folder);
    assert.equal(beside.pendingCount, 0);
    assert.notEqual(Buffer.from(beside.id).toString('hex'), line.toString().trim());
    child.kill('SIGKILL');
    await once(child, 'exit');
    const next = at(folder);
    assert.equal(Buffer.from(next.id).toString('hex'), line.toString().trim());
    assert.equal(next.pendingCount, 50);
    assert.equal(new TextDecoder().decode(next.pending().at(-1)?.body), 'm50');
    next.close();
    beside.close();
  });

  it('says so when all places are taken', (t) => {
    const folder = temporaryDirectory(t).path;
    const open = Array.from({ length: OUTBOX_FILES_MAX }, () => at(folder));
    assert.throws(() => at(folder), hasCode('OUTBOX_FAILED'));
    for (const outbox of open) outbox.close();
  });

  it('says so when the folder cannot be used', (t) => {
    const folder = temporaryDirectory(t).path;
    at(folder).close();
    const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.outbox'))!);
    assert.throws(() => at(file), hasCode('OUTBOX_FAILED'));
  });
});

outboxContract('file', (context, entriesMax) =>
  openFileOutbox({
    folder: temporaryDirectory(context).path,
    server: 'chat.example:9443',
    user: 'Ann',
    ...(entriesMax === undefined ? {} : { entriesMax }),
  }),
);
