import { type Field, FieldWriter } from '../fields.ts';

import { describeControl } from './describe-control.ts';
import { linkErrorName } from './errors.ts';
import { FrameType, isLastFrame, pathReasons } from './frames.ts';
import { LINK_ID_BYTES } from './limits.ts';

const KEY_PHASE = 0x04;
const NUMBER_LENGTH = 0x03;
const SIGNATURE_BYTES = 64;
const DEVICE_KEY_BYTES = 32;
const names = new Map<number, string>(Object.entries(FrameType).map(([name, type]) => [type, name]));

/**
 * What the bytes of a packet mean (docs/wires/link.md "Packets"), once its seal is opened: its head without the mask, then
 * its frames.
 * @param to who it is for: only packets to the server have a connection id
 */
export function describeLinkPacket(bytes: Uint8Array, to: 'server' | 'client'): Field[] {
  const writer = new FieldWriter(bytes);
  const flags = writer.number(1, 'flags', (value) => `key phase ${(value & KEY_PHASE) === 0 ? 0 : 1}`);
  if (to === 'server') writer.bytes(LINK_ID_BYTES, 'connection id');
  writer.number(((flags ?? 0) & NUMBER_LENGTH) + 1, 'packet number', 'its last bytes');
  while (writer.left > 0) frame(writer, bytes.length, true);
  return writer.fields;
}

/** What the bytes of the TLS connection mean, from the beginning of a frame on. */
export function describeLinkStream(bytes: Uint8Array): Field[] {
  const writer = new FieldWriter(bytes);
  while (writer.left > 0) frame(writer, bytes.length, false);
  return writer.fields;
}

function frame(writer: FieldWriter, end: number, isPacket: boolean): void {
  const type = writer.varint('frame', (value) => names.get(value) ?? 'of a later version: passed over');
  const length = type === undefined || (isLastFrame(type) && isPacket) ? writer.left : writer.varint('length');
  if (type === undefined || length === undefined) {
    writer.rest('rest', 'cut short');
    return;
  }
  const frameEnd = Math.min(end, writer.at + length);
  const left = (): number => frameEnd - writer.at;
  body(writer, type, left);
  if (left() > 0) writer.bytes(left(), 'rest', 'of the frame');
}

function body(writer: FieldWriter, type: number, left: () => number): void {
  switch (type) {
    case FrameType.RECORD:
    case FrameType.RECORD_LAST:
    case FrameType.CALM:
    case FrameType.CALM_LAST:
      record(writer, left);
      return;
    case FrameType.PART:
    case FrameType.PART_LAST: {
      const channel = writer.varint('channel');
      for (const name of ['number', 'offset', 'total']) writer.varint(name);
      // What is asked for on the control channel may be a secret, and cannot be told in pieces.
      writer.bytes(left(), channel === 0 ? 'control piece' : 'piece');
      return;
    }
    case FrameType.SKIP:
      for (const name of ['channel', 'first', 'last']) writer.varint(name);
      return;
    case FrameType.CURSOR:
      for (const name of ['channel', 'next']) writer.varint(name);
      while (left() > 0) for (const name of ['missing', 'held']) if (left() > 0) writer.varint(name);
      return;
    case FrameType.ACK:
      writer.varint('largest');
      writer.varint('delay', (value) => `${((value * 8) / 1000).toFixed(3)} ms`);
      writer.varint('below it');
      while (left() > 0) for (const name of ['gap', 'length']) if (left() > 0) writer.varint(name);
      return;
    case FrameType.PATH:
      writer.number(1, 'path', (value) => ['tcp', 'udp'][value] ?? '');
      writer.varint('generation');
      writer.number(1, 'reason', (value) => pathReasons[value] ?? '');
      return;
    case FrameType.EPHEMERAL:
      writer.varint('channel');
      writer.varint('kind', (value) => (value === 1 ? 'typing' : ''));
      return;
    case FrameType.CLOSE:
    case FrameType.REFUSE:
      writer.varint('code', (value) => linkErrorName(value) ?? '');
      writer.text(left(), 'text');
      return;
    case FrameType.HELLO:
      hello(writer, left);
      return;
    case FrameType.WELCOME:
      welcome(writer, left);
      return;
    default:
  }
}

function record(writer: FieldWriter, left: () => number): void {
  const channel = writer.varint('channel', (value) => (value === 0 ? 'control' : 'a room'));
  writer.varint('number');
  if (channel === 0) describeControl(writer, left);
  else writer.bytes(left(), 'record', 'a post (in) or an event (out)');
}

function hello(writer: FieldWriter, left: () => number): void {
  writer.varint('version');
  const flags =
    writer.number(1, 'flags', (value) =>
      ['wants UDP', 'device key', 'ticket'].filter((_, bit) => (value & (1 << bit)) !== 0).join(', '),
    ) ?? 0;
  lengthAndText(writer, 'user name');
  lengthAndText(writer, 'agent');
  writer.varint('largest datagram');
  if ((flags & 2) !== 0) {
    writer.bytes(Math.min(DEVICE_KEY_BYTES, left()), 'device key');
    writer.bytes(Math.min(SIGNATURE_BYTES, left()), 'signature');
  }
  if ((flags & 4) !== 0) ticket(writer, left);
}

function welcome(writer: FieldWriter, left: () => number): void {
  writer.varint('version');
  writer.number(1, 'flags', (value) =>
    ['UDP is offered', 'goes on', 'verified'].filter((_, bit) => (value & (1 << bit)) !== 0).join(', '),
  );
  writer.bytes(Math.min(LINK_ID_BYTES, left()), 'session id');
  ticket(writer, left);
  writer.number(2, 'UDP port');
  writer.bytes(Math.min(LINK_ID_BYTES, left()), 'connection id');
  for (const name of ['largest datagram', 'resume window', 'longest message']) writer.varint(name);
  writer.bytes(Math.min(8, left()), 'clock');
  lengthAndText(writer, 'address');
  lengthAndText(writer, 'agent');
}

function ticket(writer: FieldWriter, left: () => number): void {
  const length = writer.number(1, 'ticket length') ?? 0;
  if (length > 0) writer.bytes(Math.min(length, left()), 'ticket');
}

function lengthAndText(writer: FieldWriter, name: string): void {
  const length = writer.varint(`${name} length`);
  if (length !== undefined && length > 0) writer.text(length, name);
}

/** Fields whose bytes nobody is to see who only watches. */
const secrets: ReadonlySet<string> = new Set(['ticket', 'password', 'member token', 'control piece', 'control rest']);
const STAR = 0x2a;

/**
 * The same bytes with `*` in place of tickets, passwords, tokens, and what of the control channel cannot be read.
 * @param packetTo who the packet is for; undefined: they are of a connection
 */
export function maskLinkSecrets(bytes: Uint8Array, packetTo?: 'server' | 'client'): Uint8Array {
  let masked: Uint8Array | undefined;
  const fields = packetTo === undefined ? describeLinkStream(bytes) : describeLinkPacket(bytes, packetTo);
  for (const { name, offset, length } of fields) {
    if (!secrets.has(name)) continue;
    masked ??= bytes.slice();
    masked.fill(STAR, offset, offset + length);
  }
  return masked ?? bytes;
}
