import type { DatagramCalls } from './calls.ts';
import { CopiedBytes } from './copied-bytes.ts';
import {
  CONTROL_AT,
  CONTROL_BYTES,
  CONTROL_BYTES_AT,
  CONTROL_DATA_AT,
  CONTROL_LEVEL_AT,
  CONTROL_ROOM_BYTES,
  CONTROL_TYPE_AT,
  MESSAGE_BYTES,
  NAME_AT,
  NAME_BYTES_AT,
  NAME_ROOM_BYTES,
  putPointer,
  SOL_UDP,
  UDP_SEGMENT,
  VECTOR_AT,
  VECTOR_BYTES,
  VECTOR_COUNT_AT,
  WORD_BYTES,
} from './message-layout.ts';
import { IPV4_NAME_BYTES, IPV6_NAME_BYTES } from './socket-address.ts';
import type { DatagramTarget } from './source.ts';

export interface SendBatchSize {
  /** Messages of one call; Linux takes no more than 1024. */
  readonly messagesMax: number;
  /** Bytes of them together, of datagrams that several get counted once. */
  readonly bytesMax: number;
}

/** Datagrams that one message is cut into, and its bytes, at most: `UDP_MAX_SEGMENTS`, and what UDP takes. */
export const SEGMENTS_MAX = 64;
export const SEGMENTED_BYTES_MAX = 65_000;
/** Stretches of bytes of all messages together, for each message that there may be. */
const VECTORS_EACH = 4;
/** What Ethernet carries whole over IPv4 and IPv6, UDP payload: larger datagrams would have to be cut once more. */
const SEGMENT_BYTES_MAX = { 4: 1472, 6: 1452 } as const;

/**
 * Messages for one sendmmsg(2), in memory of their own that is laid out once: what changes from call to call is each
 * message's address, where its bytes are, and the bytes. Bytes are copied in, so that the kernel reads nothing that the
 * garbage collector could move; a datagram for many is copied once.
 *
 * Datagrams of one length that follow one another to one address are one message, which the kernel cuts (UDP_SEGMENT): its
 * way through the system is taken once for all of them. The last one may be shorter.
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
  readonly #family: 4 | 6;
  readonly #segmentBytesMax: number;
  readonly #vectorsAt: number;
  readonly #namesAt: number;
  readonly #controlsAt: number;
  /** Each datagram: where its bytes begin and how many there are, in turn; and which one is the first of each message. */
  readonly #datagrams: number[] = [];
  readonly #firsts: number[] = [];
  #count = 0;
  #vectorCount = 0;
  #bytesUsed = 0;
  /** Where the bytes are that were copied in. */
  readonly #copied = new CopiedBytes();
  /** Of the last message: where it goes, length of its datagrams and of all of them; 0: nothing more may follow. */
  #lastTarget: DatagramTarget | undefined;
  #segmentBytes = 0;
  #messageBytes = 0;
  /** Where the last stretch of bytes ends. */
  #vectorEnd = 0;
  /** Whether datagrams may be put together. */
  isSegmenting = true;

  constructor(calls: DatagramCalls, family: 4 | 6, { messagesMax, bytesMax }: SendBatchSize) {
    this.#calls = calls;
    this.#messagesMax = messagesMax;
    this.#family = family;
    this.#segmentBytesMax = SEGMENT_BYTES_MAX[family];
    this.#vectorsAt = messagesMax * MESSAGE_BYTES;
    this.#namesAt = this.#vectorsAt + messagesMax * VECTORS_EACH * VECTOR_BYTES;
    this.#controlsAt = this.#namesAt + messagesMax * NAME_ROOM_BYTES;
    const bytesAt = this.#controlsAt + messagesMax * CONTROL_ROOM_BYTES;
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
      this.#put(at + NAME_BYTES_AT, family === 6 ? IPV6_NAME_BYTES : IPV4_NAME_BYTES);
      const controlAt = this.#controlsAt + index * CONTROL_ROOM_BYTES;
      this.#put(controlAt, CONTROL_BYTES);
      this.#put(controlAt + CONTROL_LEVEL_AT, SOL_UDP);
      this.#put(controlAt + CONTROL_TYPE_AT, UDP_SEGMENT);
      putPointer(this.#words, at + CONTROL_AT, address + controlAt);
    }
  }

  /** Messages, of one datagram or more each. */
  get count(): number {
    return this.#count;
  }

  /** Whether it is one of the batch's family. */
  takes(target: DatagramTarget): boolean {
    return target.family === this.#family;
  }

  /**
   * Add a datagram. False, and nothing is changed, when there is no room for it.
   * @param target of the batch's family (see `takes`)
   * @param bytes if the same as those of an earlier one, they must not have changed
   * @param isBorrowed they may change once this has returned
   */
  add(target: DatagramTarget, bytes: Uint8Array, isBorrowed = false): boolean {
    if (!this.takes(target)) return false;
    const known = isBorrowed ? undefined : this.#copied.find(bytes);
    if (known === undefined && bytes.length > this.#bytes.length - this.#bytesUsed) return false;
    const isJoining = this.#mayJoin(target, bytes.length);
    if (!isJoining && this.#count >= this.#messagesMax) return false;
    const start = known ?? this.#bytesUsed;
    const isStretched = isJoining && start === this.#vectorEnd;
    if (!isStretched && this.#vectorCount >= this.#messagesMax * VECTORS_EACH) return false;

    if (known === undefined) {
      this.#bytes.set(bytes, start);
      this.#bytesUsed += bytes.length;
      if (!isBorrowed) this.#copied.add(bytes, start);
    }
    if (!isJoining) this.#begin(target, bytes.length);
    this.#extend(start, bytes.length, isStretched);
    return true;
  }

  /** Hand over the messages from this one on. Returns how many the system took, or -1. */
  send(descriptor: number, from: number): number {
    if (!(from >= 0 && from < this.#count)) return -1;
    const address = from === 0 ? this.#address : this.#address + BigInt(from * MESSAGE_BYTES);
    return this.#calls.sendMany(descriptor, address, this.#count - from);
  }

  /** Copies of a message's datagrams. */
  datagramsOf(index: number): Uint8Array[] {
    const copies: Uint8Array[] = [];
    const end = this.#firsts[index + 1] ?? this.#datagrams.length;
    for (let at = this.#firsts[index]!; at < end; at += 2) {
      const start = this.#datagrams[at]!;
      copies.push(this.#bytes.slice(start, start + this.#datagrams[at + 1]!));
    }
    return copies;
  }

  clear(): void {
    this.#count = 0;
    this.#vectorCount = 0;
    this.#bytesUsed = 0;
    this.#copied.clear();
    this.#datagrams.length = 0;
    this.#firsts.length = 0;
    this.#lastTarget = undefined;
  }

  /** Whether the datagram can be one more of the last message. */
  #mayJoin(target: DatagramTarget, bytes: number): boolean {
    if (target !== this.#lastTarget || bytes === 0 || bytes > this.#segmentBytes || !this.isSegmenting) return false;
    const datagrams = (this.#datagrams.length - this.#firsts[this.#count - 1]!) / 2;
    return datagrams < SEGMENTS_MAX && this.#messageBytes + bytes <= SEGMENTED_BYTES_MAX;
  }

  #begin(target: DatagramTarget, bytes: number): void {
    const at = this.#count * MESSAGE_BYTES;
    const vectorAddress = Number(this.#address) + this.#vectorsAt + this.#vectorCount * VECTOR_BYTES;
    putPointer(this.#words, at + VECTOR_AT, vectorAddress);
    this.#put(at + VECTOR_COUNT_AT, 0);
    this.#put(at + CONTROL_BYTES_AT, 0);
    target.put(this.#words, (this.#namesAt + this.#count * NAME_ROOM_BYTES) / WORD_BYTES);
    this.#firsts.push(this.#datagrams.length);
    this.#count += 1;
    this.#lastTarget = target;
    this.#segmentBytes = bytes <= this.#segmentBytesMax ? bytes : 0;
    this.#messageBytes = 0;
  }

  /** The last message goes on with these bytes. */
  #extend(start: number, bytes: number, isStretched: boolean): void {
    const at = (this.#count - 1) * MESSAGE_BYTES;
    if (isStretched) {
      const lengthAt = this.#vectorsAt + (this.#vectorCount - 1) * VECTOR_BYTES + VECTOR_BYTES / 2;
      this.#words[lengthAt / WORD_BYTES]! += bytes;
    } else {
      const vectorAt = this.#vectorsAt + this.#vectorCount * VECTOR_BYTES;
      putPointer(this.#words, vectorAt, this.#bytesAddress + start);
      this.#put(vectorAt + VECTOR_BYTES / 2, bytes);
      this.#vectorCount += 1;
      this.#words[(at + VECTOR_COUNT_AT) / WORD_BYTES]! += 1;
    }
    this.#vectorEnd = start + bytes;
    this.#datagrams.push(start, bytes);
    if (this.#messageBytes > 0 && this.#words[(at + CONTROL_BYTES_AT) / WORD_BYTES] === 0) {
      this.#put(at + CONTROL_BYTES_AT, CONTROL_ROOM_BYTES);
      this.#put(this.#controlsAt + (this.#count - 1) * CONTROL_ROOM_BYTES + CONTROL_DATA_AT, this.#segmentBytes);
    }
    this.#messageBytes += bytes;
    // A shorter one is the last.
    if (bytes < this.#segmentBytes) this.#segmentBytes = 0;
  }

  /** A number below 2^31 at an offset in bytes; the upper half of a longer field stays 0. */
  #put(at: number, value: number): void {
    this.#words[at / WORD_BYTES] = value;
  }
}
