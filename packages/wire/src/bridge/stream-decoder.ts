import type { Decoded, StreamDecoder } from '../codec.ts';
import { CodecError } from '../errors.ts';
import { decodeBridgePacket } from './decode.ts';
import { BRIDGE_PACKET_BYTES_MAX } from './limits.ts';
import type { BridgePacket } from './packet.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Bytes of CR LF CR LF, which end a packet. */
const END_BYTES = 4;

/**
 * A TCP stream to packets: to and from a server one packet a connection, between peers many.
 *
 * Programs send a packet as one segment, but a network may cut it anywhere. It is whole at CR LF CR LF, or, which is all that
 * ends a CHAT to the server, when the peer closes. Line ends between packets are passed over, since some openings have one
 * more than they need.
 *
 * After an error everything further is ignored and nothing is held: whatever `decodeBridgePacket` throws, and CODEC_TOO_LARGE
 * as soon as 1024 bytes are there without an end and one more comes. Offsets count from the start of the packet.
 */
export class BridgeStreamDecoder implements StreamDecoder<BridgePacket> {
  readonly #held = new Uint8Array(BRIDGE_PACKET_BYTES_MAX);
  #length = 0;
  /** How many bytes of CR LF CR LF the held bytes end with. */
  #endBytes = 0;
  #isFailed = false;

  /** Bytes held for an unfinished packet; never above 1024. */
  get bufferedBytes(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): Decoded<BridgePacket> {
    const frames: BridgePacket[] = [];
    if (this.#isFailed) return { frames };
    try {
      for (const byte of chunk) {
        if (this.#take(byte)) frames.push(this.#takePacket());
      }
    } catch (error) {
      return this.#fail(frames, error);
    }
    return { frames };
  }

  /** The peer has closed its half; what is held is a packet, since that is how some of them end. */
  end(): Decoded<BridgePacket> {
    if (this.#length === 0) return { frames: [] };
    try {
      return { frames: [this.#takePacket()] };
    } catch (error) {
      return this.#fail([], error);
    }
  }

  /** Hold one more byte. Returns whether it made the packet whole. */
  #take(byte: number): boolean {
    if (this.#length === 0 && (byte === CARRIAGE_RETURN || byte === LINE_FEED)) return false;
    if (this.#length === BRIDGE_PACKET_BYTES_MAX) {
      const message = `Bridge packet exceeds ${BRIDGE_PACKET_BYTES_MAX} bytes`;
      throw new CodecError('CODEC_TOO_LARGE', message, BRIDGE_PACKET_BYTES_MAX);
    }
    this.#held[this.#length] = byte;
    this.#length += 1;
    if (byte === (this.#endBytes % 2 === 0 ? CARRIAGE_RETURN : LINE_FEED)) this.#endBytes += 1;
    else this.#endBytes = byte === CARRIAGE_RETURN ? 1 : 0;
    return this.#endBytes === END_BYTES;
  }

  #takePacket(): BridgePacket {
    const bytes = this.#held.subarray(0, this.#length);
    this.#length = 0;
    this.#endBytes = 0;
    return decodeBridgePacket(bytes);
  }

  #fail(frames: readonly BridgePacket[], error: unknown): Decoded<BridgePacket> {
    if (!(error instanceof CodecError)) throw error;
    this.#isFailed = true;
    this.#length = 0;
    return { frames, error };
  }
}
