import type { Socket } from 'node:net';
import {
  MESSAGE_BYTES,
  putPointer,
  VECTOR_AT,
  VECTOR_BYTES,
  VECTOR_COUNT_AT,
  WORD_BYTES,
} from '../datagrams/message-layout.ts';
import { SEND_FLAGS, type StreamCalls } from './calls.ts';
import { descriptorOf } from './descriptor.ts';
import { Gatherings } from './gatherings.ts';
import { Lanes, NO_DESCRIPTOR } from './lanes.ts';
import { SendRing } from './send-ring.ts';
import { corked, type Gathered, NO_LANE, type StreamWriter } from './writer.ts';

/** Longer writes go through `node:net`, for which the call is then a small part of the cost. */
export const DIRECT_BYTES_MAX = 262_144;

/** With fewer sockets, and nothing else that is gathered, a call for each is as good. */
const GATHERED_MIN = 3;

const VECTOR_BASE_AT = MESSAGE_BYTES;
const VECTOR_LENGTH_AT = MESSAGE_BYTES + 8;
const BYTES_AT = MESSAGE_BYTES + VECTOR_BYTES;

const NO_BYTES = new Uint8Array(0);

/**
 * Writes with one system call of its own where nothing of the socket waits to be written: no request object, no callback, no
 * timer. What the system does not take, and whatever comes while that waits, goes through the socket, in order; so do
 * errors, of which the socket tells.
 *
 * The bytes are copied to memory of the writer's own, once for all sockets that get the same ones, so that the kernel reads
 * nothing that the garbage collector could move. Where the system has a ring, many sockets are written to by one call,
 * whether they get the same or not.
 */
export class DirectWriter implements StreamWriter {
  readonly #calls: StreamCalls;
  readonly #findDescriptor: typeof descriptorOf;
  /** A `struct msghdr` (the beginning of a `struct mmsghdr`), its one `struct iovec`, then the bytes. */
  readonly #memory = new ArrayBuffer(BYTES_AT + DIRECT_BYTES_MAX);
  readonly #words = new Int32Array(this.#memory, 0, BYTES_AT / WORD_BYTES);
  readonly #bytes = new Uint8Array(this.#memory, BYTES_AT);
  readonly #message: bigint;
  readonly #bytesAddress: number;
  readonly #lanes: Lanes;
  /** Undefined: there is no ring. */
  readonly #gatherings: Gatherings | undefined;
  #isGathering = false;
  /** What was copied in last, and where. */
  #newest: Uint8Array = NO_BYTES;
  #newestAt = 0;
  /** Behind the last of the bytes that are still to be sent. */
  #bytesEnd = 0;

  /** @param findDescriptor how to find a socket's descriptor */
  constructor(calls: StreamCalls, findDescriptor = descriptorOf) {
    this.#calls = calls;
    this.#findDescriptor = findDescriptor;
    this.#message = calls.addressOf(this.#memory);
    // User space ends far below 2^53: exact.
    const address = Number(this.#message);
    this.#bytesAddress = address + BYTES_AT;
    putPointer(this.#words, VECTOR_AT, address + MESSAGE_BYTES);
    this.#words[VECTOR_COUNT_AT / WORD_BYTES] = 1;
    this.#lanes = new Lanes(() => this.#gatherings?.finish());
    if (calls.ring !== undefined) this.#gatherings = new Gatherings(new SendRing(calls.ring, SEND_FLAGS), this.#lanes);
  }

  open(socket: Socket): number {
    const descriptor = this.#findDescriptor(socket, this.#calls);
    return descriptor === undefined ? NO_LANE : this.#lanes.open(socket, descriptor);
  }

  close(socket: Socket, lane: number): void {
    this.#lanes.close(socket, lane);
  }

  write(socket: Socket, lane: number, bytes: Uint8Array): boolean {
    if (bytes.length > DIRECT_BYTES_MAX) return socket.write(bytes);
    // Before the lane is looked at: whoever is told may write to this socket.
    this.#makeRoom(bytes);
    let descriptor = this.#lanes.free(lane);
    if (descriptor <= NO_DESCRIPTOR) descriptor = this.#lanes.look(socket, lane);
    if (descriptor === NO_DESCRIPTOR) return socket.write(bytes);
    putPointer(this.#words, VECTOR_BASE_AT, this.#place(bytes));
    this.#words[VECTOR_LENGTH_AT / WORD_BYTES] = bytes.length;
    const taken = this.#calls.send(descriptor, this.#message);
    if (taken === bytes.length) return true;
    return socket.write(taken > 0 ? bytes.subarray(taken) : bytes);
  }

  together(socket: Socket, lane: number, task: () => void): void {
    this.#lanes.hold(lane);
    try {
      corked(socket, task);
    } finally {
      this.#lanes.look(socket, lane);
    }
  }

  gathering(task: () => void): void {
    if (this.#gatherings === undefined || this.#isGathering) {
      task();
      return;
    }
    this.#isGathering = true;
    try {
      task();
    } finally {
      this.#isGathering = false;
      this.#gatherings.finish();
    }
  }

  gather(bytes: Uint8Array, sockets: number, gathered: Gathered): boolean {
    const gatherings = this.#gatherings;
    if (gatherings === undefined || bytes.length > DIRECT_BYTES_MAX) return false;
    if (sockets < GATHERED_MIN && !this.#isGathering) return false;
    this.#makeRoom(bytes);
    gatherings.begin(this.#place(bytes), bytes.length, gathered);
    return true;
  }

  add(lane: number): boolean {
    return this.#gatherings?.add(lane) === true;
  }

  settle(): void {
    if (!this.#isGathering) this.#gatherings?.finish();
  }

  #makeRoom({ length }: Uint8Array): void {
    if (this.#bytesEnd + length > DIRECT_BYTES_MAX) this.#gatherings?.finish();
  }

  /** There is room for them. @returns their address: they stay there until all that was gathered is sent */
  #place(bytes: Uint8Array): number {
    if (bytes !== this.#newest) {
      if (this.#gatherings === undefined || this.#gatherings.isEmpty) this.#bytesEnd = 0;
      this.#bytes.set(bytes, this.#bytesEnd);
      this.#newest = bytes;
      this.#newestAt = this.#bytesEnd;
      this.#bytesEnd += bytes.length;
    }
    return this.#bytesAddress + this.#newestAt;
  }
}
