/*
 * WebSocket frames (RFC 6455 §5.2) as a server sends text: final, unmasked, not compressed.
 *
 *     0      0x81: final frame, opcode 1 (text)
 *     1      length 0–125; or 126 and 2 bytes of length; or 127 and 8 bytes of length, big-endian
 *
 * Made here and not by the library, so that one buffer serves all connections of a room.
 */

import { framed, type JsonFraming } from '../json-framing.ts';

const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const LENGTH_16_MAX = 0xffff;

/** What stands for a JSON object on this wire: a text frame. */
export const frameFraming: JsonFraming = {
  sizeOf: (textBytes) => headBytesOf(textBytes) + textBytes,
  open: (into, at, textBytes) => {
    const headBytes = headBytesOf(textBytes);
    into[at] = FINAL_TEXT;
    if (headBytes === 2) {
      into[at + 1] = textBytes;
    } else if (headBytes === 4) {
      into[at + 1] = LENGTH_16;
      into.writeUInt16BE(textBytes, at + 2);
    } else {
      into[at + 1] = LENGTH_64;
      into.writeBigUInt64BE(BigInt(textBytes), at + 2);
    }
    return at + headBytes;
  },
  close: (_into, at) => at,
};

/** One text frame. */
export function frameOf(text: string): Buffer {
  return framed(frameFraming, text);
}

function headBytesOf(textBytes: number): number {
  if (textBytes < LENGTH_16) return 2;
  return textBytes <= LENGTH_16_MAX ? 4 : 10;
}

/** The payloads of frames that `frameOf` made, as views of `bytes`. */
export function* payloadsOf(bytes: Uint8Array): Generator<Buffer, undefined> {
  const frames = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < frames.length; ) {
    let length = frames[at + 1]!;
    let start = at + 2;
    if (length === LENGTH_16) {
      length = frames.readUInt16BE(start);
      start += 2;
    } else if (length === LENGTH_64) {
      length = Number(frames.readBigUInt64BE(start));
      start += 8;
    }
    at = start + length;
    yield frames.subarray(start, at);
  }
}
