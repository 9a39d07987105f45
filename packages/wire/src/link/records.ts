import { CodecError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { encodeText } from './byte-writer.ts';
import { LINK_NAME_BYTES_MAX } from './limits.ts';
import { VARINT_MAX, varintBytes, writeVarint } from './varint.ts';

/** A record of a room's channel from a client. */
export interface LinkPost {
  /** What sort of event it is to be, as the core numbers them. */
  readonly kind: number;
  /** Of the post in the client's outbox: rises, and is unique for ever together with the outbox id. */
  readonly outbox: number;
  /** Number of the event that this one is about. */
  readonly target?: number;
  readonly body: Uint8Array;
}

/** An own event, as far as the next one of its channel may be told relative to it. */
export type LinkOwnEventBefore = Pick<LinkOwnEventRecord, 'timeMs' | 'outbox'>;

/** A record of a room's channel from the server: an event of the room's log, for everybody but its author. */
export interface LinkEventRecord {
  readonly kind: number;
  /** ms since the channel's time base; may be below 0. */
  readonly timeMs: number;
  readonly target?: number;
  /** Whether the user has proved that the name is theirs. */
  readonly isVerified: boolean;
  /** 0–255 bytes of UTF-8. */
  readonly user: string;
  readonly body: Uint8Array;
}

/** The same for its author, in short: this event is that post, which is hereby accepted. */
export interface LinkOwnEventRecord {
  readonly kind: number;
  readonly timeMs: number;
  readonly target?: number;
  /** Number of the post in its author's outbox. */
  readonly outbox: number;
}

const KIND_BITS = 0x0f;
/** Kinds from this one on follow in a number of their own. */
const KIND_FOLLOWS = 15;
const POST_HAS_TARGET = 0x10;
const POST_NEXT = 0x20;
const EVENT_OWN = 0x10;
const EVENT_HAS_TARGET = 0x20;
const EVENT_VERIFIED = 0x40;
const EVENT_NEXT = 0x80;
/** Times within this many ms of the time base can be said: zig-zag doubles them. */
const TIME_MS_MAX = Math.floor(VARINT_MAX / 2);
/** Flags, and four numbers of at most eight bytes, and the length of a name. */
const HEAD_BYTES_MAX = 1 + 3 * 8 + 2;

/**
 * @param before outbox number of the post that the channel carried last: the one after it is left out
 * @throws {CodecError} CODEC_INVALID_FIELD: a number that is not within 0–2^53 − 1
 */
export function encodePost(post: LinkPost, before?: number): Uint8Array {
  const { kind, outbox, target, body } = post;
  checkNumbers(kind, outbox, target);
  const isNext = isOneMore(outbox, before);
  const out = new Uint8Array(
    1 +
      kindBytes(kind) +
      (isNext ? 0 : varintBytes(outbox)) +
      (target === undefined ? 0 : varintBytes(target)) +
      body.length,
  );
  out[0] = Math.min(kind, KIND_FOLLOWS) | (target === undefined ? 0 : POST_HAS_TARGET) | (isNext ? POST_NEXT : 0);
  let at = writeKind(out, kind);
  if (!isNext) at = writeVarint(out, at, outbox);
  if (target !== undefined) at = writeVarint(out, at, target);
  out.set(body, at);
  return out;
}

/**
 * The body is a view of the record.
 * @param before outbox number of the post that the channel carried last
 * @throws {CodecError} CODEC_TRUNCATED; CODEC_TOO_LARGE: a number above 2^53 − 1; CODEC_INVALID_FIELD: a flag that is not
 *   known, since it may mean a field that is not, or a number that is left out where nothing came before
 */
export function decodePost(bytes: Uint8Array, before?: number): LinkPost {
  const reader = new ByteReader(bytes, 'post');
  const flags = reader.byte();
  checkFlags(reader, flags, KIND_BITS | POST_HAS_TARGET | POST_NEXT);
  const kind = readKind(reader, flags);
  const outbox = (flags & POST_NEXT) === 0 ? reader.varint() : numberAfter(reader, before);
  if ((flags & POST_HAS_TARGET) === 0) return { kind, outbox, body: reader.rest() };
  return { kind, outbox, target: reader.varint(), body: reader.rest() };
}

/**
 * An event as everybody gets it but its author: encode it once for all of them.
 * @throws {CodecError} CODEC_INVALID_FIELD: a number or time out of its range; CODEC_TOO_LARGE, CODEC_INVALID_UTF8: the user
 */
export function encodeEvent(event: LinkEventRecord): Uint8Array {
  const { kind, target, body } = event;
  checkNumbers(kind, target);
  const time = zigZag(event.timeMs);
  const user = encodeText(event.user, 'user name', LINK_NAME_BYTES_MAX);
  const head = new Uint8Array(HEAD_BYTES_MAX);
  head[0] =
    Math.min(kind, KIND_FOLLOWS) |
    (target === undefined ? 0 : EVENT_HAS_TARGET) |
    (event.isVerified ? EVENT_VERIFIED : 0);
  let at = writeKind(head, kind);
  at = writeVarint(head, at, time);
  if (target !== undefined) at = writeVarint(head, at, target);
  at = writeVarint(head, at, user.length);
  const out = new Uint8Array(at + user.length + body.length);
  out.set(head.subarray(0, at));
  out.set(user, at);
  out.set(body, at + user.length);
  return out;
}

/**
 * An event as its author gets it: 2 bytes or a few more.
 * @param before the own event that the channel carried last: of the one after it only the time between them is told
 * @throws {CodecError} CODEC_INVALID_FIELD as {@link encodeEvent}
 */
export function encodeOwnEvent(event: LinkOwnEventRecord, before?: LinkOwnEventBefore): Uint8Array {
  const { kind, outbox, target } = event;
  checkNumbers(kind, outbox, target);
  const isNext = isOneMore(outbox, before?.outbox);
  const time = zigZag(isNext ? event.timeMs - before!.timeMs : event.timeMs);
  const targetBytes = target === undefined ? 0 : varintBytes(target);
  const outboxBytes = isNext ? 0 : varintBytes(outbox);
  const out = new Uint8Array(1 + kindBytes(kind) + varintBytes(time) + outboxBytes + targetBytes);
  out[0] =
    Math.min(kind, KIND_FOLLOWS) |
    EVENT_OWN |
    (target === undefined ? 0 : EVENT_HAS_TARGET) |
    (isNext ? EVENT_NEXT : 0);
  let at = writeKind(out, kind);
  at = writeVarint(out, at, time);
  if (!isNext) at = writeVarint(out, at, outbox);
  if (target !== undefined) writeVarint(out, at, target);
  return out;
}

/**
 * An own event is the one that has an `outbox`. The body is a view of the record.
 * @param before the own event that the channel carried last
 * @throws {CodecError} as {@link decodePost}; also CODEC_TOO_LARGE: a user name above 255 bytes, or a time out of range; CODEC_INVALID_UTF8: in it;
 *   CODEC_INVALID_FIELD: an own event with more bytes than it has fields
 */
export function decodeEvent(bytes: Uint8Array, before?: LinkOwnEventBefore): LinkEventRecord | LinkOwnEventRecord {
  const reader = new ByteReader(bytes, 'event');
  const flags = reader.byte();
  const isOwn = (flags & EVENT_OWN) !== 0;
  checkFlags(reader, flags, KIND_BITS | EVENT_OWN | EVENT_HAS_TARGET | (isOwn ? EVENT_NEXT : EVENT_VERIFIED));
  const kind = readKind(reader, flags);
  const zigZagged = reader.varint();
  const saidMs = zigZagged % 2 === 0 ? zigZagged / 2 : -(zigZagged + 1) / 2;
  const hasTarget = (flags & EVENT_HAS_TARGET) !== 0;
  if (isOwn) {
    const isNext = (flags & EVENT_NEXT) !== 0;
    const outbox = isNext ? numberAfter(reader, before?.outbox) : reader.varint();
    const timeMs = isNext ? saidMs + before!.timeMs : saidMs;
    if (Math.abs(timeMs) > TIME_MS_MAX) throw reader.error('CODEC_TOO_LARGE', 'time is out of range', 0);
    const target = hasTarget ? { target: reader.varint() } : {};
    reader.finish();
    return { kind, timeMs, outbox, ...target };
  }
  const target = hasTarget ? { target: reader.varint() } : {};
  const user = reader.text('user name', LINK_NAME_BYTES_MAX);
  return { kind, timeMs: saidMs, ...target, isVerified: (flags & EVENT_VERIFIED) !== 0, user, body: reader.rest() };
}

function isOneMore(number: number, before: number | undefined): boolean {
  return before !== undefined && number === before + 1;
}

function numberAfter(reader: ByteReader, before: number | undefined): number {
  if (before === undefined)
    throw reader.error('CODEC_INVALID_FIELD', 'outbox number is one more than that of nothing', 0);
  if (before >= VARINT_MAX) throw reader.error('CODEC_TOO_LARGE', 'outbox number above 2^53 − 1', 0);
  return before + 1;
}

function kindBytes(kind: number): number {
  return kind < KIND_FOLLOWS ? 0 : varintBytes(kind);
}

/** @returns where the next field goes, after the flags and a kind of its own */
function writeKind(out: Uint8Array, kind: number): number {
  return kind < KIND_FOLLOWS ? 1 : writeVarint(out, 1, kind);
}

function readKind(reader: ByteReader, flags: number): number {
  const kind = flags & KIND_BITS;
  return kind === KIND_FOLLOWS ? reader.varint() : kind;
}

function checkFlags(reader: ByteReader, flags: number, known: number): void {
  if ((flags & ~known) !== 0) throw reader.error('CODEC_INVALID_FIELD', `flags ${flags} are not all known`, 0);
}

function checkNumbers(...numbers: (number | undefined)[]): void {
  for (const number of numbers) {
    if (number !== undefined && !(Number.isSafeInteger(number) && number >= 0))
      throw new CodecError('CODEC_INVALID_FIELD', `Cannot encode record: number ${number} is not within 0–2^53 − 1`, 0);
  }
}

function zigZag(timeMs: number): number {
  if (!Number.isSafeInteger(timeMs) || Math.abs(timeMs) > TIME_MS_MAX)
    throw new CodecError('CODEC_INVALID_FIELD', `Cannot encode event: time ${timeMs} ms is out of range`, 0);
  return timeMs >= 0 ? timeMs * 2 : -timeMs * 2 - 1;
}

/** Whether a record of a room's channel from the server is in the short form for the post's author. */
export function isOwnEventBody(body: Uint8Array): boolean {
  return (body[0] ?? 0) % (2 * EVENT_OWN) >= EVENT_OWN;
}
