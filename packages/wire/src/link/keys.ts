import { encodeUtf8 } from '../text.ts';
import type { LinkCrypto } from './crypto.ts';

const SECRET_BYTES = 32;
const KEY_BYTES = 16;
const IV_BYTES = 12;
/** One block of HKDF-Expand with SHA-256. */
const EXPAND_BYTES_MAX = 32;
const LABEL_BYTES_MAX = 255;

/** What the labels of link begin with. RFC 9001's are the same with `tls13 quic `. */
export const LINK_LABEL_PREFIX = 'confab ';

/** Of one direction, in one key phase. */
export interface PacketKeys {
  /** AES-128-GCM, 16 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly iv: Uint8Array;
}

/**
 * HKDF-Expand-Label (RFC 8446 §7.1) with SHA-256 and an empty context; the label is taken as it is, without `tls13 `.
 * @param length 1–32 bytes: one block is all that link needs
 * @throws {RangeError} another length, or a label that is not 1–255 bytes
 */
export function hkdfExpandLabel(crypto: LinkCrypto, secret: Uint8Array, label: string, length: number): Uint8Array {
  const text = encodeUtf8(label);
  if (text.length < 1 || text.length > LABEL_BYTES_MAX) throw new RangeError(`A label of ${text.length} bytes`);
  if (!(length >= 1 && length <= EXPAND_BYTES_MAX)) throw new RangeError(`Cannot expand to ${length} bytes`);
  // HkdfLabel: 2 bytes length, label and context each with a byte of length before it; then the block number, 1.
  const info = new Uint8Array(2 + 1 + text.length + 1 + 1);
  info[1] = length;
  info[2] = text.length;
  info.set(text, 3);
  info[info.length - 1] = 1;
  return crypto.hmacSha256(secret, info).slice(0, length);
}

/** The secrets of both directions, 32 bytes each, from the 32 bytes of the TLS exporter. */
export function directionSecrets(
  crypto: LinkCrypto,
  datagramSecret: Uint8Array,
): { readonly client: Uint8Array; readonly server: Uint8Array } {
  if (datagramSecret.length !== SECRET_BYTES)
    throw new RangeError(`A secret of ${datagramSecret.length} bytes is not ${SECRET_BYTES}`);
  return {
    client: hkdfExpandLabel(crypto, datagramSecret, `${LINK_LABEL_PREFIX}client`, SECRET_BYTES),
    server: hkdfExpandLabel(crypto, datagramSecret, `${LINK_LABEL_PREFIX}server`, SECRET_BYTES),
  };
}

/** Key and IV of a direction's secret (RFC 9001 §5.1). */
export function packetKeys(crypto: LinkCrypto, secret: Uint8Array, prefix = LINK_LABEL_PREFIX): PacketKeys {
  return {
    key: hkdfExpandLabel(crypto, secret, `${prefix}key`, KEY_BYTES),
    iv: hkdfExpandLabel(crypto, secret, `${prefix}iv`, IV_BYTES),
  };
}

/** The header protection key of a direction's first secret, 16 bytes; key updates do not change it (RFC 9001 §6). */
export function headerKey(crypto: LinkCrypto, secret: Uint8Array, prefix = LINK_LABEL_PREFIX): Uint8Array {
  return hkdfExpandLabel(crypto, secret, `${prefix}hp`, KEY_BYTES);
}

/** The secret of the next key phase (RFC 9001 §6.1). */
export function nextSecret(crypto: LinkCrypto, secret: Uint8Array, prefix = LINK_LABEL_PREFIX): Uint8Array {
  return hkdfExpandLabel(crypto, secret, `${prefix}ku`, SECRET_BYTES);
}

/** The nonce of a packet: its number, exclusive-or the IV (RFC 9001 §5.3), into 12 bytes that are there already. */
export function packetNonce(iv: Uint8Array, number: number, out: Uint8Array): void {
  out.set(iv);
  const high = Math.floor(number / 0x1_0000_0000);
  out[4]! ^= high >>> 24;
  out[5]! ^= high >>> 16;
  out[6]! ^= high >>> 8;
  out[7]! ^= high;
  out[8]! ^= number >>> 24;
  out[9]! ^= number >>> 16;
  out[10]! ^= number >>> 8;
  out[11]! ^= number;
}
