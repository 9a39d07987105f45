import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendEvent,
  closeRoom,
  deleteMember,
  exampleEvent,
  exampleMember,
  exampleRoom,
  plainState,
  putMember,
  putRoom,
} from './examples.ts';
import { events, type OpenStore, refused } from './support.ts';

export function membershipContract(open: OpenStore): void {
  test('closing a room frees its name, drops its members and leaves its events readable', async (context) => {
    const { store } = await open(context);
    await store.commit([
      putRoom(exampleRoom(1, { name: 'lobby' })),
      putRoom(exampleRoom(2)),
      putMember(exampleMember(1, 1)),
      putMember(exampleMember(2, 2)),
      ...events(1, 2),
    ]);
    await store.commit([closeRoom(1), putRoom(exampleRoom(3, { name: 'lobby' }))]);
    const state = plainState(await store.load());
    assert.deepEqual(
      state.rooms.map(({ id, name, lastSeq }) => [id, name, lastSeq]),
      [
        [2, 'room 2', 0],
        [3, 'lobby', 0],
      ],
    );
    assert.deepEqual(
      state.members.map(({ id }) => id),
      [2],
    );
    assert.equal((await store.read(1, 1, 9)).length, 2);
    assert.deepEqual(await store.read(3, 1, 9), []);
  });

  test('a name that an open room has is refused, and so is the id of a closed room', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1, { name: 'lobby' })), putRoom(exampleRoom(2)), closeRoom(2)]);
    await refused(store, 'STORE_FAILED', [putRoom(exampleRoom(3, { name: 'lobby' }))]);
    await refused(store, 'STORE_FAILED', [putRoom(exampleRoom(2))]);
    await refused(store, 'STORE_FAILED', [putRoom(exampleRoom(4)), closeRoom(4), putRoom(exampleRoom(4))]);
    assert.equal((await store.load()).lastRoomId, 2);
  });

  test('names differ when a byte of them differs', async (context) => {
    const { store, reopen } = await open(context);
    const names = ['a', 'A', 'é', 'e\u0301', 'ss', 'ß', 'ﬀ', 'ff', '部屋', '𝒳'];
    await store.commit(names.map((roomName, index) => putRoom(exampleRoom(index + 1, { name: roomName }))));
    const { rooms } = plainState(await (await (reopen?.() ?? store)).load());
    assert.deepEqual(
      rooms.map((room) => room.name),
      names,
    );
  });

  test('putting a room or a member again replaces it', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1, { passwordHash: 'hash', hostId: 1 })), putMember(exampleMember(1, 1))]);
    await store.commit(events(1));
    const room = exampleRoom(1, { name: 'renamed', kind: 'hosted' });
    const member = exampleMember(1, 1, { user: 'Bo', tokenDigest: 'new', address: '::1', profile: 'p'.repeat(1024) });
    await store.commit([putRoom(room), putMember(member)]);
    const state = plainState(await store.load());
    assert.deepEqual(state.rooms, [{ ...room, firstSeq: 1, lastSeq: 1, lastSeqByKind: new Map() }]);
    assert.deepEqual(state.members, [member]);
    assert.equal((await store.commit([putRoom(exampleRoom(2))])).status, 'committed', 'the former name is free');
  });

  test('a member without a token comes back without one', async (context) => {
    const { store, reopen } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), putMember(exampleMember(1, 1, { tokenDigest: undefined }))]);
    const { members } = await (await (reopen?.() ?? store)).load();
    assert.deepEqual(
      members.map(({ id, tokenDigest }) => [id, tokenDigest]),
      [[1, undefined]],
    );
  });

  test('a member of a room that is not open is refused', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), closeRoom(1)]);
    await refused(store, 'STORE_FAILED', [putMember(exampleMember(1, 1))]);
    await refused(store, 'STORE_FAILED', [putMember(exampleMember(1, 2))]);
    assert.equal((await store.load()).lastMemberId, 0);
  });

  test('dropping a member or closing a room that is gone already does no harm', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), putMember(exampleMember(1, 1))]);
    await store.commit([deleteMember(1), deleteMember(1), deleteMember(9), closeRoom(1), closeRoom(1), closeRoom(9)]);
    const { rooms, members } = await store.load();
    assert.deepEqual([rooms, members], [[], []]);
  });

  test('the last ids given are remembered when what had them is gone', async (context) => {
    const { store, reopen } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), putRoom(exampleRoom(5)), putMember(exampleMember(8, 5))]);
    await store.commit([deleteMember(8), closeRoom(5), putMember(exampleMember(2, 1)), deleteMember(2)]);
    const state = await (await (reopen?.() ?? store)).load();
    assert.deepEqual([state.lastRoomId, state.lastMemberId], [5, 8]);
  });

  test('the ids of authors who were never stored as members count as given', async (context) => {
    const { store, reopen } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { author: 17 }))]);
    assert.equal((await (await (reopen?.() ?? store)).load()).lastMemberId, 17);
  });
}
