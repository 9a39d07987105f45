import { WORD_BYTES } from '../datagrams/message-layout.ts';
import { RING_ENTRIES, type RingCalls } from './ring-calls.ts';
import {
  ADDRESS_AT,
  COMPLETION_BYTES,
  DESCRIPTOR_AT,
  ENTRY_BYTES,
  FLAGS_AT,
  LENGTH_AT,
  RESULT_AT,
  SEND_OPERATION,
  USER_DATA_AT,
} from './ring-layout.ts';

const ENTRY_WORDS = ENTRY_BYTES / WORD_BYTES;
const COMPLETION_WORDS = COMPLETION_BYTES / WORD_BYTES;
const MASK = RING_ENTRIES - 1;
/** What is told of a send that was not made. */
const NOT_MADE = -1;

/**
 * Sends to many connections with one system call, without waiting for any of them: what a connection does not take at once
 * is told, as send(2) with `MSG_DONTWAIT` would. A connection is added no more than once for each call: if it took only a
 * part of the first, what the second brought would be out of place.
 */
export class SendRing {
  readonly #calls: RingCalls;
  readonly #rings: Int32Array;
  readonly #entries: Int32Array;
  readonly #results = new Int32Array(RING_ENTRIES);
  #count = 0;
  /** The bytes that are being added: the lower and the upper half of their address, and how many there are. */
  #addressLow = 0;
  #addressHigh = 0;
  #length = 0;

  /** @param flags of send(2) */
  constructor(calls: RingCalls, flags: number) {
    this.#calls = calls;
    this.#rings = new Int32Array(calls.rings);
    this.#entries = new Int32Array(calls.entries);
    const { submissionSlotsAt } = calls.layout;
    for (let slot = 0; slot < RING_ENTRIES; slot += 1) {
      // Each slot has its own entry, of which only the descriptor and the bytes ever change.
      this.#rings[submissionSlotsAt / WORD_BYTES + slot] = slot;
      const at = slot * ENTRY_BYTES;
      this.#entries[at / WORD_BYTES] = SEND_OPERATION;
      this.#entries[(at + FLAGS_AT) / WORD_BYTES] = flags;
      this.#entries[(at + USER_DATA_AT) / WORD_BYTES] = slot;
    }
  }

  /** Connections that were added since the last `send`. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === RING_ENTRIES;
  }

  /** These bytes are what is added next. They must stay there until they are sent. */
  use(address: number, length: number): void {
    this.#addressLow = address | 0;
    this.#addressHigh = Math.floor(address / 2 ** 32);
    this.#length = length;
  }

  /** One more to send them to; at most so many as the ring has entries. */
  add(descriptor: number): void {
    const at = ((this.#tail + this.#count) & MASK) * ENTRY_WORDS;
    this.#entries[at + DESCRIPTOR_AT / WORD_BYTES] = descriptor;
    this.#entries[at + ADDRESS_AT / WORD_BYTES] = this.#addressLow;
    this.#entries[at + ADDRESS_AT / WORD_BYTES + 1] = this.#addressHigh;
    this.#entries[at + LENGTH_AT / WORD_BYTES] = this.#length;
    this.#count += 1;
  }

  /**
   * Send what was added.
   * @returns for each, in order, the bytes that its connection took, or a number below 0; valid until the next call
   */
  send(): Int32Array {
    const { layout } = this.#calls;
    const count = this.#count;
    const results = this.#results;
    this.#count = 0;
    const first = this.#tail;
    results.fill(NOT_MADE, 0, count);
    this.#tail = first + count;
    const taken = Math.max(0, this.#calls.enter(count, 0));
    // What the kernel did not take is not to go out later, when the descriptor may be another connection's.
    if (taken < count) this.#tail = this.#rings[layout.submissionHeadAt / WORD_BYTES]!;
    for (let told = this.#collect(first); told < taken; told += this.#collect(first))
      this.#calls.enter(0, taken - told);
    return results.subarray(0, count);
  }

  /** @returns how many results there were */
  #collect(first: number): number {
    const { completionHeadAt, completionTailAt, completionsAt, completionEntries } = this.#calls.layout;
    const rings = this.#rings;
    const head = rings[completionHeadAt / WORD_BYTES]!;
    const count = (rings[completionTailAt / WORD_BYTES]! - head) | 0;
    for (let index = 0; index < count; index += 1) {
      const at = completionsAt / WORD_BYTES + ((head + index) & (completionEntries - 1)) * COMPLETION_WORDS;
      this.#results[(rings[at]! - first) & MASK] = rings[at + RESULT_AT / WORD_BYTES]!;
    }
    rings[completionHeadAt / WORD_BYTES] = head + count;
    return count;
  }

  get #tail(): number {
    return this.#rings[this.#calls.layout.submissionTailAt / WORD_BYTES]!;
  }

  set #tail(tail: number) {
    this.#rings[this.#calls.layout.submissionTailAt / WORD_BYTES] = tail;
  }
}
