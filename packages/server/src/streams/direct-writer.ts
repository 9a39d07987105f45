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
import { SendRing } from './send-ring.ts';
import { NO_DESCRIPTOR, type StreamWriter } from './writer.ts';

/** Longer writes go through `node:net`, for which the call is then a small part of the cost. */
export const DIRECT_BYTES_MAX = 262_144;

/** With fewer sockets a call for each is as good. */
const GATHERED_MIN = 3;

/** In place of the descriptor of one that was written to. No descriptor, and not NO_DESCRIPTOR. */
const WRITTEN = -2;

const VECTOR_LENGTH_AT = MESSAGE_BYTES + 8;
const BYTES_AT = MESSAGE_BYTES + VECTOR_BYTES;

/**
 * Writes with one system call of its own where nothing of the socket waits to be written: no request object, no callback, no
 * timer. What the system does not take, and whatever comes while that waits, goes through the socket, in order; so do
 * errors, of which the socket tells.
 *
 * The bytes are copied to memory of the writer's own, once for all sockets that get the same ones, so that the kernel reads
 * nothing that the garbage collector could move. Where the system has a ring, those sockets are written to by one call.
 */
export class DirectWriter implements StreamWriter {
  readonly #calls: StreamCalls;
  /** A `struct msghdr` (the beginning of a `struct mmsghdr`), its one `struct iovec`, then the bytes. */
  readonly #memory = new ArrayBuffer(BYTES_AT + DIRECT_BYTES_MAX);
  readonly #words = new Int32Array(this.#memory, 0, BYTES_AT / WORD_BYTES);
  readonly #bytes = new Uint8Array(this.#memory, BYTES_AT);
  readonly #message: bigint;
  readonly #ring: SendRing | undefined;
  /** What was copied in last. */
  #newest: Uint8Array | undefined;
  /** What is expected, and by whom: in the order in which they said so. */
  #gathered: Uint8Array | undefined;
  readonly #sockets: Socket[] = [];
  readonly #descriptors: number[] = [];
  /** Of the first so many of them, to which it went out: whether they have room for more. */
  readonly #rooms: boolean[] = [];
  /** The one that is likely to be written to next: the order is the same as a rule. */
  #next = 0;
  /** Made when the order is another one: where each is. */
  #places: Map<number, number> | undefined;

  constructor(calls: StreamCalls) {
    this.#calls = calls;
    this.#message = calls.addressOf(this.#memory);
    // User space ends far below 2^53: exact.
    const address = Number(this.#message);
    putPointer(this.#words, VECTOR_AT, address + MESSAGE_BYTES);
    this.#words[VECTOR_COUNT_AT / WORD_BYTES] = 1;
    putPointer(this.#words, MESSAGE_BYTES, address + BYTES_AT);
    if (calls.ring !== undefined) this.#ring = new SendRing(calls.ring, address + BYTES_AT, SEND_FLAGS);
  }

  descriptorOf(socket: Socket): number {
    return descriptorOf(socket, this.#calls) ?? NO_DESCRIPTOR;
  }

  write(socket: Socket, descriptor: number, bytes: Uint8Array): boolean {
    if (this.#gathered !== undefined) {
      // Whatever it is, it goes behind what is expected.
      this.#sendGathered();
      const at = bytes === this.#gathered ? this.#findSent(descriptor) : undefined;
      if (at !== undefined) {
        this.#descriptors[at] = WRITTEN;
        this.#next = at + 1;
        return this.#rooms[at]!;
      }
    }
    if (bytes.length > DIRECT_BYTES_MAX || !isFree(socket, descriptor)) return socket.write(bytes);
    this.#copy(bytes);
    const taken = this.#calls.send(descriptor, this.#message);
    if (taken === bytes.length) return true;
    return socket.write(taken > 0 ? bytes.subarray(taken) : bytes);
  }

  gather(bytes: Uint8Array, sockets: number): boolean {
    if (this.#ring === undefined || this.#gathered !== undefined) return false;
    if (sockets < GATHERED_MIN || bytes.length > DIRECT_BYTES_MAX) return false;
    this.#gathered = bytes;
    return true;
  }

  expect(socket: Socket, descriptor: number): void {
    const ring = this.#ring;
    if (ring === undefined || !isFree(socket, descriptor)) return;
    ring.add(descriptor);
    this.#sockets.push(socket);
    this.#descriptors.push(descriptor);
    this.#places = undefined;
    if (ring.isFull) this.#sendGathered();
  }

  settle(): void {
    this.#sendGathered();
    this.#gathered = undefined;
    this.#sockets.length = 0;
    this.#descriptors.length = 0;
    this.#rooms.length = 0;
    this.#next = 0;
    this.#places = undefined;
  }

  /** Where the one is that it went out to and that was not written to since; undefined: there is none. */
  #findSent(descriptor: number): number | undefined {
    if (this.#descriptors[this.#next] === descriptor) return this.#next;
    if (this.#places === undefined) {
      this.#places = new Map();
      for (const [at, sent] of this.#descriptors.entries()) if (sent !== WRITTEN) this.#places.set(sent, at);
    }
    const at = this.#places.get(descriptor);
    return at !== undefined && this.#descriptors[at] === descriptor ? at : undefined;
  }

  #sendGathered(): void {
    const ring = this.#ring;
    const bytes = this.#gathered;
    if (ring === undefined || bytes === undefined || ring.count === 0) return;
    this.#copy(bytes);
    const results = ring.send(bytes.length);
    for (let index = 0; index < results.length; index += 1) {
      const taken = results[index]!;
      const socket = this.#sockets[this.#rooms.length]!;
      this.#rooms.push(taken === bytes.length || socket.write(taken > 0 ? bytes.subarray(taken) : bytes));
    }
  }

  #copy(bytes: Uint8Array): void {
    if (bytes === this.#newest) return;
    this.#bytes.set(bytes);
    this.#words[VECTOR_LENGTH_AT / WORD_BYTES] = bytes.length;
    this.#newest = bytes;
  }
}

/** Whether nothing waits to be written there. The number is the socket's own until it is destroyed, and no longer. */
function isFree(socket: Socket, descriptor: number): boolean {
  return (
    descriptor !== NO_DESCRIPTOR &&
    socket.writableLength === 0 &&
    socket.writableCorked === 0 &&
    socket.writable &&
    !socket.destroyed
  );
}
