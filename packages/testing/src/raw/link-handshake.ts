/** HELLO, WELCOME and REFUSE, from docs/wires/link.md "Connecting" alone. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Fields, Frame, frame, text, varint } from './link-frames.ts';

export interface RawLinkOptions {
  readonly user: string;
  readonly wantsUdp?: boolean;
  /** Ed25519 private key. */
  readonly device?: KeyObject;
  readonly ticket?: Buffer;
  /** Sign something else than this connection. */
  readonly proofOf?: Buffer;
}

export interface RawWelcome {
  readonly isUdpOffered: boolean;
  readonly isResumed: boolean;
  readonly isVerified: boolean;
  readonly ticket: Buffer;
  readonly udpPort: number;
  readonly connectionId: Buffer;
  readonly address: string;
}

/** The server said REFUSE. */
export class RawRefusal extends Error {
  readonly code: number;

  constructor(code: number, why: string) {
    super(why);
    this.code = code;
  }
}

export function encodeHello(socket: TLSSocket, options: RawLinkOptions, ticket: Buffer | undefined): Buffer {
  const { user, wantsUdp = false, device, proofOf } = options;
  const flags = (wantsUdp ? 1 : 0) | (device === undefined ? 0 : 2) | (ticket === undefined ? 0 : 4);
  const parts = [varint(1), Buffer.from([flags]), text(user), text('raw/1'), varint(1472)];
  if (device !== undefined) {
    const value = proofOf ?? socket.exportKeyingMaterial(32, 'EXPORTER-confab/1 device', Buffer.alloc(0));
    const { x } = createPublicKey(device).export({ format: 'jwk' });
    parts.push(Buffer.from(x!, 'base64url'));
    parts.push(sign(null, Buffer.concat([Buffer.from('confab/1 device proof\0'), value]), device));
  }
  if (ticket !== undefined) parts.push(Buffer.from([ticket.length]), ticket);
  return frame(Frame.HELLO, ...parts);
}

export function decodeWelcome(body: Fields): RawWelcome {
  body.varint();
  const flags = body.byte();
  body.take(8);
  const ticket = Buffer.from(body.take(body.byte()));
  const udpPort = body.take(2).readUInt16BE();
  const connectionId = Buffer.from(body.take(8));
  body.varint();
  body.varint();
  body.varint();
  body.take(8);
  return {
    isUdpOffered: (flags & 1) !== 0,
    isResumed: (flags & 2) !== 0,
    isVerified: (flags & 4) !== 0,
    ticket,
    udpPort,
    connectionId,
    address: body.text(),
  };
}
