import { CodecError } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import { JSON_LINE_BYTES_MAX, JSON_SYSTEM_ROOM, JSON_SYSTEM_USER } from './limits.ts';
import { isCount, type JsonId, requireId } from './members.ts';
import { jsonTexts } from './texts.ts';

/*
 * Server to client. Each function gives one JSON object without a line feed, members in the order of docs/wires/json-lines.md,
 * no blanks between them, text as it is (not as \uXXXX). They build the text by hand: it is made once for each line of chat.
 *
 * All throw CodecError: CODEC_INVALID_UTF8 for text with a lone surrogate, CODEC_INVALID_FIELD for a `seq` that is no whole
 * number within 0–2^53 − 1.
 */

/** What stands in a JSON string as it is (RFC 8259 §7), lone surrogates left out. */
const PLAIN_TEXT = /^[^"\\\u0000-\u001f\ud800-\udfff]*$/u;

/** `{"type":"message","room":…,"user":…,"text":…,"seq":n}`: somebody said something. */
export function encodeJsonMessage(room: string, user: string, text: string, seq: number): string {
  return `{"type":"message","room":${quotedRoom(room)},"user":${quotedUser(user)},"text":${quoted(text)},"seq":${checked(seq)}}`;
}

/** A burst of messages has the same room, and often the same user, again and again. */
const quotedRoom = rememberingLast(quoted);
const quotedUser = rememberingLast(quoted);

function rememberingLast(make: (text: string) => string): (text: string) => string {
  let last = '';
  let made = make(last);
  return (text) => {
    if (text !== last) {
      made = make(text);
      last = text;
    }
    return made;
  };
}

const SYSTEM_USER = quoted(JSON_SYSTEM_USER);

/** `{"type":"system","room":…,"user":"system","text":…,"seq":n}`: the server says something to a room. */
export function encodeJsonSystem(room: string, text: string, seq: number): string {
  return `{"type":"system","room":${quoted(room)},"user":${SYSTEM_USER},"text":${quoted(text)},"seq":${checked(seq)}}`;
}

/** `{"type":"error","text":…,"seq":n}`: a request cannot be granted; `seq` is the current counter. */
export function encodeJsonError(text: string, seq: number): string {
  return `{"type":"error","text":${quoted(text)},"seq":${checked(seq)}}`;
}

const GREETING_HEAD = `{"type":"system","text":${quoted(jsonTexts.welcome)},"room":${quoted(JSON_SYSTEM_ROOM)},"seq":`;

/** `{"type":"system","text":"Welcome! …","room":"system","seq":n}`: what JSON lines begins with. */
export function encodeJsonGreeting(seq: number): string {
  return `${GREETING_HEAD}${checked(seq)}}`;
}

/**
 * `{"type":"ack","id":n}`: a request has arrived.
 * @throws {CodecError} CODEC_INVALID_FIELD: no integer and no string of at most 64 characters; CODEC_INVALID_UTF8
 */
export function encodeJsonAck(id: JsonId): string {
  return `{"type":"ack","id":${JSON.stringify(requireId({ id }))}}`;
}

const ROOMS_HEAD = '{"type":"rooms","rooms":[';
/** The longest that `,"more":n}` can be, bytes. */
const MORE_BYTES_MAX = ',"more":9007199254740991}'.length;

/**
 * `{"type":"rooms","rooms":[sorted names],"seq":n}`: names in the order of their code points, as Python sorts them.
 *
 * Programs read lines of 64 KiB at most, so names that do not fit are left out from the end of the list, and
 * `,"more":n` after the seq says how many.
 * @param bytesMax longest result, bytes, 100 or more
 */
export function encodeJsonRooms(rooms: readonly string[], seq: number, bytesMax: number = JSON_LINE_BYTES_MAX): string {
  return encodeNames(ROOMS_HEAD, rooms, seq, bytesMax);
}

/**
 * `{"type":"users","room":…,"users":[sorted names],"seq":n}`: who is in a room; an answer to `who`, which is Confab's own.
 * Names that do not fit are left out as in a list of rooms.
 * @param id JSON datagrams: that of the request, `,"id":n` at the end
 * @param bytesMax longest result, bytes, 1000 or more, without the id
 */
export function encodeJsonUsers(
  room: string,
  users: readonly string[],
  seq: number,
  { id, bytesMax = JSON_LINE_BYTES_MAX }: { id?: JsonId | undefined; bytesMax?: number } = {},
): string {
  const list = encodeNames(`{"type":"users","room":${quoted(room)},"users":[`, users, seq, bytesMax);
  return id === undefined ? list : withJsonId(list, id);
}

/** A message that was found. */
export interface JsonFoundMessage {
  readonly user: string;
  readonly text: string;
  readonly seq: number;
  /** When it was said, ms since the Unix epoch. */
  readonly time: number;
  readonly isEdited: boolean;
  /** Its place in the room, which `before` names. */
  readonly place: number;
}

export interface JsonFoundOptions {
  /** Where older ones may be; undefined: there are none. */
  readonly before: number | undefined;
  /** Events that could not be searched yet. */
  readonly unsearched: number;
  /** JSON datagrams: that of the request. */
  readonly id?: JsonId | undefined;
  /** Longest result, bytes; without the id. */
  readonly bytesMax?: number;
}

/** The longest that `],"seq":n,"before":n,"unsearched":n}` can be, bytes. */
const FOUND_TAIL_BYTES_MAX = '],"seq":,"before":,"unsearched":}'.length + 3 * '9007199254740991'.length;

/**
 * `{"type":"found","messages":[…],"seq":n,"before":n,"unsearched":n}`: an answer to `search`, which is Confab's own. The messages
 * are as they were told, newest first, and have `"time":ms` and, if edited, `"edited":true`. Those that do not fit, but never
 * the first one, are left for the next page, where `before` then leads. `before` and `unsearched` are left out when they say nothing.
 */
export function encodeJsonFound(
  room: string,
  messages: readonly JsonFoundMessage[],
  seq: number,
  { before, unsearched, id, bytesMax = JSON_LINE_BYTES_MAX }: JsonFoundOptions,
): string {
  let bytesLeft = bytesMax - FOUND_HEAD.length - FOUND_TAIL_BYTES_MAX;
  const told: string[] = [];
  for (const { user, text, seq: at, time, isEdited } of messages) {
    const message = encodeJsonMessage(room, user, text, at);
    const found = `${message.slice(0, -1)},"time":${checked(time)}${isEdited ? ',"edited":true' : ''}}`;
    bytesLeft -= encodeUtf8(found).length + 1;
    if (bytesLeft < 0 && told.length > 0) break;
    told.push(found);
  }
  const next = told.length < messages.length ? messages[told.length - 1]!.place : before;
  const tail = `${next === undefined ? '' : `,"before":${next}`}${unsearched === 0 ? '' : `,"unsearched":${unsearched}`}`;
  const answer = `${FOUND_HEAD}${told.join(',')}],"seq":${checked(seq)}${tail}}`;
  return id === undefined ? answer : withJsonId(answer, id);
}

const FOUND_HEAD = '{"type":"found","messages":[';

/** A JSON object with the id of the request that it answers, as its last member. */
export function withJsonId(text: string, id: JsonId): string {
  return `${text.slice(0, -1)},"id":${JSON.stringify(requireId({ id }))}}`;
}

function encodeNames(head: string, all: readonly string[], seq: number, bytesMax: number): string {
  const tail = `],"seq":${checked(seq)}`;
  let bytesLeft = bytesMax - encodeUtf8(head).length - tail.length - MORE_BYTES_MAX;
  const names: string[] = [];
  for (const plain of all.toSorted(byCodePoint)) {
    const name = quoted(plain);
    bytesLeft -= encodeUtf8(name).length + 1;
    if (bytesLeft < 0) break;
    names.push(name);
  }
  const more = all.length - names.length;
  return `${head}${names.join(',')}${tail}${more === 0 ? '' : `,"more":${more}`}}`;
}

/** For `sort`: the order of code points, in which lists of rooms are. */
export function byCodePoint(left: string, right: string): number {
  const end = Math.min(left.length, right.length);
  for (let index = 0; index < end; index += 1) {
    const difference = rank(left.charCodeAt(index)) - rank(right.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** A code unit's place by code point: surrogates, which stand for U+10000 and above, come after U+E000–U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** JSON.stringify would escape a lone surrogate, and the client could not send the text on. */
function quoted(text: string): string {
  if (PLAIN_TEXT.test(text)) return `"${text}"`;
  if (text.isWellFormed()) return JSON.stringify(text);
  throw new CodecError('CODEC_INVALID_UTF8', 'Cannot encode JSON event: text holds a lone surrogate', 0);
}

function checked(seq: number): number {
  if (isCount(seq)) return seq;
  throw new CodecError(
    'CODEC_INVALID_FIELD',
    `Cannot encode JSON event: seq ${seq} is not a whole number from 0 on`,
    0,
  );
}
