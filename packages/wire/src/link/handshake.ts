import { ByteReader } from './byte-reader.ts';
import { ByteWriter, refused } from './byte-writer.ts';
import { FrameType } from './frames.ts';
import {
  LINK_AGENT_BYTES_MAX,
  LINK_DATAGRAM_BYTES_MAX,
  LINK_DATAGRAM_BYTES_MIN,
  LINK_HANDSHAKE_BYTES_MAX,
  LINK_ID_BYTES,
  LINK_NAME_BYTES_MAX,
  LINK_TEXT_BYTES_MAX,
} from './limits.ts';
import { varintBytes } from './varint.ts';

/** The version of link that this code speaks. */
export const LINK_VERSION = 1;
/** Ed25519 public key and signature, bytes. */
export const DEVICE_KEY_BYTES = 32;
export const DEVICE_SIGNATURE_BYTES = 64;
/** Tickets, bytes. */
export const TICKET_BYTES_MIN = 16;
export const TICKET_BYTES_MAX = 64;

/** The first frame of a client. */
export interface Hello {
  readonly type: 'hello';
  /** 0–255 bytes of UTF-8; whether it is a name is for the server to say. */
  readonly user: string;
  /** At most 64 bytes of UTF-8. */
  readonly agent: string;
  readonly wantsUdp: boolean;
  /** Largest datagram the client takes, 1200–65507 bytes. */
  readonly datagramBytesMax: number;
  readonly device?: DeviceProof;
  /** Of the session to go on with, 16–64 bytes; secret. */
  readonly ticket?: Uint8Array;
}

export interface DeviceProof {
  /** Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array;
  /** 64 bytes; over what, says docs/wires/link.md "HELLO". */
  readonly signature: Uint8Array;
}

/** The first frame of a server that takes the client. */
export interface Welcome {
  readonly type: 'welcome';
  /** The session that the ticket named goes on. */
  readonly isResumed: boolean;
  readonly isVerified: boolean;
  /** 8 bytes. */
  readonly sessionId: Uint8Array;
  /** 16–64 bytes; secret. */
  readonly ticket: Uint8Array;
  /** 1–65535; undefined: no datagrams are offered. */
  readonly udpPort: number | undefined;
  /** 8 bytes, for packets to the server. */
  readonly connectionId: Uint8Array;
  readonly datagramBytesMax: number;
  readonly resumeWindowS: number;
  readonly messageBytesMax: number;
  /** The server's clock, ms since the Unix epoch. */
  readonly clockMs: number;
  /** The client's as the server sees it, at most 64 bytes. */
  readonly address: string;
  readonly agent: string;
}

/** The first and last frame of a server that does not. */
export interface Refuse {
  readonly type: 'refuse';
  /** `LinkErrorCode`, or one of a later version. */
  readonly code: number;
  /** At most 512 bytes. */
  readonly text: string;
}

/** A HELLO or WELCOME of a version that is not ours; what else is in it we cannot read. */
export interface OtherVersion {
  readonly type: 'other-version';
  readonly frame: 'hello' | 'welcome';
  readonly version: number;
}

export type HandshakeFrame = Hello | Welcome | Refuse;

const HELLO_WANTS_UDP = 0x01;
const HELLO_HAS_DEVICE = 0x02;
const HELLO_HAS_TICKET = 0x04;
const WELCOME_OFFERS_UDP = 0x01;
const WELCOME_RESUMED = 0x02;
const WELCOME_VERIFIED = 0x04;

/**
 * A frame of the handshake, type and length included.
 * @throws {CodecError} CODEC_INVALID_FIELD, CODEC_TOO_LARGE, CODEC_INVALID_UTF8: what the reader would refuse
 */
export function encodeHandshake(frame: HandshakeFrame): Uint8Array {
  switch (frame.type) {
    case 'hello':
      return framed(FrameType.HELLO, encodeHello(frame));
    case 'welcome':
      return framed(FrameType.WELCOME, encodeWelcome(frame));
    case 'refuse':
      return framed(
        FrameType.REFUSE,
        new ByteWriter().varint(frame.code).restText(frame.text, 'text', LINK_TEXT_BYTES_MAX).finish(),
      );
  }
}

/**
 * The body of a handshake frame. Bytes after the last field are ignored: a later version may have more to say.
 * @throws {CodecError} CODEC_INVALID_FIELD also for a frame of any other type
 */
export function decodeHandshake(type: number, body: Uint8Array): HandshakeFrame | OtherVersion {
  if (type === FrameType.HELLO) return decodeHello(new ByteReader(body, 'HELLO'));
  if (type === FrameType.WELCOME) return decodeWelcome(new ByteReader(body, 'WELCOME'));
  const reader = new ByteReader(body, 'REFUSE');
  if (type !== FrameType.REFUSE) throw reader.error('CODEC_INVALID_FIELD', `frame ${type} begins no connection`);
  return { type: 'refuse', code: reader.varint(), text: reader.restText('text', LINK_TEXT_BYTES_MAX) };
}

function encodeHello(hello: Hello): Uint8Array {
  const { device, ticket } = hello;
  const writer = new ByteWriter(LINK_HANDSHAKE_BYTES_MAX).varint(LINK_VERSION);
  writer.byte(
    (hello.wantsUdp ? HELLO_WANTS_UDP : 0) |
      (device === undefined ? 0 : HELLO_HAS_DEVICE) |
      (ticket === undefined ? 0 : HELLO_HAS_TICKET),
  );
  writer.text(hello.user, 'user name', LINK_NAME_BYTES_MAX).text(hello.agent, 'agent', LINK_AGENT_BYTES_MAX);
  writer.varint(checkDatagramBytes(hello.datagramBytesMax));
  if (device !== undefined) {
    writer.fixed(device.key, DEVICE_KEY_BYTES, 'device key');
    writer.fixed(device.signature, DEVICE_SIGNATURE_BYTES, 'signature');
  }
  if (ticket !== undefined) writeTicket(writer, ticket);
  return writer.finish();
}

function decodeHello(reader: ByteReader): Hello | OtherVersion {
  const version = reader.varint();
  if (version !== LINK_VERSION) return { type: 'other-version', frame: 'hello', version };
  const flags = reader.byte();
  const user = reader.text('user name', LINK_NAME_BYTES_MAX);
  const agent = reader.text('agent', LINK_AGENT_BYTES_MAX);
  const datagramBytesMax = readDatagramBytes(reader);
  const device =
    (flags & HELLO_HAS_DEVICE) === 0
      ? undefined
      : { key: reader.take(DEVICE_KEY_BYTES).slice(), signature: reader.take(DEVICE_SIGNATURE_BYTES).slice() };
  const ticket = (flags & HELLO_HAS_TICKET) === 0 ? undefined : readTicket(reader);
  return {
    type: 'hello',
    user,
    agent,
    wantsUdp: (flags & HELLO_WANTS_UDP) !== 0,
    datagramBytesMax,
    ...(device === undefined ? {} : { device }),
    ...(ticket === undefined ? {} : { ticket }),
  };
}

function encodeWelcome(welcome: Welcome): Uint8Array {
  const { udpPort } = welcome;
  if (udpPort !== undefined && !(Number.isInteger(udpPort) && udpPort >= 1 && udpPort <= 0xffff))
    throw refused(`UDP port ${udpPort} is not within 1–65535`);
  const writer = new ByteWriter(LINK_HANDSHAKE_BYTES_MAX).varint(LINK_VERSION);
  writer.byte(
    (udpPort === undefined ? 0 : WELCOME_OFFERS_UDP) |
      (welcome.isResumed ? WELCOME_RESUMED : 0) |
      (welcome.isVerified ? WELCOME_VERIFIED : 0),
  );
  writer.fixed(welcome.sessionId, LINK_ID_BYTES, 'session id');
  writeTicket(writer, welcome.ticket);
  writer.uint16(udpPort ?? 0).fixed(welcome.connectionId, LINK_ID_BYTES, 'connection id');
  writer.varint(checkDatagramBytes(welcome.datagramBytesMax));
  writer.varint(welcome.resumeWindowS).varint(welcome.messageBytesMax).uint64(welcome.clockMs);
  writer.text(welcome.address, 'address', LINK_AGENT_BYTES_MAX).text(welcome.agent, 'agent', LINK_AGENT_BYTES_MAX);
  return writer.finish();
}

function decodeWelcome(reader: ByteReader): Welcome | OtherVersion {
  const version = reader.varint();
  if (version !== LINK_VERSION) return { type: 'other-version', frame: 'welcome', version };
  const flags = reader.byte();
  const sessionId = reader.take(LINK_ID_BYTES).slice();
  const ticket = readTicket(reader);
  const portAt = reader.at;
  const port = reader.uint16();
  const offersUdp = (flags & WELCOME_OFFERS_UDP) !== 0;
  if (offersUdp !== port > 0)
    throw reader.error('CODEC_INVALID_FIELD', `UDP is ${offersUdp ? '' : 'not '}offered, port ${port}`, portAt);
  return {
    type: 'welcome',
    isResumed: (flags & WELCOME_RESUMED) !== 0,
    isVerified: (flags & WELCOME_VERIFIED) !== 0,
    sessionId,
    ticket,
    udpPort: offersUdp ? port : undefined,
    connectionId: reader.take(LINK_ID_BYTES).slice(),
    datagramBytesMax: readDatagramBytes(reader),
    resumeWindowS: reader.varint(),
    messageBytesMax: reader.varint(),
    clockMs: reader.uint64(),
    address: reader.text('address', LINK_AGENT_BYTES_MAX),
    agent: reader.text('agent', LINK_AGENT_BYTES_MAX),
  };
}

function writeTicket(writer: ByteWriter, ticket: Uint8Array): void {
  if (ticket.length < TICKET_BYTES_MIN || ticket.length > TICKET_BYTES_MAX)
    throw refused(`${ticket.length}-byte ticket is not within ${TICKET_BYTES_MIN}–${TICKET_BYTES_MAX}`);
  writer.byte(ticket.length).bytes(ticket);
}

/** A copy: tickets are kept. */
function readTicket(reader: ByteReader): Uint8Array {
  const length = reader.byte();
  if (length < TICKET_BYTES_MIN || length > TICKET_BYTES_MAX) {
    const why = `${length}-byte ticket is not within ${TICKET_BYTES_MIN}–${TICKET_BYTES_MAX}`;
    throw reader.error('CODEC_INVALID_FIELD', why, reader.at - 1);
  }
  return reader.take(length).slice();
}

function checkDatagramBytes(bytes: number): number {
  if (!(bytes >= LINK_DATAGRAM_BYTES_MIN && bytes <= LINK_DATAGRAM_BYTES_MAX))
    throw refused(`datagrams of ${bytes} bytes are not within ${LINK_DATAGRAM_BYTES_MIN}–${LINK_DATAGRAM_BYTES_MAX}`);
  return bytes;
}

function readDatagramBytes(reader: ByteReader): number {
  const at = reader.at;
  const bytes = reader.varint();
  if (bytes < LINK_DATAGRAM_BYTES_MIN || bytes > LINK_DATAGRAM_BYTES_MAX)
    throw reader.error('CODEC_INVALID_FIELD', `datagrams of ${bytes} bytes are not within 1200–65507`, at);
  return bytes;
}

function framed(type: number, body: Uint8Array): Uint8Array {
  if (1 + varintBytes(body.length) + body.length > LINK_HANDSHAKE_BYTES_MAX)
    throw refused(`a handshake of ${body.length} bytes exceeds ${LINK_HANDSHAKE_BYTES_MAX}`);
  return new ByteWriter(body.length + 3).varint(type).varint(body.length).bytes(body).finish();
}
