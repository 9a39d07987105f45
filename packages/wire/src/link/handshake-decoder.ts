import { CodecError } from '../errors.ts';
import { HeldBytes } from '../held-bytes.ts';
import { decodeHandshake, type HandshakeFrame, type OtherVersion } from './handshake.ts';
import { LINK_HANDSHAKE_BYTES_MAX } from './limits.ts';
import { readVarint, varintSizeOf } from './varint.ts';

/** What a chunk gave: nothing yet, the frame with what came behind it, or an error. */
export interface HandshakeRead {
  readonly frame?: HandshakeFrame | OtherVersion;
  /** Bytes behind the frame: the first of the session's stream. A view of the chunk. */
  readonly rest?: Uint8Array;
  readonly error?: CodecError;
}

const NOTHING: HandshakeRead = {};

/**
 * The first frame of a connection, HELLO at the server or WELCOME or REFUSE at the client, from any split of its stream. At
 * most 1024 bytes are held; whatever follows the frame is given back for the session. One frame or one error, then nothing.
 *
 * Errors: CODEC_INVALID_FIELD at the first byte when the stream begins with any other frame; CODEC_TOO_LARGE when the frame
 * says it is longer than 1024 bytes, before they are there; and those of `decodeHandshake`.
 */
export class HandshakeDecoder {
  readonly #held = new HeldBytes(LINK_HANDSHAKE_BYTES_MAX);
  #isDone = false;

  get bufferedBytes(): number {
    return this.#held.length;
  }

  push(chunk: Uint8Array): HandshakeRead {
    if (this.#isDone || chunk.length === 0) return NOTHING;
    const before = this.#held.length;
    this.#held.append(chunk.subarray(0, LINK_HANDSHAKE_BYTES_MAX - before));
    const bytes = this.#held.bytes;
    try {
      const size = sizeOf(bytes);
      if (size === undefined || bytes.length < size) return NOTHING;
      const bodyAt = 1 + varintSizeOf(bytes[1]!);
      const frame = decodeHandshake(bytes[0]!, bytes.subarray(bodyAt, size));
      this.#end();
      return { frame, rest: chunk.subarray(size - before) };
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#end();
      return { error };
    }
  }

  #end(): void {
    this.#isDone = true;
    this.#held.clear();
  }
}

/** Bytes of the frame at the start, undefined when its length is not there yet. */
function sizeOf(bytes: Uint8Array): number | undefined {
  const type = bytes[0]!;
  if (type < 0x20 || type > 0x22)
    throw new CodecError('CODEC_INVALID_FIELD', `Cannot decode handshake: frame ${type} begins no connection`, 0);
  if (bytes.length < 2 || bytes.length < 1 + varintSizeOf(bytes[1]!)) return undefined;
  const size = 1 + varintSizeOf(bytes[1]!) + readVarint(bytes, 1);
  if (size > LINK_HANDSHAKE_BYTES_MAX) {
    const why = `a handshake of ${size} bytes exceeds ${LINK_HANDSHAKE_BYTES_MAX}`;
    throw new CodecError('CODEC_TOO_LARGE', `Cannot decode handshake: ${why}`, 1);
  }
  return size;
}
