import { encodePost } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import type { Outbox, OutboxEntry, OutboxFailure, OutboxPost } from '../../outbox/outbox.ts';
import type { OutboxView } from '../../outbox/view.ts';
import type { OutboxEvent } from '../../session.ts';
import { actionOf } from './kinds.ts';
import type { LinkRefusal } from './refusals.ts';

/** Of what has piled up so many go out at once, and then so many a second: within what a server allows by default. */
export const BACKLOG_BURST = 500;
export const BACKLOG_PER_SECOND = 80;

export interface PostsOptions {
  readonly outbox: Outbox;
  /** Put a record on the room's channel. @returns whether the channel is full now */
  readonly send: (record: Uint8Array) => boolean;
  readonly emit: (event: OutboxEvent) => void;
  readonly later: (delayMs: number, task: () => void) => void;
}

interface Waiter {
  /** With the number of the event. */
  readonly resolve: (seq: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * What a session has to say, from the outbox to the room's channel and back: each message is posted on every new session
 * until the server has it or refuses it; the server takes each number once.
 */
export class Posts implements OutboxView {
  readonly #options: PostsOptions;
  readonly #outbox: Outbox;
  readonly #waiters = new Map<number, Waiter>();
  /** Bodies of messages that are accepted and not yet seen in the room. */
  readonly #unseen = new Map<number, Uint8Array>();
  /** Given to the channel; it will arrive if the session goes on. */
  readonly #given = new Set<number>();
  #queue: OutboxEntry[] = [];
  /** The room whose channel is open. */
  #room: string | undefined;
  /** Of the post that the channel carried last. */
  #lastPosted: number | undefined;
  #allowance = Number.POSITIVE_INFINITY;
  #isFull = false;
  #isReachable = true;
  #onSettled: { readonly room: string; readonly resolve: () => void } | undefined;

  constructor(options: PostsOptions) {
    this.#options = options;
    this.#outbox = options.outbox;
  }

  get pendingCount(): number {
    return this.#outbox.pendingCount;
  }

  find(number: number): OutboxEntry | undefined {
    return this.#outbox.find(number);
  }

  pending(room?: string): OutboxEntry[] {
    return this.#outbox.pending(room);
  }

  failed(): OutboxEntry[] {
    return this.#outbox.failed();
  }

  retry(number: number): OutboxEntry | undefined {
    const entry = this.#outbox.retry(number);
    if (entry !== undefined) this.#enqueue(entry);
    return entry;
  }

  discard(number: number): void {
    this.#outbox.discard(number);
  }

  /**
   * Keep a message, and send it when that is possible.
   * @throws {ClientError} OUTBOX_FULL, OUTBOX_FAILED
   */
  add(post: OutboxPost): { readonly number: number; readonly accepted: Promise<number> } {
    const entry = this.#outbox.add(post);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiters.set(entry.number, { resolve, reject });
    // Whoever does not wait is told by events.
    promise.catch(() => {});
    this.#enqueue(entry);
    return { number: entry.number, accepted: promise };
  }

  /** The room's channel is open and new: everything of it is sent again. */
  opened(room: string): void {
    this.#room = room;
    this.#lastPosted = undefined;
    this.#isFull = false;
    this.#given.clear();
    this.#queue = this.#outbox.pending(room);
    const hasBacklog = this.#queue.length > BACKLOG_BURST;
    this.#allowance = hasBacklog ? BACKLOG_BURST : Number.POSITIVE_INFINITY;
    if (hasBacklog) this.#refillLater();
    this.#pump();
  }

  /** There is no channel for a while. */
  closed(): void {
    this.#room = undefined;
    this.#queue = [];
    this.#given.clear();
    this.#requeue();
  }

  drained(): void {
    this.#isFull = false;
    this.#pump();
  }

  /** Whether what was given to the channel is on its way, or waits with it for a path. */
  reachable(isReachable: boolean): void {
    this.#isReachable = isReachable;
    if (!isReachable) {
      this.#requeue();
      return;
    }
    for (const number of this.#given) this.#markSent(number);
    this.#pump();
  }

  /**
   * @param seq number of its event
   * @param isSeen whether its event came already, or will not come
   */
  accepted(number: number, seq: number, isSeen: boolean): void {
    const entry = this.#outbox.find(number);
    if (entry === undefined || entry.state === 'failed') return;
    if (!isSeen) this.#unseen.set(number, entry.body);
    this.#outbox.accept(number);
    this.#given.delete(number);
    this.#emit({ ...entry, state: 'accepted' });
    this.#waiters.get(number)?.resolve(seq);
    this.#waiters.delete(number);
    this.#checkSettled();
  }

  /** Its event has come: what it says, undefined when that is not known here. */
  seen(number: number, seq: number): Uint8Array | undefined {
    const body = this.#unseen.get(number) ?? this.#outbox.find(number)?.body;
    this.#unseen.delete(number);
    this.accepted(number, seq, true);
    return body;
  }

  refused(number: number, error: LinkRefusal): void {
    const entry = this.#outbox.find(number);
    if (entry === undefined || entry.state === 'failed') return;
    const failure: OutboxFailure = { code: error.code, text: error.message };
    this.#outbox.fail(number, failure);
    this.#given.delete(number);
    this.#emit({ ...entry, state: 'failed', failure });
    this.#waiters.get(number)?.reject(error);
    this.#waiters.delete(number);
    this.#checkSettled();
  }

  /** Fulfils when nothing of a room is under way any more, or after this time, ms. */
  async settled(room: string, timeoutMs: number): Promise<void> {
    if (this.#outbox.pending(room).length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSettled = { room, resolve };
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#onSettled = undefined;
  }

  /** Nobody is told any more. */
  release(reason: string): void {
    this.#room = undefined;
    for (const { reject } of this.#waiters.values()) reject(new ClientError('SEND_UNCERTAIN', reason));
    this.#waiters.clear();
  }

  #checkSettled(): void {
    const waiting = this.#onSettled;
    if (waiting !== undefined && this.#outbox.pending(waiting.room).length === 0) waiting.resolve();
  }

  #enqueue(entry: OutboxEntry): void {
    if (this.#room === entry.room) {
      this.#queue.push(entry);
      this.#pump();
    }
    const now = this.#outbox.find(entry.number);
    if (now?.state === 'queued') this.#emit(now);
  }

  #pump(): void {
    while (this.#room !== undefined && !this.#isFull && this.#allowance > 0) {
      const entry = this.#queue.shift();
      if (entry === undefined) {
        this.#allowance = Number.POSITIVE_INFINITY;
        return;
      }
      // It may have been accepted on the session before.
      if (this.#outbox.find(entry.number) === undefined) continue;
      this.#allowance -= 1;
      const { number, kind, target, body } = entry;
      this.#given.add(number);
      this.#isFull = this.#options.send(
        encodePost({ kind, outbox: number, body, ...(target === undefined ? {} : { target }) }, this.#lastPosted),
      );
      this.#lastPosted = number;
      if (this.#isReachable) this.#markSent(number);
    }
  }

  #refillLater(): void {
    this.#options.later(1000, () => {
      if (this.#allowance === Number.POSITIVE_INFINITY) return;
      this.#allowance = Math.min(BACKLOG_BURST, this.#allowance + BACKLOG_PER_SECOND);
      this.#pump();
      if (this.#queue.length > 0) this.#refillLater();
    });
  }

  #markSent(number: number): void {
    if (this.#outbox.find(number)?.state !== 'queued') return;
    this.#outbox.markSent(number);
    this.#emit(this.#outbox.find(number)!);
  }

  #requeue(): void {
    const sent = this.#outbox.pending().filter(({ state }) => state === 'sent');
    this.#outbox.markQueued();
    for (const entry of sent) this.#emit({ ...entry, state: 'queued' });
  }

  #emit({ number, room, kind, target, state, failure, body }: OutboxEntry): void {
    const text = new TextDecoder().decode(body);
    this.#options.emit({ type: 'outbox', number, room, action: actionOf(kind), target, state, failure, text });
  }
}
