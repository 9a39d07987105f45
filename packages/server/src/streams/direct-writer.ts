import type { Socket } from 'node:net';
import {
  MESSAGE_BYTES,
  putPointer,
  VECTOR_AT,
  VECTOR_BYTES,
  VECTOR_COUNT_AT,
  WORD_BYTES,
} from '../datagrams/message-layout.ts';
import type { StreamCalls } from './calls.ts';
import { descriptorOf } from './descriptor.ts';
import { NO_DESCRIPTOR, type StreamWriter } from './writer.ts';

/** Longer writes go through `node:net`, for which the call is then a small part of the cost. */
export const DIRECT_BYTES_MAX = 262_144;

const VECTOR_LENGTH_AT = MESSAGE_BYTES + 8;
const BYTES_AT = MESSAGE_BYTES + VECTOR_BYTES;

/**
 * Writes with one system call of its own where nothing of the socket waits to be written: no request object, no callback, no
 * timer. What the system does not take, and whatever comes while that waits, goes through the socket, in order; so do
 * errors, of which the socket tells.
 *
 * The bytes are copied to memory of the writer's own, once for all sockets that get the same ones, so that the kernel reads
 * nothing that the garbage collector could move.
 */
export class DirectWriter implements StreamWriter {
  readonly #calls: StreamCalls;
  /** A `struct msghdr` (the beginning of a `struct mmsghdr`), its one `struct iovec`, then the bytes. */
  readonly #memory = new ArrayBuffer(BYTES_AT + DIRECT_BYTES_MAX);
  readonly #words = new Int32Array(this.#memory, 0, BYTES_AT / WORD_BYTES);
  readonly #bytes = new Uint8Array(this.#memory, BYTES_AT);
  readonly #message: bigint;
  /** What was copied in last. */
  #newest: Uint8Array | undefined;

  constructor(calls: StreamCalls) {
    this.#calls = calls;
    this.#message = calls.addressOf(this.#memory);
    // User space ends far below 2^53: exact.
    const address = Number(this.#message);
    putPointer(this.#words, VECTOR_AT, address + MESSAGE_BYTES);
    this.#words[VECTOR_COUNT_AT / WORD_BYTES] = 1;
    putPointer(this.#words, MESSAGE_BYTES, address + BYTES_AT);
  }

  descriptorOf(socket: Socket): number {
    return descriptorOf(socket, this.#calls) ?? NO_DESCRIPTOR;
  }

  write(socket: Socket, descriptor: number, bytes: Uint8Array): boolean {
    // The number is the socket's own until it is destroyed, and no longer.
    const isFree =
      descriptor !== NO_DESCRIPTOR &&
      socket.writableLength === 0 &&
      socket.writableCorked === 0 &&
      socket.writable &&
      !socket.destroyed;
    if (!isFree || bytes.length > DIRECT_BYTES_MAX) return socket.write(bytes);
    if (bytes !== this.#newest) {
      this.#bytes.set(bytes);
      this.#words[VECTOR_LENGTH_AT / WORD_BYTES] = bytes.length;
      this.#newest = bytes;
    }
    const taken = this.#calls.send(descriptor, this.#message);
    if (taken === bytes.length) return true;
    return socket.write(taken > 0 ? bytes.subarray(taken) : bytes);
  }
}
