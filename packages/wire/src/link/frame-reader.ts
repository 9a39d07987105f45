import { CodecError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { FrameCollector, FrameType, type FrameVisitor, isLastFrame, type LinkFrame, pathReasons } from './frames.ts';
import {
  LINK_CHALLENGE_BYTES,
  LINK_FRAME_BYTES_MAX,
  LINK_PING_BYTES_MAX,
  LINK_RANGES_MAX,
  LINK_TEXT_BYTES_MAX,
} from './limits.ts';

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(FrameType).map(([name, type]) => [type, `${name} frame`]),
);

/**
 * The frames of a packet, or of a stretch of a stream that ends with a whole frame. Types that nobody knows are skipped.
 *
 * Frames before an error have been handed over when it is thrown; the packet is then not acknowledged, and since records
 * and cursors may come twice, that does no harm.
 * @param isPacket whether RECORD and PART without a length may end it
 * @returns whether any of the frames asks for an acknowledgement of their packet
 * @throws {CodecError} CODEC_TRUNCATED: a frame ends beyond the bytes, or a field beyond its frame;
 *   CODEC_TOO_LARGE: a frame above `frameBytesMax`, more than 32 ranges, a text too long, a number above 2^53 − 1;
 *   CODEC_INVALID_FIELD: a value that the page does not have, bytes after a frame's last field, a frame that only begins a
 *   connection, in a stream a frame without length; CODEC_INVALID_UTF8. Offsets count from the start of `bytes`.
 */
export function readFrames(
  bytes: Uint8Array,
  isPacket: boolean,
  visitor: FrameVisitor,
  frameBytesMax: number = LINK_FRAME_BYTES_MAX,
): boolean {
  const reader = new ByteReader(bytes, 'frame');
  const end = bytes.length;
  let isEliciting = false;
  let at = 0;
  while (at < end) {
    reader.reset(bytes, 'frame', at, end);
    const type = reader.varint();
    const isLast = isPacket && isLastFrame(type);
    const length = isLast ? reader.left : reader.varint();
    if (length > frameBytesMax) throw tooLarge(length, frameBytesMax, at);
    if (length > reader.left) throw reader.error('CODEC_TRUNCATED', `${length - reader.left} bytes are missing`, end);
    const bodyStart = reader.at;
    at = bodyStart + length;
    reader.reset(bytes, 'frame', bodyStart, at);
    if (readBody(type, isPacket, reader, visitor)) isEliciting = true;
  }
  return isEliciting;
}

/** The same as values; PADDING is left out. @throws {CodecError} as {@link readFrames} */
export function decodeFrames(bytes: Uint8Array, isPacket: boolean): LinkFrame[] {
  const collector = new FrameCollector();
  readFrames(bytes, isPacket, collector);
  return collector.frames;
}

/** What a frame above the limit is refused with. */
export function tooLarge(length: number, frameBytesMax: number, offset: number): CodecError {
  return new CodecError('CODEC_TOO_LARGE', `Cannot decode frame: ${length} bytes exceed ${frameBytesMax}`, offset);
}

/** @returns whether a frame of this type asks for an acknowledgement; an unknown one does */
function readBody(type: number, isPacket: boolean, reader: ByteReader, visitor: FrameVisitor): boolean {
  switch (type) {
    case FrameType.RECORD_LAST:
    case FrameType.RECORD:
      if (type === FrameType.RECORD_LAST && !isPacket) throw notHere(type, reader);
      visitor.record(reader.varint(), reader.varint(), reader.rest(), false);
      return true;
    case FrameType.CALM_LAST:
    case FrameType.CALM:
      if (type === FrameType.CALM_LAST && !isPacket) throw notHere(type, reader);
      visitor.record(reader.varint(), reader.varint(), reader.rest(), true);
      return true;
    case FrameType.PART_LAST:
    case FrameType.PART:
      if (type === FrameType.PART_LAST && !isPacket) throw notHere(type, reader);
      readPart(reader, visitor);
      return true;
    case FrameType.ACK: {
      const largest = reader.varint();
      const delay = reader.varint();
      const first = reader.varint();
      visitor.ack(largest, delay, first, readPairs(reader, LINK_RANGES_MAX - 1));
      return false;
    }
    case FrameType.CURSOR:
      visitor.cursor(reader.varint(), reader.varint(), readPairs(reader, LINK_RANGES_MAX));
      return false;
    case FrameType.PADDING:
      return true;
    case FrameType.PING:
      visitor.ping(readPing(reader));
      return true;
    case FrameType.PONG:
      visitor.pong(readPing(reader));
      return false;
    case FrameType.SKIP:
      readSkip(reader, visitor);
      return true;
    case FrameType.PATH_CHALLENGE:
      visitor.pathChallenge(readChallenge(reader));
      return true;
    case FrameType.PATH_RESPONSE:
      visitor.pathResponse(readChallenge(reader));
      return false;
    case FrameType.PATH:
      readPath(reader, visitor);
      return false;
    case FrameType.EPHEMERAL:
      visitor.ephemeral(reader.varint(), reader.varint(), reader.rest());
      return false;
    case FrameType.CLOSE:
      visitor.close(reader.varint(), reader.restText('text', LINK_TEXT_BYTES_MAX));
      return false;
    case FrameType.HELLO:
    case FrameType.WELCOME:
    case FrameType.REFUSE:
      throw notHere(type, reader);
    default:
      return true;
  }
}

function readPart(reader: ByteReader, visitor: FrameVisitor): void {
  const channel = reader.varint();
  const number = reader.varint();
  const offset = reader.varint();
  const total = reader.varint();
  if (reader.left === 0) throw reader.error('CODEC_INVALID_FIELD', 'part of no bytes');
  if (offset + reader.left > total)
    throw reader.error('CODEC_INVALID_FIELD', `part ${offset}–${offset + reader.left} of a ${total}-byte record`);
  visitor.part(channel, number, offset, total, reader.rest());
}

function readSkip(reader: ByteReader, visitor: FrameVisitor): void {
  const channel = reader.varint();
  const first = reader.varint();
  const last = reader.varint();
  if (first > last) throw reader.error('CODEC_INVALID_FIELD', `records ${first} to ${last} are skipped`);
  reader.finish();
  visitor.skip(channel, first, last);
}

function readPath(reader: ByteReader, visitor: FrameVisitor): void {
  const path = reader.byte();
  if (path > 1) throw reader.error('CODEC_INVALID_FIELD', `path ${path} is not 0 or 1`, reader.at - 1);
  const generation = reader.varint();
  const reason = reader.byte();
  reader.finish();
  visitor.path(path === 0 ? 'tcp' : 'udp', generation, pathReasons[reason]);
}

function readPing(reader: ByteReader): Uint8Array {
  if (reader.left > LINK_PING_BYTES_MAX)
    throw reader.error('CODEC_TOO_LARGE', `${reader.left} bytes to give back exceed ${LINK_PING_BYTES_MAX}`);
  return reader.rest();
}

function readChallenge(reader: ByteReader): Uint8Array {
  const data = reader.take(LINK_CHALLENGE_BYTES);
  reader.finish();
  return data;
}

function readPairs(reader: ByteReader, pairsMax: number): number[] {
  const numbers: number[] = [];
  while (reader.left > 0) {
    if (numbers.length === pairsMax * 2) throw reader.error('CODEC_TOO_LARGE', `more than ${LINK_RANGES_MAX} ranges`);
    numbers.push(reader.varint(), reader.varint());
  }
  return numbers;
}

function notHere(type: number, reader: ByteReader): CodecError {
  return reader.error('CODEC_INVALID_FIELD', `${names.get(type)} where it may not be`);
}
