import type { DatagramCalls } from './calls.ts';
import {
  LENGTH_AT,
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

/** Room for the largest datagram, bytes. Not a power of two, so that the beginnings do not all compete for one cache line. */
const SLOT_BYTES = 65_536 + 192;

/** One datagram of a batch. */
export interface Received {
  /** Good until the next `receive`. */
  readonly bytes: Uint8Array;
  /** Of an IPv4 sender; see {@link socketAddressOf}. */
  readonly portWord: number;
  readonly addressWord: number;
}

/**
 * Datagrams of one recvmmsg(2) from an IPv4 socket, in memory of their own that is laid out once. Memory that no datagram
 * was ever put into is not taken from the system, so the room for large ones costs nothing while they are small.
 */
export class ReceiveBatch {
  readonly #calls: DatagramCalls;
  readonly #messagesMax: number;
  /** Kept, so that the memory is. */
  readonly #memory: ArrayBuffer;
  readonly #words: Int32Array;
  readonly #address: bigint;
  readonly #namesAt: number;
  readonly #slotsAt: number;

  /** @param messagesMax datagrams of one call; Linux gives no more than 1024 */
  constructor(calls: DatagramCalls, messagesMax: number) {
    this.#calls = calls;
    this.#messagesMax = messagesMax;
    const vectorsAt = messagesMax * MESSAGE_BYTES;
    this.#namesAt = vectorsAt + messagesMax * VECTOR_BYTES;
    this.#slotsAt = this.#namesAt + messagesMax * NAME_ROOM_BYTES;
    this.#memory = new ArrayBuffer(this.#slotsAt + messagesMax * SLOT_BYTES);
    this.#words = new Int32Array(this.#memory, 0, this.#slotsAt / WORD_BYTES);
    this.#address = calls.addressOf(this.#memory);
    // User space ends far below 2^53: exact.
    const address = Number(this.#address);
    for (let index = 0; index < messagesMax; index += 1) {
      const at = index * MESSAGE_BYTES;
      const vectorAt = vectorsAt + index * VECTOR_BYTES;
      putPointer(this.#words, at + NAME_AT, address + this.#namesAt + index * NAME_ROOM_BYTES);
      putPointer(this.#words, at + VECTOR_AT, address + vectorAt);
      this.#words[(at + VECTOR_COUNT_AT) / WORD_BYTES] = 1;
      putPointer(this.#words, vectorAt, address + this.#slotsAt + index * SLOT_BYTES);
      this.#words[(vectorAt + VECTOR_BYTES / 2) / WORD_BYTES] = SLOT_BYTES;
    }
  }

  /** Take what the socket has, up to `messagesMax` datagrams, without waiting. Returns how many there were. */
  receive(descriptor: number): number {
    // The kernel has put in how long each name was; it wants to read how much room there is.
    for (let index = 0; index < this.#messagesMax; index += 1) {
      this.#words[(index * MESSAGE_BYTES + NAME_BYTES_AT) / WORD_BYTES] = NAME_ROOM_BYTES;
    }
    const count = this.#calls.receiveMany(descriptor, this.#address, this.#messagesMax);
    return Math.max(0, Math.min(count, this.#messagesMax));
  }

  /** @param index of those that `receive` has told of */
  at(index: number): Received {
    const length = this.#words[(index * MESSAGE_BYTES + LENGTH_AT) / WORD_BYTES]!;
    const nameAt = (this.#namesAt + index * NAME_ROOM_BYTES) / WORD_BYTES;
    return {
      bytes: new Uint8Array(
        this.#memory,
        this.#slotsAt + index * SLOT_BYTES,
        Math.max(0, Math.min(length, SLOT_BYTES)),
      ),
      portWord: this.#words[nameAt]!,
      addressWord: this.#words[nameAt + 1]!,
    };
  }
}
