import type { LinkPath } from './api.ts';
import { encodeText, refused } from './byte-writer.ts';
import { FrameType, type LinkFrame, pathReasons, type SaidPathReason } from './frames.ts';
import {
  LINK_CHALLENGE_BYTES,
  LINK_FRAME_BYTES_MAX,
  LINK_PING_BYTES_MAX,
  LINK_RANGES_MAX,
  LINK_TEXT_BYTES_MAX,
} from './limits.ts';
import { lengthFieldBytes, type RunFrames } from './record-run.ts';
import { varintBytes, writeVarint, writeVarintOf } from './varint.ts';

/**
 * Packs frames into bytes that are there already: one packet's, or a stretch of a stream. A frame that does not fit is not
 * begun: its method returns false, and the caller goes on with the next packet. Nothing is allocated.
 *
 * In a packet the last RECORD or PART loses its length in `finish`; one that fits only without ends the packet.
 * Methods throw CodecError for what the reader would refuse, and RangeError for numbers that are none: faults of the caller.
 */
export class FrameWriter {
  readonly #isPacket: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #at = 0;
  #end = 0;
  /** Where the last frame begins, and the fields after its length, if it is a RECORD or PART with a length; else −1. */
  #lastAt = -1;
  #lastFieldsAt = -1;

  constructor(isPacket: boolean) {
    this.#isPacket = isPacket;
  }

  /** Write from here on into `bytes`, from `start` and never to `end` or beyond. */
  begin(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#lastAt = -1;
  }

  /** Bytes written since `begin`. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** Bytes that further frames may take. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** @param isCalm the acknowledgement of the packet is in no hurry */
  record(channel: number, number: number, body: Uint8Array, isCalm = false): boolean {
    const fields = varintBytes(channel) + varintBytes(number) + body.length;
    if (!this.#beginLast(isCalm ? FrameType.CALM : FrameType.RECORD, fields)) return false;
    this.#number(channel);
    this.#number(number);
    this.#copy(body);
    return true;
  }

  /** Frames of a run, from one on and before another, all of them. */
  run(frames: RunFrames, from: number, to: number): boolean {
    const { bytes, starts } = frames;
    const start = starts[from]!;
    const length = starts[to]! - start;
    const lastAt = starts[to - 1]!;
    const lastLengthBytes = lengthFieldBytes(frames, to - 1);
    if (length <= this.left) {
      this.#copy(bytes.subarray(start, start + length));
      this.#lastFieldsAt = this.#at - (start + length - (lastAt + 1 + lastLengthBytes));
      this.#lastAt = this.#lastFieldsAt - 1 - lastLengthBytes;
      return true;
    }
    if (!this.#isPacket || length - lastLengthBytes > this.left) return false;
    this.#copy(bytes.subarray(start, lastAt));
    this.#bytes[this.#at] = FrameType.RECORD_LAST;
    this.#at += 1;
    this.#copy(bytes.subarray(lastAt + 1 + lastLengthBytes, start + length));
    this.#end = this.#at;
    this.#lastAt = -1;
    return true;
  }

  /**
   * As much as fits of a record, from `offset` on, and no further than `end`.
   * @returns so many bytes of it, 0 when none fits
   */
  part(channel: number, number: number, record: Uint8Array, offset: number, end = record.length): number {
    return this.piece(channel, number, record.length, offset, record.subarray(offset, end));
  }

  /**
   * As much as fits of a piece of a record of `total` bytes, from `offset` on.
   * @returns so many bytes of it, 0 when none fits
   */
  piece(channel: number, number: number, total: number, offset: number, bytes: Uint8Array): number {
    const rest = bytes.length;
    const head = varintBytes(channel) + varintBytes(number) + varintBytes(offset) + varintBytes(total);
    const room = Math.min(this.left - 1, LINK_FRAME_BYTES_MAX) - head;
    const lengthBytes = varintBytes(Math.max(0, Math.min(head + rest, this.left)));
    const roomWithLength = Math.min(this.left - 1 - lengthBytes, LINK_FRAME_BYTES_MAX) - head;
    // What ends the packet needs no length; a piece that leaves room for other frames does.
    const count = Math.min(rest, this.#isPacket && rest > roomWithLength ? room : roomWithLength);
    if (count <= 0 || !this.#beginLast(FrameType.PART, head + count)) return 0;
    this.#number(channel);
    this.#number(number);
    this.#number(offset);
    this.#number(total);
    this.#copy(count === rest ? bytes : bytes.subarray(0, count));
    return count;
  }

  skip(channel: number, first: number, last: number): boolean {
    if (first > last) throw refused(`records ${first} to ${last} are no range`);
    if (!this.#begin(FrameType.SKIP, varintBytes(channel) + varintBytes(first) + varintBytes(last))) return false;
    this.#number(channel);
    this.#number(first);
    this.#number(last);
    return true;
  }

  /** @param pairs as `encodeCursorRanges` gives them */
  cursor(channel: number, next: number, pairs: readonly number[]): boolean {
    checkPairs(pairs, LINK_RANGES_MAX);
    if (!this.#begin(FrameType.CURSOR, varintBytes(channel) + varintBytes(next) + bytesOf(pairs))) return false;
    this.#number(channel);
    this.#number(next);
    for (let index = 0; index < pairs.length; index += 1) this.#number(pairs[index]!);
    return true;
  }

  /**
   * @param ranges largest, first, then gap and length in turn: as `encodeAckRanges` gives them
   * @param delay in units of 8 µs
   */
  ack(ranges: readonly number[], delay: number): boolean {
    checkPairs(ranges, LINK_RANGES_MAX);
    if (ranges.length === 0) throw refused('an ACK of nothing');
    if (!this.#begin(FrameType.ACK, varintBytes(delay) + bytesOf(ranges))) return false;
    this.#number(ranges[0]!);
    this.#number(delay);
    for (let index = 1; index < ranges.length; index += 1) this.#number(ranges[index]!);
    return true;
  }

  ping(data: Uint8Array): boolean {
    return this.#data(FrameType.PING, data, 0, LINK_PING_BYTES_MAX);
  }

  pong(data: Uint8Array): boolean {
    return this.#data(FrameType.PONG, data, 0, LINK_PING_BYTES_MAX);
  }

  pathChallenge(data: Uint8Array): boolean {
    return this.#data(FrameType.PATH_CHALLENGE, data, LINK_CHALLENGE_BYTES, LINK_CHALLENGE_BYTES);
  }

  pathResponse(data: Uint8Array): boolean {
    return this.#data(FrameType.PATH_RESPONSE, data, LINK_CHALLENGE_BYTES, LINK_CHALLENGE_BYTES);
  }

  path(path: LinkPath, generation: number, reason: SaidPathReason): boolean {
    if (!this.#begin(FrameType.PATH, 2 + varintBytes(generation))) return false;
    this.#bytes[this.#at] = path === 'tcp' ? 0 : 1;
    this.#at += 1;
    this.#number(generation);
    this.#bytes[this.#at] = pathReasons.indexOf(reason);
    this.#at += 1;
    return true;
  }

  ephemeral(channel: number, kind: number, body: Uint8Array): boolean {
    if (!this.#begin(FrameType.EPHEMERAL, varintBytes(channel) + varintBytes(kind) + body.length)) return false;
    this.#number(channel);
    this.#number(kind);
    this.#copy(body);
    return true;
  }

  close(code: number, text: string): boolean {
    const encoded = encodeText(text, 'text', LINK_TEXT_BYTES_MAX);
    if (!this.#begin(FrameType.CLOSE, varintBytes(code) + encoded.length)) return false;
    this.#number(code);
    this.#copy(encoded);
    return true;
  }

  /**
   * PADDING up to this `length`, exactly, except where it would take a frame of one byte, which there is not: then one more.
   * @returns whether it is that long now; false when that does not fit
   */
  padTo(length: number): boolean {
    const missing = length - this.length;
    if (missing <= 0) return true;
    const count = Math.max(missing, 2);
    if (count > this.left) return false;
    const sizeOfLength = count - 2 < 0x40 ? 1 : count - 3 < 0x4000 ? 2 : 4;
    this.#bytes[this.#at] = FrameType.PADDING;
    const at = writeVarintOf(this.#bytes, this.#at + 1, count - 1 - sizeOfLength, sizeOfLength);
    this.#bytes.fill(0, at, this.#at + count);
    this.#at += count;
    this.#lastAt = -1;
    return true;
  }

  /**
   * No more frames come: in a packet, take the length out of the last RECORD or PART.
   * @returns how many bytes were written
   */
  finish(): number {
    if (this.#isPacket && this.#lastAt >= 0) {
      this.#bytes[this.#lastAt]! |= 1;
      this.#bytes.copyWithin(this.#lastAt + 1, this.#lastFieldsAt, this.#at);
      this.#at -= this.#lastFieldsAt - this.#lastAt - 1;
      this.#lastAt = -1;
    }
    this.#end = this.#at;
    return this.length;
  }

  #begin(type: number, length: number): boolean {
    checkLength(length);
    if (1 + varintBytes(length) + length > this.left) return false;
    this.#bytes[this.#at] = type;
    this.#at = writeVarint(this.#bytes, this.#at + 1, length);
    this.#lastAt = -1;
    return true;
  }

  /** A frame that may end the packet without its length. */
  #beginLast(type: number, length: number): boolean {
    const typeAt = this.#at;
    if (this.#begin(type, length)) {
      this.#lastAt = typeAt;
      this.#lastFieldsAt = this.#at;
      return true;
    }
    if (!this.#isPacket || 1 + length > this.left) return false;
    this.#bytes[this.#at] = type | 1;
    this.#at += 1;
    this.#end = this.#at + length;
    this.#lastAt = -1;
    return true;
  }

  #data(type: number, data: Uint8Array, bytesMin: number, bytesMax: number): boolean {
    if (data.length < bytesMin || data.length > bytesMax)
      throw refused(`${data.length} bytes are not within ${bytesMin}–${bytesMax}`);
    if (!this.#begin(type, data.length)) return false;
    this.#copy(data);
    return true;
  }

  #number(value: number): void {
    this.#at = writeVarint(this.#bytes, this.#at, value);
  }

  #copy(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

/** Bytes of a RECORD frame without its length: the least that it takes in a packet. */
export function recordFrameBytes(channel: number, number: number, bodyBytes: number): number {
  return 1 + varintBytes(channel) + varintBytes(number) + bodyBytes;
}

/** Bytes of a SKIP frame. */
export function skipFrameBytes(channel: number, first: number, last: number): number {
  const length = varintBytes(channel) + varintBytes(first) + varintBytes(last);
  return 1 + varintBytes(length) + length;
}

/** Write a frame that is a value. @returns false when it does not fit (of a `part`: not all of it) */
export function writeFrame(writer: FrameWriter, frame: LinkFrame): boolean {
  switch (frame.type) {
    case 'padding':
      return writer.padTo(writer.length + frame.bytes);
    case 'ping':
      return writer.ping(frame.data);
    case 'pong':
      return writer.pong(frame.data);
    case 'record':
    case 'calm':
      return writer.record(frame.channel, frame.number, frame.body, frame.type === 'calm');
    case 'part': {
      const { channel, number, offset, total, bytes } = frame;
      // Of the whole record only this piece is here: `total` is what the peer says.
      return writer.piece(channel, number, total, offset, bytes) === bytes.length;
    }
    case 'skip':
      return writer.skip(frame.channel, frame.first, frame.last);
    case 'cursor':
      return writer.cursor(frame.channel, frame.next, frame.pairs);
    case 'ack':
      return writer.ack([frame.largest, frame.first, ...frame.pairs], frame.delay);
    case 'path-challenge':
      return writer.pathChallenge(frame.data);
    case 'path-response':
      return writer.pathResponse(frame.data);
    case 'path':
      return writer.path(frame.path, frame.generation, frame.reason ?? 'proved');
    case 'ephemeral':
      return writer.ephemeral(frame.channel, frame.kind, frame.body);
    case 'close':
      return writer.close(frame.code, frame.text);
  }
}

function bytesOf(numbers: readonly number[]): number {
  let bytes = 0;
  for (let index = 0; index < numbers.length; index += 1) bytes += varintBytes(numbers[index]!);
  return bytes;
}

function checkPairs(numbers: readonly number[], pairsMax: number): void {
  if (numbers.length % 2 !== 0 || numbers.length > pairsMax * 2)
    throw refused(`${numbers.length} numbers are not at most ${pairsMax} pairs`);
}

function checkLength(length: number): void {
  if (length > LINK_FRAME_BYTES_MAX) throw refused(`a frame of ${length} bytes exceeds ${LINK_FRAME_BYTES_MAX}`);
}
