import { type KeyObject, sign } from 'node:crypto';

/** Tags of DER (X.690 §8, §10). */
const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  VERSION: 0xa0,
  EXTENSIONS: 0xa3,
} as const;

/** Longest contents of one element that are needed here, bytes. */
const CONTENTS_BYTES_MAX = 0xffff;
const PEM_LINE = 64;

const ECDSA_WITH_SHA256 = oid('2a8648ce3d040302'); // 1.2.840.10045.4.3.2
const COMMON_NAME = oid('550403'); // 2.5.4.3
const BASIC_CONSTRAINTS = oid('551d13'); // 2.5.29.19

export interface SelfSignedOptions {
  /** P-256. */
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** 1–20 bytes that are a positive number without a leading zero byte (RFC 5280 §4.1.2.2). */
  readonly serial: Uint8Array;
  readonly name: string;
}

/**
 * A certificate that a P-256 key signs for itself, PEM (RFC 5280 §4.1, RFC 5758 §3.2). Valid from 2020, before which no clock
 * is set by accident, and without end: clients pin the key, whose life its operator ends. One template with three blanks: no
 * library is needed for it.
 */
export function selfSignedCertificate({ privateKey, publicKey, serial, name }: SelfSignedOptions): string {
  const algorithm = element(Tag.SEQUENCE, ECDSA_WITH_SHA256);
  const who = element(
    Tag.SEQUENCE,
    element(Tag.SET, element(Tag.SEQUENCE, COMMON_NAME, element(Tag.UTF8_STRING, Buffer.from(name)))),
  );
  const validity = element(
    Tag.SEQUENCE,
    element(Tag.UTC_TIME, Buffer.from('200101000000Z')),
    // "No well-defined expiration date" (RFC 5280 §4.1.2.5).
    element(Tag.GENERALIZED_TIME, Buffer.from('99991231235959Z')),
  );
  // Present, critical and empty: not an authority.
  const constraints = element(
    Tag.SEQUENCE,
    BASIC_CONSTRAINTS,
    element(Tag.BOOLEAN, Buffer.of(0xff)),
    element(Tag.OCTET_STRING, element(Tag.SEQUENCE)),
  );
  const toBeSigned = element(
    Tag.SEQUENCE,
    element(Tag.VERSION, element(Tag.INTEGER, Buffer.of(2))),
    element(Tag.INTEGER, Buffer.from(serial)),
    algorithm,
    who,
    validity,
    who,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(Tag.EXTENSIONS, element(Tag.SEQUENCE, constraints)),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  return pem(element(Tag.SEQUENCE, toBeSigned, algorithm, element(Tag.BIT_STRING, Buffer.of(0), signature)));
}

/** Tag, length, contents (X.690 §8.1.3). */
function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > CONTENTS_BYTES_MAX) throw new RangeError(`${length} bytes exceed ${CONTENTS_BYTES_MAX}`);
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), ...parts]);
}

function oid(hex: string): Buffer {
  return element(Tag.OBJECT_IDENTIFIER, Buffer.from(hex, 'hex'));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(new RegExp(`.{1,${PEM_LINE}}`, 'g'))!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----`;
}
