import type { CommitResult, CoreErrorCode, LoadedState, RoomEvent, StoreChange } from '@confab/core';
import { decodeEvents, type EncodedEvents, encodeEvents } from './event-codec.ts';
import type { LogOptions } from './options.ts';

/** A batch on its way to the worker: the events, which are nearly all of it, encoded; the rest as it is. */
export interface PackedBatch {
  readonly events: EncodedEvents;
  readonly others: readonly { readonly index: number; readonly change: StoreChange }[];
}

/** What the worker can be asked, and what it answers. */
export interface WorkerCalls {
  open: { ask: LogOptions; answer: { readonly file: string } };
  load: { ask: undefined; answer: LoadedState };
  commit: { ask: PackedBatch; answer: CommitResult };
  read: { ask: { roomId: number; fromSeq: number; limit: number }; answer: EncodedEvents };
  close: { ask: undefined; answer: undefined };
}

export type WorkerCall = keyof WorkerCalls;

export type WorkerRequest = {
  [Call in WorkerCall]: { readonly id: number; readonly call: Call; readonly ask: WorkerCalls[Call]['ask'] };
}[WorkerCall];

/** Requests are answered in the order they were asked. */
export type WorkerAnswer =
  | { readonly id: number; readonly answer: WorkerCalls[WorkerCall]['answer'] }
  | { readonly id: number; readonly error: { readonly code: CoreErrorCode; readonly message: string } };

export function packBatch(changes: readonly StoreChange[]): PackedBatch {
  const events: RoomEvent[] = [];
  const others: { index: number; change: StoreChange }[] = [];
  for (let index = 0; index < changes.length; index += 1) {
    const change = changes[index]!;
    if (change.type === 'event') events.push(change.event);
    else others.push({ index, change });
  }
  return { events: encodeEvents(events), others };
}

/** The bodies are views into the batch's buffer. */
export function unpackBatch(batch: PackedBatch): StoreChange[] {
  const events = decodeEvents(batch.events, 'shared');
  const count = events.length + batch.others.length;
  const changes: StoreChange[] = [];
  let nextEvent = 0;
  let nextOther = 0;
  while (changes.length < count) {
    const other = batch.others[nextOther];
    if (other?.index === changes.length) {
      changes.push(other.change);
      nextOther += 1;
    } else {
      changes.push({ type: 'event', event: events[nextEvent]! });
      nextEvent += 1;
    }
  }
  return changes;
}
