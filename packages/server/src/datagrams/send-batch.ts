import type { DatagramCalls } from './calls.ts';
import {
  MESSAGE_BYTES,
  NAME_AT,
  NAME_BYTES_AT,
  NAME_ROOM_BYTES,
  putPointer,
  VECTOR_AT,
  VECTOR_BYTES,
  VECTOR_COUNT_AT,
  WORD_BYTES,
} from './message-layout.ts';
import { IPV4_NAME_BYTES, IPV4_WORDS, IPV6_NAME_BYTES, IPV6_WORDS } from './socket-address.ts';

export interface SendBatchSize {
  /** Messages of one call; Linux takes no more than 1024. */
  readonly messagesMax: number;
  /** Bytes of them together, of datagrams that several get counted once. */
  readonly bytesMax: number;
}

/**
 * Messages for one sendmmsg(2), in memory of their own that is laid out once: what changes from call to call is each
 * message's address, where its bytes are, and the bytes. Bytes are copied in, so that the kernel reads nothing that the
 * garbage collector could move; a datagram for many is copied once.
 */
export class SendBatch {
  readonly #calls: DatagramCalls;
  /** Kept, so that the memory is. */
  readonly #memory: ArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #address: bigint;
  readonly #bytesAddress: number;
  readonly #messagesMax: number;
  readonly #nameWords: number;
  readonly #vectorsAt: number;
  readonly #namesAt: number;
  /** Where each message's bytes begin. */
  readonly #starts: number[] = [];
  #count = 0;
  #bytesUsed = 0;
  /** What was copied in last, where it is, and up to where. */
  #newest: Uint8Array | undefined;
  #newestAt = 0;

  constructor(calls: DatagramCalls, family: 4 | 6, { messagesMax, bytesMax }: SendBatchSize) {
    this.#calls = calls;
    this.#messagesMax = messagesMax;
    this.#nameWords = family === 6 ? IPV6_WORDS : IPV4_WORDS;
    this.#vectorsAt = messagesMax * MESSAGE_BYTES;
    this.#namesAt = this.#vectorsAt + messagesMax * VECTOR_BYTES;
    const bytesAt = this.#namesAt + messagesMax * NAME_ROOM_BYTES;
    this.#memory = new ArrayBuffer(bytesAt + bytesMax);
    this.#words = new Int32Array(this.#memory, 0, bytesAt / WORD_BYTES);
    this.#bytes = new Uint8Array(this.#memory, bytesAt);
    this.#address = calls.addressOf(this.#memory);
    // User space ends far below 2^53: exact.
    const address = Number(this.#address);
    this.#bytesAddress = address + bytesAt;
    for (let index = 0; index < messagesMax; index += 1) {
      const at = index * MESSAGE_BYTES;
      putPointer(this.#words, at + NAME_AT, address + this.#namesAt + index * NAME_ROOM_BYTES);
      this.#words[(at + NAME_BYTES_AT) / WORD_BYTES] = family === 6 ? IPV6_NAME_BYTES : IPV4_NAME_BYTES;
      putPointer(this.#words, at + VECTOR_AT, address + this.#vectorsAt + index * VECTOR_BYTES);
      this.#words[(at + VECTOR_COUNT_AT) / WORD_BYTES] = 1;
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Whether an address of this form is one of the batch's family. */
  takes(words: readonly number[]): boolean {
    return words.length === this.#nameWords;
  }

  /**
   * Add a datagram. False, and nothing is changed, when there is no room for it.
   * @param words where it goes, of the batch's family (see `takes`)
   * @param bytes if the same as those of the last one, they must not have changed
   */
  add(words: readonly number[], bytes: Uint8Array): boolean {
    if (this.#count >= this.#messagesMax || words.length !== this.#nameWords) return false;
    if (bytes !== this.#newest) {
      if (bytes.length > this.#bytes.length - this.#bytesUsed) return false;
      this.#bytes.set(bytes, this.#bytesUsed);
      this.#newest = bytes;
      this.#newestAt = this.#bytesUsed;
      this.#bytesUsed += bytes.length;
    }
    const vectorAt = this.#vectorsAt + this.#count * VECTOR_BYTES;
    putPointer(this.#words, vectorAt, this.#bytesAddress + this.#newestAt);
    this.#words[(vectorAt + VECTOR_BYTES / 2) / WORD_BYTES] = bytes.length;
    this.#starts[this.#count] = this.#newestAt;
    const nameAt = (this.#namesAt + this.#count * NAME_ROOM_BYTES) / WORD_BYTES;
    for (let index = 0; index < words.length; index += 1) this.#words[nameAt + index] = words[index]!;
    this.#count += 1;
    return true;
  }

  /** Hand over the messages from this one on. Returns how many the system took, or -1. */
  send(descriptor: number, from: number): number {
    if (!(from >= 0 && from < this.#count)) return -1;
    const address = from === 0 ? this.#address : this.#address + BigInt(from * MESSAGE_BYTES);
    return this.#calls.sendMany(descriptor, address, this.#count - from);
  }

  /** A copy of a message's bytes. */
  bytesOf(index: number): Uint8Array {
    const length = this.#words[(this.#vectorsAt + index * VECTOR_BYTES + VECTOR_BYTES / 2) / WORD_BYTES]!;
    const start = this.#starts[index]!;
    return this.#bytes.slice(start, start + length);
  }

  clear(): void {
    this.#count = 0;
    this.#bytesUsed = 0;
    this.#newest = undefined;
  }
}
