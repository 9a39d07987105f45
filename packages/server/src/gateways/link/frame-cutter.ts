import { LINK_FRAME_BYTES_MAX } from '@confab/wire/link';

/** Of a frame: its type and its length, each a number of at most 8 bytes. */
const HEAD_BYTES_MAX = 16;

/** Cuts what came on a connection into whole frames, for showing them. Holds at most one frame that is not whole. */
export class FrameCutter {
  #held = new Uint8Array(0);
  /** What came is no frame: nothing more can be told from its beginning on. */
  #isLost = false;

  push(bytes: Uint8Array): Uint8Array[] {
    if (this.#isLost) return [];
    const held = new Uint8Array(this.#held.length + bytes.length);
    held.set(this.#held);
    held.set(bytes, this.#held.length);
    const frames: Uint8Array[] = [];
    let at = 0;
    for (let end = frameEnd(held, at); end !== undefined && end <= held.length; end = frameEnd(held, at)) {
      frames.push(held.subarray(at, end));
      at = end;
    }
    this.#held = held.slice(at);
    if (this.#held.length > LINK_FRAME_BYTES_MAX + HEAD_BYTES_MAX) {
      this.#isLost = true;
      this.#held = new Uint8Array(0);
    }
    return frames;
  }
}

/** Where the frame that begins at an offset ends; undefined when its head is not whole. */
function frameEnd(bytes: Uint8Array, at: number): number | undefined {
  if (at >= bytes.length) return undefined;
  const lengthAt = at + sizeAt(bytes, at);
  if (lengthAt >= bytes.length) return undefined;
  const size = sizeAt(bytes, lengthAt);
  if (lengthAt + size > bytes.length) return undefined;
  let length = bytes[lengthAt]! & 0x3f;
  for (let index = 1; index < size; index += 1) length = length * 256 + bytes[lengthAt + index]!;
  return lengthAt + size + length;
}

/** Bytes of the number that begins there (RFC 9000 §16). */
function sizeAt(bytes: Uint8Array, at: number): number {
  return 1 << (bytes[at]! >> 6);
}
