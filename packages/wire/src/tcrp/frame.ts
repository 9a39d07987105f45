import { CodecError } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import { isWholeBeforeEnd } from './json-end.ts';
import { HEADER31_BYTES, HEADER32_BYTES, layoutOf } from './layout.ts';

/** Byte 1 of a header: what is asked for. */
export const TcrpOperation = { CREATE: 1, JOIN: 2 } as const;
export type TcrpOperation = (typeof TcrpOperation)[keyof typeof TcrpOperation];

/** Byte 2 of a header: a client sends REQUEST, a server answers RESPONSE (the verdict), then COMPLETE (the token). */
export const TcrpState = { REQUEST: 0, RESPONSE: 1, COMPLETE: 2 } as const;
export type TcrpState = (typeof TcrpState)[keyof typeof TcrpState];

/**
 * How a frame is laid out (docs/wires/tcrp.md): the 32-byte header that programs send, the 31-byte header of one
 * description, or the name-first form of another, which has no payload length.
 */
export type TcrpLayout = 'header32' | 'header31' | 'name-first';

/** Longest payload, bytes; a frame that declares more is refused before any of it is buffered. */
export const TCRP_PAYLOAD_BYTES_MAX = 65_536;
/** Longest room name, bytes of UTF-8: what its one-byte length can say. */
export const TCRP_ROOM_BYTES_MAX = 255;

/** One unit of TCRP, request or answer. */
export interface TcrpFrame {
  /** A client is answered in the layout it used. */
  readonly layout: TcrpLayout;
  readonly operation: TcrpOperation;
  readonly state: TcrpState;
  /** 1–255 bytes of UTF-8. Only that is checked here; which names are allowed is the core's to say. */
  readonly room: string;
  /** 0–65536 bytes, usually JSON; the frame's own copy. */
  readonly payload: Uint8Array;
}

/**
 * A frame to bytes. Integers are big-endian:
 *
 *     header32     [1 room length][1 operation][1 state][29 payload length][room][payload]
 *     header31     [1 room length][1 operation][1 state][28 payload length][room][payload]
 *     name-first   [1 room length][room][1 operation][1 state][payload]
 *
 * Whatever a {@link TcrpRequestDecoder} would refuse, cut short, or take for another layout is refused here, so a request
 * that was encoded is decoded as it was meant. Answers are read by a client that knows its own layout, so they may hold
 * any payload.
 * @throws {CodecError} CODEC_INVALID_FIELD: the room name has 0 or more than 255 bytes, operation or state are unknown, or
 *   the request would be misread; CODEC_INVALID_UTF8: the room name holds a lone surrogate; CODEC_TOO_LARGE: the payload
 *   is above 65536 bytes
 */
export function encodeTcrpFrame(frame: TcrpFrame): Uint8Array {
  const room = encodeUtf8(frame.room);
  if (room.length < 1 || room.length > TCRP_ROOM_BYTES_MAX) {
    throw refusal(`room name of ${room.length} bytes is not within 1–${TCRP_ROOM_BYTES_MAX}`, 0);
  }
  if (!isTcrpOperation(frame.operation)) throw refusal(`operation ${frame.operation} is unknown`, 1);
  if (!isTcrpState(frame.state)) throw refusal(`state ${frame.state} is unknown`, 2);
  if (frame.payload.length > TCRP_PAYLOAD_BYTES_MAX) {
    const message = `Cannot encode TCRP frame: payload of ${frame.payload.length} bytes exceeds ${TCRP_PAYLOAD_BYTES_MAX}`;
    throw new CodecError('CODEC_TOO_LARGE', message, 3);
  }
  return frame.layout === 'name-first' ? encodeNameFirst(frame, room) : encodeWithHeader(frame, room);
}

function encodeWithHeader(frame: TcrpFrame, room: Uint8Array): Uint8Array {
  const headerBytes = frame.layout === 'header32' ? HEADER32_BYTES : HEADER31_BYTES;
  const bytes = new Uint8Array(headerBytes + room.length + frame.payload.length);
  bytes[0] = room.length;
  bytes[1] = frame.operation;
  bytes[2] = frame.state;
  // The limit is 17 bits, so all but the last three bytes of the length are zero.
  bytes[headerBytes - 3] = frame.payload.length >>> 16;
  bytes[headerBytes - 2] = frame.payload.length >>> 8;
  bytes[headerBytes - 1] = frame.payload.length;
  bytes.set(room, headerBytes);
  bytes.set(frame.payload, headerBytes + room.length);
  if (frame.state === TcrpState.REQUEST && layoutOf(bytes, TCRP_PAYLOAD_BYTES_MAX) !== frame.layout) {
    throw refusal(`it would not be read as ${frame.layout}`, 3);
  }
  return bytes;
}

function encodeNameFirst(frame: TcrpFrame, room: Uint8Array): Uint8Array {
  if (frame.state === TcrpState.REQUEST) {
    if (room[0]! < 0x20) throw refusal('a room name that begins with a control character is read as a header', 1);
    if (isWholeBeforeEnd(frame.payload))
      throw refusal('bytes after a whole JSON value are never read', 3 + room.length);
  }
  const bytes = new Uint8Array(3 + room.length + frame.payload.length);
  bytes[0] = room.length;
  bytes.set(room, 1);
  bytes[1 + room.length] = frame.operation;
  bytes[2 + room.length] = frame.state;
  bytes.set(frame.payload, 3 + room.length);
  return bytes;
}

/** Whether a byte is an operation this protocol knows. */
export function isTcrpOperation(byte: number): byte is TcrpOperation {
  return byte === TcrpOperation.CREATE || byte === TcrpOperation.JOIN;
}

/** Whether a byte is a state this protocol knows. */
export function isTcrpState(byte: number): byte is TcrpState {
  return byte === TcrpState.REQUEST || byte === TcrpState.RESPONSE || byte === TcrpState.COMPLETE;
}

function refusal(why: string, offset: number): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot encode TCRP frame: ${why}`, offset);
}
