import assert from 'node:assert/strict';
import type { LoadedState, RoomEvent, Store, StoreChange } from '@confab/core';
import type { WithCleanUp } from '../clean-up.ts';
import {
  appendEvent,
  deleteMember,
  exampleEvent,
  exampleMember,
  exampleRoom,
  plainState,
  putMember,
  putRoom,
  withoutUndefined,
} from './examples.ts';

export interface StoreUnderTest {
  /** Opened and empty. */
  readonly store: Store;
  /** Closes the newest store and opens its data again; absent for a store that does not outlive its process. */
  reopen?(): Promise<Store>;
}

/** Opens a new, empty store; whatever it opened, by `reopen` too, is closed and removed by hooks on the context. */
export type OpenStore = (context: WithCleanUp) => Promise<StoreUnderTest>;

/** Events of room 1 with these sequence numbers, which are their positions too. */
export function events(...seqs: number[]): StoreChange[] {
  return seqs.map((seq) => appendEvent(exampleEvent(seq)));
}

export const position = (event: RoomEvent): number => event.position;

export async function refused(store: Store, code: string, changes: readonly StoreChange[]): Promise<void> {
  await assert.rejects(store.commit(changes), { name: 'CoreError', code });
}

/** All kinds of things, in several batches; returns what `everything` must give. */
export async function fill(store: Store): Promise<unknown> {
  const rooms = [exampleRoom(1, { kind: 'hosted', hostId: 1, passwordHash: '$argon2id$…' }), exampleRoom(2)];
  const members = [exampleMember(1, 1), exampleMember(2, 2), exampleMember(3, 1)];
  const log = [
    exampleEvent(1, { kind: 2, body: new Uint8Array(0) }),
    exampleEvent(2, { clientId: 'a' }),
    exampleEvent(3, { kind: 32, target: 2 }),
  ];
  await store.commit([...rooms.map(putRoom), ...members.map(putMember)]);
  await store.commit(log.slice(0, 2).map(appendEvent));
  await store.commit([...log.slice(2).map(appendEvent), deleteMember(3)]);
  return {
    lastPosition: 3,
    lastRoomId: 2,
    lastMemberId: 3,
    rooms: [
      { ...rooms[0], firstSeq: 1, lastSeq: 3, lastSeqByKind: new Map([[32, 3]]) },
      { ...rooms[1], firstSeq: 1, lastSeq: 0, lastSeqByKind: new Map() },
    ],
    members: members.slice(0, 2),
    names: [],
    events: [log, []],
  };
}

/** What a store holds, but for its epoch. */
export async function everything(store: Store): Promise<unknown> {
  const { epoch: _epoch, epochStartPosition: _start, ...state }: LoadedState = plainState(await store.load());
  const logs = await Promise.all([1, 2].map((roomId) => store.read(roomId, 1, 1_000)));
  return { ...state, events: logs.map((log) => log.map(withoutUndefined)) };
}
