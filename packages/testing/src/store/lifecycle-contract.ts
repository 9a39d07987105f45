import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendEvent, exampleEvent, exampleRoom, putRoom } from './examples.ts';
import { events, everything, fill, type OpenStore } from './support.ts';

export function loadingContract(open: OpenStore): void {
  test('an empty store has nothing in it', async (context) => {
    const { store } = await open(context);
    const { epoch, ...state } = await store.load();
    assert.deepEqual(state, {
      epochStartPosition: 0,
      lastPosition: 0,
      lastRoomId: 0,
      lastMemberId: 0,
      rooms: [],
      members: [],
      names: [],
    });
    assert.ok(Number.isSafeInteger(epoch) && epoch >= 1);
  });

  test('what was committed is there', async (context) => {
    const { store } = await open(context);
    const expected = await fill(store);
    assert.deepEqual(await everything(store), expected);
  });

  test('what was committed is there after the store was closed and opened again', async (context) => {
    const { store, reopen } = await open(context);
    if (reopen === undefined) return context.skip('not durable');
    const expected = await fill(store);
    assert.deepEqual(await everything(await reopen()), expected);
  });

  test('the epoch stays as it is while nothing can have been lost', async (context) => {
    const { store, reopen } = await open(context);
    const { epoch } = await store.load();
    await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
    assert.equal((await store.load()).epoch, epoch);
    if (reopen !== undefined) assert.equal((await (await reopen()).load()).epoch, epoch);
  });

  test('the newest sequence number of each kind from 32 up is told', async (context) => {
    const { store } = await open(context);
    const kinds = [32, 31, 40, 32, 1, 65_536, 40];
    await store.commit([
      putRoom(exampleRoom(1)),
      putRoom(exampleRoom(2)),
      ...kinds.map((kind, index) => appendEvent(exampleEvent(index + 1, { kind }))),
    ]);
    const { rooms } = await store.load();
    const byRoom = new Map(rooms.map((room) => [room.id, room.lastSeqByKind]));
    const expected = new Map([
      [32, 4],
      [40, 7],
      [65_536, 6],
    ]);
    assert.deepEqual(byRoom.get(1), expected);
    assert.deepEqual(byRoom.get(2), new Map());
  });
}

export function closingContract(open: OpenStore): void {
  test('closing waits for what is under way', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1))]);
    const commit = store.commit(events(1));
    const read = store.read(1, 1, 9);
    await store.close();
    assert.deepEqual([(await commit).status, (await read).length], ['committed', 1]);
  });

  test('after it was closed every call fails, but closing again does not', async (context) => {
    const { store } = await open(context);
    await store.close();
    for (const call of [() => store.load(), () => store.commit([]), () => store.read(1, 1, 1)]) {
      await assert.rejects(call, { name: 'CoreError', code: 'STORE_FAILED' });
    }
    await store.close();
  });
}
