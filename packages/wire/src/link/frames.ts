import type { LinkPath, PathReason } from './api.ts';

/** Frame types; layouts and which need an acknowledgement: docs/wires/link.md "Frames". */
export const FrameType = {
  PADDING: 0x00,
  PING: 0x01,
  RECORD: 0x02,
  /** Without a length: it takes the rest of its packet. */
  RECORD_LAST: 0x03,
  PART: 0x04,
  /** Without a length: it takes the rest of its packet. */
  PART_LAST: 0x05,
  SKIP: 0x06,
  CURSOR: 0x07,
  ACK: 0x08,
  PATH_CHALLENGE: 0x09,
  PATH_RESPONSE: 0x0a,
  PATH: 0x0b,
  EPHEMERAL: 0x0c,
  PONG: 0x0d,
  CLOSE: 0x0e,
  /** A RECORD whose acknowledgement is in no hurry. */
  CALM: 0x10,
  /** Without a length: it takes the rest of its packet. */
  CALM_LAST: 0x11,
  HELLO: 0x20,
  WELCOME: 0x21,
  REFUSE: 0x22,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Whether a frame has no length, and takes the rest of its packet. */
export function isLastFrame(type: number): boolean {
  return type === FrameType.RECORD_LAST || type === FrameType.PART_LAST || type === FrameType.CALM_LAST;
}

/** ACK says its delay in units of so many ms: 8 µs. */
export const ACK_DELAY_UNIT_MS = 0.008;

/** The reasons of PATH, by their number on the wire. */
export const pathReasons = [
  'proved',
  'nothing-acknowledged',
  'nothing-received',
  'configured',
  'socket-failed',
] as const satisfies readonly PathReason[];
/** A reason that is said to a peer: all but `peer`, which is what it is over there. */
export type SaidPathReason = (typeof pathReasons)[number];

/**
 * Who takes the frames of a packet or stream, one call each, in order: nothing is made for a frame but a view of its bytes.
 * The views are of the bytes that were read: valid for as long as nobody writes there. Arrays belong to who is called.
 */
export interface FrameVisitor {
  /** Answer with `pong` and the same 0–8 bytes, on the same path. */
  ping(data: Uint8Array): void;
  pong(data: Uint8Array): void;
  /** @param isCalm the acknowledgement of its packet is in no hurry */
  record(channel: number, number: number, body: Uint8Array, isCalm: boolean): void;
  /** At least one byte; `offset + bytes.length` is at most `total`. */
  part(channel: number, number: number, offset: number, total: number, bytes: Uint8Array): void;
  /** `first` is at most `last`. */
  skip(channel: number, first: number, last: number): void;
  /** @param pairs gap and count in turn, as `decodeCursorRanges` takes them; at most 32 pairs */
  cursor(channel: number, next: number, pairs: readonly number[]): void;
  /**
   * @param delay in units of 8 µs
   * @param pairs gap and length in turn, as `decodeAckRanges` takes them; at most 31 pairs
   */
  ack(largest: number, delay: number, first: number, pairs: readonly number[]): void;
  /** 8 bytes. */
  pathChallenge(data: Uint8Array): void;
  /** 8 bytes. */
  pathResponse(data: Uint8Array): void;
  /** @param reason undefined when this version has no word for it */
  path(path: LinkPath, generation: number, reason: SaidPathReason | undefined): void;
  ephemeral(channel: number, kind: number, body: Uint8Array): void;
  close(code: number, text: string): void;
}

/** A frame as a value: for tests, traces and whoever sees few of them. Sessions use FrameWriter and FrameVisitor. */
export type LinkFrame =
  | { readonly type: 'padding'; readonly bytes: number }
  | { readonly type: 'ping' | 'pong' | 'path-challenge' | 'path-response'; readonly data: Uint8Array }
  | {
      readonly type: 'record' | 'calm';
      readonly channel: number;
      readonly number: number;
      readonly body: Uint8Array;
    }
  | {
      readonly type: 'part';
      readonly channel: number;
      readonly number: number;
      readonly offset: number;
      readonly total: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'skip'; readonly channel: number; readonly first: number; readonly last: number }
  | { readonly type: 'cursor'; readonly channel: number; readonly next: number; readonly pairs: readonly number[] }
  | {
      readonly type: 'ack';
      readonly largest: number;
      readonly delay: number;
      readonly first: number;
      readonly pairs: readonly number[];
    }
  | {
      readonly type: 'path';
      readonly path: LinkPath;
      readonly generation: number;
      readonly reason: SaidPathReason | undefined;
    }
  | { readonly type: 'ephemeral'; readonly channel: number; readonly kind: number; readonly body: Uint8Array }
  | { readonly type: 'close'; readonly code: number; readonly text: string };

/** A visitor that makes values of the frames, except PADDING. */
export class FrameCollector implements FrameVisitor {
  readonly frames: LinkFrame[] = [];

  ping(data: Uint8Array): void {
    this.frames.push({ type: 'ping', data });
  }
  pong(data: Uint8Array): void {
    this.frames.push({ type: 'pong', data });
  }
  record(channel: number, number: number, body: Uint8Array, isCalm: boolean): void {
    this.frames.push({ type: isCalm ? 'calm' : 'record', channel, number, body });
  }
  part(channel: number, number: number, offset: number, total: number, bytes: Uint8Array): void {
    this.frames.push({ type: 'part', channel, number, offset, total, bytes });
  }
  skip(channel: number, first: number, last: number): void {
    this.frames.push({ type: 'skip', channel, first, last });
  }
  cursor(channel: number, next: number, pairs: readonly number[]): void {
    this.frames.push({ type: 'cursor', channel, next, pairs });
  }
  ack(largest: number, delay: number, first: number, pairs: readonly number[]): void {
    this.frames.push({ type: 'ack', largest, delay, first, pairs });
  }
  pathChallenge(data: Uint8Array): void {
    this.frames.push({ type: 'path-challenge', data });
  }
  pathResponse(data: Uint8Array): void {
    this.frames.push({ type: 'path-response', data });
  }
  path(path: LinkPath, generation: number, reason: SaidPathReason | undefined): void {
    this.frames.push({ type: 'path', path, generation, reason });
  }
  ephemeral(channel: number, kind: number, body: Uint8Array): void {
    this.frames.push({ type: 'ephemeral', channel, kind, body });
  }
  close(code: number, text: string): void {
    this.frames.push({ type: 'close', code, text });
  }
}
