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
  /** What is expected, and by whom: in the order of the ring. */
  #gathered: Uint8Array | undefined;
  readonly #sockets: Socket[] = [];
  readonly #descriptors: number[] = [];
  /** Those that it went out to, and whether they have room for more: gone once they are written to. */
  readonly #sent = new Map<number, boolean>();

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
      const hasRoom = bytes === this.#gathered ? this.#sent.get(descriptor) : undefined;
      if (hasRoom !== undefined) {
        this.#sent.delete(descriptor);
        return hasRoom;
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
    if (ring.isFull) this.#sendGathered();
  }

  settle(): void {
    this.#sendGathered();
    this.#gathered = undefined;
    this.#sent.clear();
  }

  #sendGathered(): void {
    const ring = this.#ring;
    const bytes = this.#gathered;
    if (ring === undefined || bytes === undefined || ring.count === 0) return;
    this.#copy(bytes);
    const results = ring.send(bytes.length);
    for (let index = 0; index < results.length; index += 1) {
      const taken = results[index]!;
      const isWhole = taken === bytes.length;
      const hasRoom = isWhole || this.#sockets[index]!.write(taken > 0 ? bytes.subarray(taken) : bytes);
      this.#sent.set(this.#descriptors[index]!, hasRoom);
    }
    this.#sockets.length = 0;
    this.#descriptors.length = 0;
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
