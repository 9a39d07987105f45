import type { RoomEvent } from '@confab/core';
import { storeFailed } from '../failure.ts';

/*
 * How events are written: the same bytes go from the main thread to the store's, into the database, and back. Nothing is
 * taken apart on the way but what the store must look at.
 *
 * A record stands for itself, so that records can be put together in any order. `number` is LEB128 (7 bits a byte, the least
 * first, the top bit set on all but the last), `text` is a number of bytes and UTF-8:
 *
 *    0   u32, little-endian: length of what follows
 *    4   u8: 1 has a client id, 2 has a target, 4 the user is verified
 *    5   numbers: room id, seq, position, kind, author, time in ms; target if there is one
 *        text: client id if there is one; text: user; the rest is the body
 */

const HAS_CLIENT_ID = 1;
const HAS_TARGET = 2;
const IS_VERIFIED = 4;
/** Length and flags. */
const HEAD_BYTES = 5;
/** Of a number up to 2^53 - 1. */
const NUMBER_BYTES_MAX = 8;
/** Beside the texts and the body: head, seven numbers and the lengths of two texts. */
const RECORD_OVERHEAD_MAX = HEAD_BYTES + 9 * NUMBER_BYTES_MAX;
/** UTF-8 of one UTF-16 unit. */
const UNIT_BYTES_MAX = 3;
/** A longer batch does not leave its buffer behind for the next one. */
const SCRATCH_BYTES_KEPT = 1024 * 1024;

const encoder = new TextEncoder();
let scratch = new Uint8Array(64 * 1024);

/**
 * The records of these events, in a buffer of their own, which may be transferred. Numbers are whole and at most 2^53 - 1; one
 * below 0, which no log takes, is written as 0.
 */
export function encodeEvents(events: readonly RoomEvent[]): Uint8Array<ArrayBuffer> {
  let bytesMax = 0;
  for (const { user, clientId, body } of events) {
    const units = user.length + (clientId?.length ?? 0);
    bytesMax += RECORD_OVERHEAD_MAX + units * UNIT_BYTES_MAX + body.length;
  }
  const isKept = bytesMax <= SCRATCH_BYTES_KEPT;
  if (isKept && bytesMax > scratch.length) scratch = new Uint8Array(SCRATCH_BYTES_KEPT);
  const target = isKept ? scratch : new Uint8Array(bytesMax);
  let at = 0;
  for (const event of events) at = putRecord(target, at, event);
  return target.slice(0, at);
}

function putRecord(bytes: Uint8Array, start: number, event: RoomEvent): number {
  const { clientId, target, body } = event;
  let flags = event.isVerified === true ? IS_VERIFIED : 0;
  if (clientId !== undefined) flags |= HAS_CLIENT_ID;
  if (target !== undefined) flags |= HAS_TARGET;
  bytes[start + 4] = flags;
  let at = putNumber(bytes, start + HEAD_BYTES, event.roomId);
  at = putNumber(bytes, at, event.seq);
  at = putNumber(bytes, at, event.position);
  at = putNumber(bytes, at, event.kind);
  at = putNumber(bytes, at, event.author);
  at = putNumber(bytes, at, event.timeMs);
  if (target !== undefined) at = putNumber(bytes, at, target);
  if (clientId !== undefined) at = putText(bytes, at, clientId);
  at = putText(bytes, at, event.user);
  bytes.set(body, at);
  at += body.length;
  const length = at - start - 4;
  bytes[start] = length;
  bytes[start + 1] = length >>> 8;
  bytes[start + 2] = length >>> 16;
  bytes[start + 3] = length >>> 24;
  return at;
}

function putNumber(bytes: Uint8Array, at: number, value: number): number {
  let left = value > 0 ? value : 0;
  let next = at;
  // Shifts are faster and cut at 32 bits.
  for (; left > 0x7fff_ffff; left = Math.floor(left / 128)) bytes[next++] = (left % 128) | 0x80;
  for (; left > 0x7f; left >>>= 7) bytes[next++] = left | 0x80;
  bytes[next++] = left;
  return next;
}

function putText(bytes: Uint8Array, at: number, text: string): number {
  // Nearly all names and ids are short and ASCII: a call into the encoder would cost more than the loop.
  if (text.length <= 0x7f) {
    let index = 0;
    for (; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) break;
      bytes[at + 1 + index] = unit;
    }
    if (index === text.length) {
      bytes[at] = index;
      return at + 1 + index;
    }
  }
  const encoded = encoder.encode(text);
  const start = putNumber(bytes, at, encoded.length);
  bytes.set(encoded, start);
  return start + encoded.length;
}

/** Every event, oldest first. Each body stands for itself: it keeps nothing else alive. */
export function decodeEvents(bytes: Uint8Array): RoomEvent[] {
  const events: RoomEvent[] = [];
  const cursor = new EventCursor(bytes);
  while (cursor.next()) events.push(cursor.event());
  return events;
}

/** Position of the newest of these events; 0 for none. */
export function lastPositionOf(records: Uint8Array): number {
  const cursor = new EventCursor(records);
  while (cursor.next());
  return cursor.position;
}

/** Goes through records one after the other. Its numbers are those of the record that `next` has come to. */
export class EventCursor {
  roomId = 0;
  seq = 0;
  position = 0;
  kind = 0;
  author = 0;
  hasClientId = false;
  /** Where the record begins and ends. */
  start = 0;
  end = 0;
  readonly #bytes: Uint8Array;
  #flags = 0;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @throws {CoreError} STORE_FAILED when the bytes are no records; only a damaged database has such */
  next(): boolean {
    const bytes = this.#bytes;
    const start = this.end;
    if (start === bytes.length) return false;
    if (bytes.length - start < HEAD_BYTES) throw damaged();
    const length = bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24);
    this.start = start;
    this.end = start + 4 + length;
    if (length < 1 || this.end > bytes.length) throw damaged();
    this.#flags = bytes[start + 4]!;
    this.hasClientId = (this.#flags & HAS_CLIENT_ID) !== 0;
    this.#at = start + HEAD_BYTES;
    this.roomId = this.#number();
    this.seq = this.#number();
    this.position = this.#number();
    this.kind = this.#number();
    this.author = this.#number();
    return true;
  }

  /** Of the record's event; once for each record, and not after `event`. */
  clientId(): string | undefined {
    if (!this.hasClientId) return undefined;
    this.#number();
    if ((this.#flags & HAS_TARGET) !== 0) this.#number();
    return this.#text();
  }

  /** The record's event; once for each record, and not after `clientId`. */
  event(): RoomEvent {
    const { roomId, seq, position, kind, author } = this;
    const timeMs = this.#number();
    const target = (this.#flags & HAS_TARGET) === 0 ? undefined : this.#number();
    const clientId = this.hasClientId ? this.#text() : undefined;
    const user = this.#text();
    const isVerified = (this.#flags & IS_VERIFIED) === 0 ? undefined : true;
    const body = this.#bytes.slice(this.#at, this.end);
    return { roomId, seq, position, kind, timeMs, author, user, isVerified, clientId, target, body };
  }

  #number(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let scale = 1; this.#at < this.end; scale *= 128) {
      const byte = bytes[this.#at]!;
      this.#at += 1;
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
    }
    throw damaged();
  }

  #text(): string {
    const length = this.#number();
    const start = this.#at;
    if (length > this.end - start) throw damaged();
    this.#at = start + length;
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + start, length).toString();
  }
}

function damaged(): Error {
  return storeFailed('The log is damaged: what should be events is none');
}
