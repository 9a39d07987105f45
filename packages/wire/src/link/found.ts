import { encodeUtf8 } from '../text.ts';
import type { ByteReader } from './byte-reader.ts';
import { type ByteWriter, refused } from './byte-writer.ts';
import { LINK_NAME_BYTES_MAX, LINK_RECORD_BYTES_MAX } from './limits.ts';

/** A query, bytes of UTF-8. */
export const LINK_QUERY_BYTES_MAX = 1_024;

/** What was said in the room of a channel. */
export interface Search {
  readonly type: 'search';
  readonly request: number;
  readonly channel: number;
  /** Events below this number only; 0: all. */
  readonly before: number;
  /** Messages at most; 0: as many as the server thinks fit. */
  readonly limit: number;
  readonly query: string;
}

export interface LinkFound {
  readonly number: number;
  /** When it was said, ms since the Unix epoch. */
  readonly timeMs: number;
  readonly isVerified: boolean;
  /** The text is not the first one. */
  readonly isEdited: boolean;
  readonly user: string;
  readonly text: string;
}

/** The answer to a search; the newest first. */
export interface Found {
  readonly type: 'found';
  readonly request: number;
  /** For the next page; 0: there is none. */
  readonly before: number;
  /** Events that could not be searched yet. */
  readonly unsearched: number;
  readonly messages: readonly LinkFound[];
}

const IS_VERIFIED = 0x01;
const IS_EDITED = 0x02;
/** Type, request, before, unsearched and count. */
const HEAD_BYTES_MAX = 5 * 8;
/** Number, time, flags, and the lengths of a name and a text. */
const MESSAGE_HEAD_BYTES_MAX = 8 + 8 + 1 + 2 + 4;

/** How many of these messages, from the first on, one answer has room for. */
export function foundThatFit(messages: readonly LinkFound[]): number {
  let bytes = HEAD_BYTES_MAX;
  for (const [index, { user, text }] of messages.entries()) {
    bytes += MESSAGE_HEAD_BYTES_MAX + encodeUtf8(user).length + encodeUtf8(text).length;
    if (bytes > LINK_RECORD_BYTES_MAX) return index;
  }
  return messages.length;
}

export function writeSearch(writer: ByteWriter, { request, channel, before, limit, query }: Search): ByteWriter {
  if (channel === 0) throw refused('channel 0 is no room’s');
  writer.varint(request).varint(channel).varint(before).varint(limit);
  return writer.text(query, 'query', LINK_QUERY_BYTES_MAX);
}

export function writeFound(writer: ByteWriter, { request, before, unsearched, messages }: Found): ByteWriter {
  writer.varint(request).varint(before).varint(unsearched).varint(messages.length);
  for (const { number, timeMs, isVerified, isEdited, user, text } of messages) {
    writer.varint(number).uint64(timeMs);
    writer.byte((isVerified ? IS_VERIFIED : 0) | (isEdited ? IS_EDITED : 0));
    writer.text(user, 'user name', LINK_NAME_BYTES_MAX).text(text, 'text', LINK_RECORD_BYTES_MAX);
  }
  return writer;
}

export function readSearch(reader: ByteReader): Search {
  const numbers = { request: reader.varint(), channel: reader.varint() };
  if (numbers.channel === 0) throw reader.error('CODEC_INVALID_FIELD', 'channel 0 is no room’s', reader.at - 1);
  const bounds = { before: reader.varint(), limit: reader.varint() };
  return { type: 'search', ...numbers, ...bounds, query: reader.text('query', LINK_QUERY_BYTES_MAX) };
}

/** Each message takes bytes, so that more than a record holds end it with CODEC_TRUNCATED. */
export function readFound(reader: ByteReader): Found {
  const head = { request: reader.varint(), before: reader.varint(), unsearched: reader.varint() };
  const count = reader.varint();
  const messages: LinkFound[] = [];
  while (messages.length < count) messages.push(readMessage(reader));
  return { type: 'found', ...head, messages };
}

function readMessage(reader: ByteReader): LinkFound {
  const place = { number: reader.varint(), timeMs: reader.uint64() };
  const flags = reader.byte();
  const facts = { isVerified: (flags & IS_VERIFIED) !== 0, isEdited: (flags & IS_EDITED) !== 0 };
  const user = reader.text('user name', LINK_NAME_BYTES_MAX);
  return { ...place, ...facts, user, text: reader.text('text', LINK_RECORD_BYTES_MAX) };
}
