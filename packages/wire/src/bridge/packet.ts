import { CodecError } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import type { BridgeExtra } from './extra.ts';
import { BRIDGE_ID_BYTES_MAX, BRIDGE_IP_BYTES_MAX, BRIDGE_PACKET_BYTES_MAX } from './limits.ts';

/** A registered client and where it listens. */
export interface BridgePeer {
  /** 1–255 bytes of UTF-8, no blank, no colon, no control character. */
  readonly clientId: string;
  /**
   * Address as its owner wrote it, usually an IP address: 1–255 bytes, no blank, no control character. It is repeated as it
   * is; whether it is an address, and the owner's, is for the server to judge.
   */
  readonly ip: string;
  /** 1–65535. */
  readonly port: number;
}

/** What Confab's own programs may add; see `extra.ts`. */
export interface WithExtra {
  readonly extra?: BridgeExtra;
}

/** One packet, in any direction; `docs/wires/bridge.md` says who sends which. */
export type BridgePacket =
  /** Client to server: which mode is this? */
  | { readonly type: 'PROBE' }
  | { readonly type: 'PROBEACK' }
  /** Client to server: this is who and where I am. */
  | ({ readonly type: 'REGISTER' } & BridgePeer & WithExtra)
  | ({ readonly type: 'REGACK' } & BridgePeer & WithExtra)
  /** The id is taken. */
  | { readonly type: 'REGNACK' }
  /** Client to server: whom can I talk to? */
  | ({ readonly type: 'BRIDGE'; readonly clientId: string } & WithExtra)
  /** The peer, or nothing: nobody is there yet. */
  | ({ readonly type: 'BRIDGEACK'; readonly peer?: BridgePeer } & WithExtra)
  /** Client to server: these two have found each other and need no server any more. */
  | ({
      readonly type: 'CHAT';
      readonly to: 'server';
      readonly clientId1: string;
      readonly clientId2: string;
    } & WithExtra)
  /** Peer to peer: without `text` it opens the conversation, with it, it is a line. */
  | { readonly type: 'CHAT'; readonly to: 'peer'; readonly clientId: string; readonly text?: string }
  /** Without an id: peer to peer. */
  | ({ readonly type: 'QUIT'; readonly clientId?: string } & WithExtra)
  | { readonly type: 'QUITACK'; readonly clientId: string }
  /** Confab's client to Confab's server, in TCP mode: what follows on this connection is for the other one of the pair. */
  | ({ readonly type: 'RELAY'; readonly clientId: string } & WithExtra)
  /** Both of the pair are there: from here on the connection leads to the other one. */
  | { readonly type: 'RELAYACK' };

/** What no value may hold: white space, controls. A reader ends the value at the first blank, or the line at a line break. */
const BLANKS = /[\s\p{Cc}]/u;

/** @throws {CodecError} CODEC_INVALID_FIELD, CODEC_INVALID_UTF8 */
export function checkId(value: string): string {
  if (value.includes(':')) throw invalid('a client id holds a colon');
  return checkValue(value, 'a client id', BRIDGE_ID_BYTES_MAX);
}

/** @throws {CodecError} CODEC_INVALID_FIELD, CODEC_INVALID_UTF8 */
export function checkIp(value: string): string {
  return checkValue(value, 'an address', BRIDGE_IP_BYTES_MAX);
}

/** @throws {CodecError} CODEC_INVALID_FIELD */
export function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw invalid('a port is not within 1–65535');
}

/** @throws {CodecError} CODEC_TOO_LARGE */
export function checkSize(size: number): void {
  if (size <= BRIDGE_PACKET_BYTES_MAX) return;
  const message = `Bridge packet of ${size} bytes exceeds ${BRIDGE_PACKET_BYTES_MAX}`;
  throw new CodecError('CODEC_TOO_LARGE', message, BRIDGE_PACKET_BYTES_MAX);
}

function checkValue(value: string, what: string, bytesMax: number): string {
  const { length } = encodeUtf8(value);
  if (length < 1 || length > bytesMax) throw invalid(`${what} of ${length} bytes is not within 1–${bytesMax}`);
  if (BLANKS.test(value)) throw invalid(`${what} holds a blank or a control character`);
  return value;
}

/** An error about a field. It repeats nothing of the packet, which may hold what somebody said. */
export function invalid(why: string): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Bridge packet is not valid: ${why}`, 0);
}
