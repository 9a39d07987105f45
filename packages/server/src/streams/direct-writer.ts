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
import { Lanes, NO_DESCRIPTOR } from './lanes.ts';
import { SendRing } from './send-ring.ts';
import { corked, NO_LANE, type Shortfall, type StreamWriter } from './writer.ts';

/** Longer writes go through `node:net`, for which the call is then a small part of the cost. */
export const DIRECT_BYTES_MAX = 262_144;

/** With fewer sockets a call for each is as good. */
const GATHERED_MIN = 3;

const VECTOR_LENGTH_AT = MESSAGE_BYTES + 8;
const BYTES_AT = MESSAGE_BYTES + VECTOR_BYTES;

const NO_BYTES = new Uint8Array(0);
const NOTHING: readonly Shortfall[] = [];

/**
 * Writes with one system call of its own where nothing of the socket waits to be written: no request object, no callback, no
 * timer. What the system does not take, and whatever comes while that waits, goes through the socket, in order; so do
 * errors, of which the socket tells.
 *
 * The bytes are copied to memory of the writer's own, once for all sockets that get the same ones, so that the kernel reads
 * nothing that the garbage collector could move. Where the system has a ring, many sockets are written to by one call.
 */
export class DirectWriter implements StreamWriter {
  readonly #calls: StreamCalls;
  readonly #findDescriptor: typeof descriptorOf;
  /** A `struct msghdr` (the beginning of a `struct mmsghdr`), its one `struct iovec`, then the bytes. */
  readonly #memory = new ArrayBuffer(BYTES_AT + DIRECT_BYTES_MAX);
  readonly #words = new Int32Array(this.#memory, 0, BYTES_AT / WORD_BYTES);
  readonly #bytes = new Uint8Array(this.#memory, BYTES_AT);
  readonly #message: bigint;
  readonly #ring: SendRing | undefined;
  readonly #lanes = new Lanes();
  /** What was copied in last. */
  #newest: Uint8Array = NO_BYTES;
  /** How many sockets it was sent to through the ring, of those that it is gathered for. */
  #sent = 0;
  #shortfalls: Shortfall[] = [];

  /** @param findDescriptor how to find a socket's descriptor */
  constructor(calls: StreamCalls, findDescriptor = descriptorOf) {
    this.#calls = calls;
    this.#findDescriptor = findDescriptor;
    this.#message = calls.addressOf(this.#memory);
    // User space ends far below 2^53: exact.
    const address = Number(this.#message);
    putPointer(this.#words, VECTOR_AT, address + MESSAGE_BYTES);
    this.#words[VECTOR_COUNT_AT / WORD_BYTES] = 1;
    putPointer(this.#words, MESSAGE_BYTES, address + BYTES_AT);
    if (calls.ring !== undefined) this.#ring = new SendRing(calls.ring, address + BYTES_AT, SEND_FLAGS);
  }

  open(socket: Socket): number {
    const descriptor = this.#findDescriptor(socket, this.#calls);
    return descriptor === undefined ? NO_LANE : this.#lanes.open(socket, descriptor);
  }

  close(socket: Socket, lane: number): void {
    this.#lanes.close(socket, lane);
  }

  write(socket: Socket, lane: number, bytes: Uint8Array): boolean {
    let descriptor = this.#lanes.free(lane);
    if (descriptor === NO_DESCRIPTOR) descriptor = this.#lanes.look(socket, lane);
    if (descriptor === NO_DESCRIPTOR || bytes.length > DIRECT_BYTES_MAX) return socket.write(bytes);
    this.#copy(bytes);
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

  gather(bytes: Uint8Array, sockets: number): boolean {
    if (this.#ring === undefined || sockets < GATHERED_MIN || bytes.length > DIRECT_BYTES_MAX) return false;
    this.#copy(bytes);
    this.#sent = 0;
    return true;
  }

  add(lane: number): boolean {
    const descriptor = this.#lanes.free(lane);
    const ring = this.#ring;
    if (descriptor === NO_DESCRIPTOR || ring === undefined) return false;
    ring.add(descriptor);
    if (ring.isFull) this.#send(ring);
    return true;
  }

  settle(): readonly Shortfall[] {
    if (this.#ring !== undefined && this.#ring.count > 0) this.#send(this.#ring);
    if (this.#shortfalls.length === 0) return NOTHING;
    const shortfalls = this.#shortfalls;
    this.#shortfalls = [];
    return shortfalls;
  }

  #send(ring: SendRing): void {
    const { length } = this.#newest;
    const results = ring.send(length);
    for (let index = 0; index < results.length; index += 1) {
      const taken = results[index]!;
      if (taken !== length) this.#shortfalls.push({ index: this.#sent + index, taken: Math.max(0, taken) });
    }
    this.#sent += results.length;
  }

  #copy(bytes: Uint8Array): void {
    if (bytes === this.#newest) return;
    this.#bytes.set(bytes);
    this.#words[VECTOR_LENGTH_AT / WORD_BYTES] = bytes.length;
    this.#newest = bytes;
  }
}
