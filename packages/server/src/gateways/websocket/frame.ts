/*
 * WebSocket frames (RFC 6455 §5.2) as a server sends text: final, unmasked, not compressed.
 *
 *     0      0x81: final frame, opcode 1 (text)
 *     1      length 0–125; or 126 and 2 bytes of length; or 127 and 8 bytes of length, big-endian
 *
 * Made here and not by the library, so that one buffer serves all connections of a room.
 */

const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const LENGTH_16_MAX = 0xffff;

/** One text frame. */
export function frameOf(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const headBytes = length < LENGTH_16 ? 2 : length <= LENGTH_16_MAX ? 4 : 10;
  const frame = Buffer.allocUnsafeSlow(headBytes + length);
  frame[0] = FINAL_TEXT;
  if (headBytes === 2) {
    frame[1] = length;
  } else if (headBytes === 4) {
    frame[1] = LENGTH_16;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_64;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headBytes);
  return frame;
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
