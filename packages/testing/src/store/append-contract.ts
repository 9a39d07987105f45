import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendEvent,
  closeRoom,
  deleteMember,
  exampleEvent,
  exampleMember,
  exampleRoom,
  putMember,
  putRoom,
  withoutUndefined,
} from './examples.ts';
import { events, everything, type OpenStore, position, refused } from './support.ts';

export function appendingContract(open: OpenStore): void {
  test('an event that leaves a gap, repeats a number or goes back is fenced off, and its whole batch with it', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), ...events(1, 2, 3)]);
    const before = await everything(store);
    for (const seq of [6, 4, 1, 0]) {
      const late = exampleEvent(seq, { position: 11 });
      await refused(store, 'STORE_FENCED', [appendEvent(exampleEvent(4, { position: 10 })), appendEvent(late)]);
    }
    assert.deepEqual(await everything(store), before);
    assert.equal((await store.commit(events(4))).status, 'committed');
  });

  test('the first event of a log has number 1', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1))]);
    await refused(store, 'STORE_FENCED', events(2));
    await refused(store, 'STORE_FENCED', events(0));
    assert.equal((await store.commit(events(1))).status, 'committed');
  });

  test('an event of a room that is not open is fenced off', async (context) => {
    const { store } = await open(context);
    await refused(store, 'STORE_FENCED', events(1));
    await store.commit([putRoom(exampleRoom(1)), ...events(1), closeRoom(1)]);
    await refused(store, 'STORE_FENCED', events(2));
    await refused(store, 'STORE_FENCED', [
      putRoom(exampleRoom(2)),
      closeRoom(2),
      appendEvent(exampleEvent(1, { roomId: 2, position: 2 })),
    ]);
    assert.equal((await store.load()).lastRoomId, 1);
  });

  test('positions rise across rooms, and one that does not is refused', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), putRoom(exampleRoom(2)), ...events(1, 2)]);
    await refused(store, 'STORE_FAILED', [appendEvent(exampleEvent(1, { roomId: 2, position: 2 }))]);
    await store.commit([appendEvent(exampleEvent(1, { roomId: 2, position: 900 }))]);
    assert.equal((await store.load()).lastPosition, 900);
    assert.deepEqual((await store.read(2, 1, 9)).map(position), [900]);
  });

  test('a batch that fails at its end leaves nothing behind, and the next one is not hindered', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), putMember(exampleMember(1, 1)), ...events(1)]);
    const before = await everything(store);
    await refused(store, 'STORE_FENCED', [
      putRoom(exampleRoom(1, { name: 'renamed', kind: 'hosted' })),
      putRoom(exampleRoom(2)),
      putMember(exampleMember(2, 2)),
      putMember(exampleMember(1, 1, { user: 'renamed' })),
      deleteMember(1),
      ...events(2, 3),
      closeRoom(1),
      appendEvent(exampleEvent(7, { roomId: 2, position: 8 })),
    ]);
    assert.deepEqual(await everything(store), before);
    const result = await store.commit([putRoom(exampleRoom(2, { name: 'renamed' })), ...events(2)]);
    assert.equal(result.status, 'committed');
  });

  test('an empty batch is committed', async (context) => {
    const { store } = await open(context);
    assert.deepEqual(await store.commit([]), { status: 'committed' });
  });

  test('bodies are opaque and come back byte for byte', async (context) => {
    const { store, reopen } = await open(context);
    const bodies = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, index) => index),
      new Uint8Array(4096).fill(0xff),
      // A view into the midst of something larger, which is not the body's.
      new Uint8Array(64).fill(7).subarray(10, 13),
    ];
    const changes = bodies.map((body, index) => appendEvent(exampleEvent(index + 1, { body })));
    await store.commit([putRoom(exampleRoom(1)), ...changes]);
    const read = await (await (reopen?.() ?? store)).read(1, 1, 9);
    assert.deepEqual(
      read.map((event) => [...event.body]),
      bodies.map((body) => [...body]),
    );
  });

  test('each part of an event comes back as it was given', async (context) => {
    const { store } = await open(context);
    const given = [
      exampleEvent(1, { kind: 4_000_000_000, author: 0, user: '', clientId: '' }),
      exampleEvent(2, { target: 1, user: 'Zoë 部屋 👩‍🚀', clientId: 'Ä/ä' }),
      exampleEvent(3, { target: 2, timeMs: 0, author: 4_294_967_295, position: 2 ** 52 }),
      exampleEvent(4, { clientId: 'x'.repeat(300), user: 'é e\u0301', position: 2 ** 53 - 1 }),
    ];
    await store.commit([putRoom(exampleRoom(1)), ...given.map(appendEvent)]);
    assert.deepEqual((await store.read(1, 1, 9)).map(withoutUndefined), given);
  });
}

export function readingContract(open: OpenStore): void {
  test('a read gives the events from a number up, oldest first, at most so many', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), ...events(1, 2, 3, 4, 5)]);
    const seqs = async (fromSeq: number, limit: number) => (await store.read(1, fromSeq, limit)).map(({ seq }) => seq);
    assert.deepEqual(await seqs(1, 3), [1, 2, 3]);
    assert.deepEqual(await seqs(3, 2), [3, 4]);
    assert.deepEqual(await seqs(4, 100), [4, 5]);
    assert.deepEqual(await seqs(0, 2), [1, 2]);
    assert.deepEqual(await seqs(1, Number.POSITIVE_INFINITY), [1, 2, 3, 4, 5]);
    assert.deepEqual(await seqs(6, 10), []);
    assert.deepEqual(await seqs(1, 0), []);
    assert.deepEqual(await seqs(1, -1), []);
    assert.deepEqual(await store.read(2, 1, 10), []);
  });

  test('rooms whose events were written in turns are read apart', async (context) => {
    const { store } = await open(context);
    const turns = [1, 2, 3, 4, 5, 6].map((at) =>
      appendEvent(exampleEvent(Math.ceil(at / 2), { roomId: 1 + (at % 2), position: at })),
    );
    await store.commit([putRoom(exampleRoom(1)), putRoom(exampleRoom(2)), ...turns]);
    assert.deepEqual((await store.read(1, 1, 9)).map(position), [2, 4, 6]);
    assert.deepEqual((await store.read(2, 1, 9)).map(position), [1, 3, 5]);
  });

  test('a read that was asked for after a commit sees it', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1))]);
    const [, read] = await Promise.all([store.commit(events(1, 2)), store.read(1, 1, 9)]);
    assert.equal(read.length, 2);
  });
}
