import type { CommitResult, CoreErrorCode, LoadedState, RoomEvent, StoreChange } from '@confab/core';
import { encodeEvents } from './event-codec.ts';
import type { LogOptions } from './options.ts';

/** A batch on its way to the worker: the events, which are nearly all of it, as they are stored; the rest as it is. */
export interface PackedBatch {
  readonly events: Uint8Array<ArrayBuffer>;
  /** Changes that are no events, by their place among all changes of the batch. */
  readonly others: readonly { readonly index: number; readonly change: OtherChange }[];
}

export type OtherChange = Exclude<StoreChange, { type: 'event' }>;

/** What the worker can be asked, and what it answers. */
export interface WorkerCalls {
  open: { ask: LogOptions; answer: { readonly file: string } };
  load: { ask: undefined; answer: LoadedState };
  commit: { ask: PackedBatch; answer: CommitResult };
  /** Events that are in the journal. */
  take: { ask: { readonly events: Uint8Array<ArrayBuffer> }; answer: undefined };
  /** The highest number of a series of client ids in a room, 0 for none. */
  series: { ask: { readonly roomId: number; readonly series: string }; answer: number };
  read: { ask: { roomId: number; fromSeq: number; limit: number }; answer: Uint8Array<ArrayBuffer> };
  close: { ask: undefined; answer: { readonly isDone: boolean } };
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
  const others: { index: number; change: OtherChange }[] = [];
  for (let index = 0; index < changes.length; index += 1) {
    const change = changes[index]!;
    if (change.type === 'event') events.push(change.event);
    else others.push({ index, change });
  }
  return { events: encodeEvents(events), others };
}
