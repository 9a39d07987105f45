import assert from 'node:assert/strict';
import { CoreError, type Store, type StoreChange } from '@confab/core';
import fc from 'fast-check';
import {
  appendEvent,
  closeRoom,
  deleteMember,
  deleteName,
  exampleEvent,
  exampleMember,
  exampleRoom,
  plainState,
  putMember,
  putName,
  putRoom,
  withoutUndefined,
} from './examples.ts';
import type { ModelResult, StoreModel } from './model.ts';

/** The store under test; `reopen` is absent for one that does not outlive its process. */
export interface StoreHolder {
  store: Store;
  reopen?(): Promise<void>;
}

type StoreCommand = fc.AsyncCommand<StoreModel, StoreHolder>;

/** A change before its numbers are known: those depend on what the commands before it have left. */
type ChangePlan =
  | { readonly type: 'room-put'; readonly id: number; readonly name: string; readonly password: string | undefined }
  | { readonly type: 'room-close'; readonly id: number }
  | {
      readonly type: 'member-put';
      readonly id: number;
      readonly choice: number;
      readonly user: string;
      readonly deviceKey: string | undefined;
    }
  | { readonly type: 'member-delete'; readonly id: number }
  | { readonly type: 'name-put'; readonly user: string; readonly deviceKey: string; readonly takenMs: number }
  | { readonly type: 'name-delete'; readonly user: string; readonly deviceKey: string | undefined }
  | {
      readonly type: 'event';
      readonly choice: number;
      readonly kind: number;
      readonly clientId: string | undefined;
      readonly isVerified: true | undefined;
      readonly target: number | undefined;
      readonly body: Uint8Array;
      /** Mostly 0; anything else is out of step. */
      readonly seqOffset: number;
      readonly positionOffset: number;
    };

const STRAY_ROOM = 3;

// Few ids, names and client ids, so that they meet.
const id = fc.integer({ min: 1, max: 6 });
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const mostlyZero = (other: fc.Arbitrary<number>) =>
  fc.oneof({ arbitrary: fc.constant(0), weight: 30 }, { arbitrary: other, weight: 1 });

/** Which of the open rooms; 0: one that may not be. */
const roomChoice = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 4 }), weight: 30 },
  { arbitrary: fc.constant(0), weight: 1 },
);

const changePlan: fc.Arbitrary<ChangePlan> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('room-put' as const),
      id,
      name: fc.constantFrom('a', 'A', 'é', 'e\u0301', '部屋'),
      password: optional(fc.string({ unit: 'grapheme', maxLength: 4 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('room-close' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('member-put' as const),
      id,
      choice: roomChoice,
      user: fc.string({ unit: 'grapheme', maxLength: 6 }),
      deviceKey: optional(fc.constantFrom('k1', 'k2')),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('member-delete' as const), id }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('name-put' as const),
      user: fc.constantFrom('Ann', 'ann', 'é', 'e\u0301'),
      deviceKey: fc.constantFrom('k1', 'K1'),
      takenMs: fc.nat(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('name-delete' as const),
      user: fc.constantFrom('Ann', 'ann', 'é', 'e\u0301'),
      deviceKey: optional(fc.constantFrom('k1', 'K1')),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('event' as const),
      choice: roomChoice,
      kind: fc.constantFrom(1, 2, 9, 31, 32, 33, 70_000),
      clientId: optional(
        fc.constantFrom('x', 'X', 'y', '', 'ü', '1', 'x1', 'x2', 'x3', 'x10', 'x02', 'x:', 'long client id '.repeat(8)),
      ),
      isVerified: optional(fc.constant(true as const)),
      target: optional(fc.nat({ max: 3 })),
      body: fc.uint8Array({ maxLength: 20 }),
      seqOffset: mostlyZero(fc.integer({ min: -2, max: 2 })),
      positionOffset: mostlyZero(fc.integer({ min: -3, max: 1_000 })),
    }),
  },
);

/** Numbers the plans as the core would: each room's events in a row, the positions across all rooms. */
function changesOf(plans: readonly ChangePlan[], model: StoreModel): StoreChange[] {
  const lastSeqs = new Map(model.roomIds.map((roomId) => [roomId, model.eventsOf(roomId).length]));
  const openRooms = model.openRoomIds;
  let position = model.lastPosition;
  const chosen = (choice: number) => (choice === 0 ? undefined : openRooms[choice % openRooms.length]) ?? STRAY_ROOM;
  const changeOf = (plan: ChangePlan): StoreChange => {
    switch (plan.type) {
      case 'room-put':
        return putRoom(exampleRoom(plan.id, { name: plan.name, passwordHash: plan.password }));
      case 'room-close':
        return closeRoom(plan.id);
      case 'member-put':
        return putMember(exampleMember(plan.id, chosen(plan.choice), { user: plan.user, deviceKey: plan.deviceKey }));
      case 'name-put':
        return putName(plan.user, plan.deviceKey, plan.takenMs);
      case 'name-delete':
        return deleteName(plan.user, plan.deviceKey);
      case 'member-delete':
        return deleteMember(plan.id);
      case 'event': {
        const { kind, clientId, isVerified, target, body } = plan;
        const roomId = chosen(plan.choice);
        const seq = (lastSeqs.get(roomId) ?? 0) + 1 + plan.seqOffset;
        position += 1 + plan.positionOffset;
        lastSeqs.set(roomId, seq);
        return appendEvent(exampleEvent(seq, { roomId, position, kind, clientId, isVerified, target, body }));
      }
    }
  };
  return plans.map(changeOf);
}

/** A call that may be made at any time. */
function command(name: string, run: (model: StoreModel, real: StoreHolder) => Promise<void>): StoreCommand {
  return { check: () => true, run, toString: () => name };
}

function commitCommand(plans: readonly ChangePlan[]): StoreCommand {
  return command(`commit(${fc.stringify(plans)})`, async (model, { store }) => {
    const changes = changesOf(plans, model);
    assert.deepEqual(plainResult(await commitStatus(store, changes)), plainResult(model.commit(changes)));
  });
}

function readCommand(roomId: number, fromSeq: number, limit: number): StoreCommand {
  return command(`read(${roomId}, ${fromSeq}, ${limit})`, async (model, { store }) => {
    const events = await store.read(roomId, fromSeq, limit);
    assert.deepEqual(events.map(withoutUndefined), model.read(roomId, fromSeq, limit).map(withoutUndefined));
  });
}

/** Sequences of calls for `fc.asyncModelRun`. */
export function storeCommands(): fc.Arbitrary<Iterable<StoreCommand>> {
  const commit = fc.array(changePlan, { maxLength: 6 }).map(commitCommand);
  const seq = fc.integer({ min: 0, max: 12 });
  return fc.commands<StoreModel, StoreHolder, false>(
    [
      commit,
      commit,
      commit,
      fc.tuple(id, seq, seq).map(([roomId, fromSeq, limit]) => readCommand(roomId, fromSeq, limit)),
      fc.constant(command('load()', (model, { store }) => expectSameState(model, store))),
      fc.constant(command('reopen()', async (_model, real) => real.reopen?.())),
    ],
    { maxCommands: 25, size: 'max' },
  );
}

/** Compares all there is. */
export async function expectSameState(model: StoreModel, store: Store): Promise<void> {
  const { epoch: _epoch, epochStartPosition: _start, ...state } = await store.load();
  assert.deepEqual(plainState(state), plainState(model.load()));
}

/** How a commit ended, a refusal included. */
async function commitStatus(store: Store, changes: readonly StoreChange[]): Promise<ModelResult> {
  try {
    return await store.commit(changes);
  } catch (error) {
    if (error instanceof CoreError && (error.code === 'STORE_FENCED' || error.code === 'STORE_FAILED')) {
      return { status: error.code };
    }
    throw error;
  }
}

function plainResult(result: ModelResult): unknown {
  if (result.status !== 'duplicates') return result;
  const duplicates = result.duplicates.map(({ index, event }) => ({ index, event: withoutUndefined(event) }));
  return { ...result, duplicates };
}
