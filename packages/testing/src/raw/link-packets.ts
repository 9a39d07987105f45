/** The sealed packets of link, client's side, from docs/wires/link.md "Packets" alone. */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const TAG_BYTES = 16;
/** Where the number begins: behind the flags, and to the server behind its connection id. */
const NUMBER_AT = 9;
const NUMBER_AT_CLIENT = 1;
const NUMBER_BYTES = 4;

/** HKDF-Expand-Label (RFC 8446 §7.1) with SHA-256, an empty context and no prefix; one block is enough for 32 bytes. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const info = Buffer.concat([Buffer.from([0, length, label.length]), Buffer.from(label), Buffer.from([0, 1])]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}

interface Keys {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly hp: Buffer;
}

function keysOf(secret: Buffer): Keys {
  return {
    key: expandLabel(secret, 'confab key', 16),
    iv: expandLabel(secret, 'confab iv', 12),
    hp: expandLabel(secret, 'confab hp', 16),
  };
}

/** Seals what goes to the server and opens what comes from it. */
export class RawPackets {
  readonly #connectionId: Buffer;
  readonly #out: Keys;
  readonly #in: Keys;
  #number = 0;
  #largest = -1;

  /** @param secret 32 bytes of the TLS exporter */
  constructor(secret: Buffer, connectionId: Buffer) {
    const server = expandLabel(secret, 'confab server', 32);
    this.#connectionId = connectionId;
    this.#out = keysOf(expandLabel(secret, 'confab client', 32));
    this.#in = keysOf(server);
  }

  seal(frames: Buffer): { readonly number: number; readonly bytes: Buffer } {
    const number = this.#number;
    const head = Buffer.alloc(NUMBER_AT + NUMBER_BYTES);
    head[0] = 0x40 | (NUMBER_BYTES - 1);
    this.#connectionId.copy(head, 1);
    head.writeUInt32BE(this.#number, NUMBER_AT);
    const cipher = createCipheriv('aes-128-gcm', this.#out.key, nonce(this.#out.iv, this.#number)).setAAD(head);
    const packet = Buffer.concat([head, cipher.update(frames), cipher.final(), cipher.getAuthTag()]);
    const mask = maskOf(this.#out.hp, packet, NUMBER_AT);
    packet[0]! ^= mask[0]! & 0x07;
    for (let index = 0; index < NUMBER_BYTES; index += 1) packet[NUMBER_AT + index]! ^= mask[index + 1]!;
    this.#number += 1;
    return { number, bytes: packet };
  }

  /** Undefined for what is not for us, or not authentic. */
  open(datagram: Buffer): { readonly number: number; readonly frames: Buffer } | undefined {
    const packet = Buffer.from(datagram);
    if (packet.length < 21) return undefined;
    const mask = maskOf(this.#in.hp, packet, NUMBER_AT_CLIENT);
    packet[0]! ^= mask[0]! & 0x07;
    const length = (packet[0]! & 0x03) + 1;
    for (let index = 0; index < length; index += 1) packet[NUMBER_AT_CLIENT + index]! ^= mask[index + 1]!;
    const end = NUMBER_AT_CLIENT + length;
    const number = whole(packet.readUIntBE(NUMBER_AT_CLIENT, length), length, this.#largest);
    const decipher = createDecipheriv('aes-128-gcm', this.#in.key, nonce(this.#in.iv, number), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(packet.subarray(0, end)).setAuthTag(packet.subarray(-TAG_BYTES));
    const frames = decipher.update(packet.subarray(end, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    this.#largest = Math.max(this.#largest, number);
    return { number, frames };
  }
}

function nonce(iv: Buffer, number: number): Buffer {
  const bytes = Buffer.from(iv);
  const low = Buffer.alloc(8);
  low.writeBigUInt64BE(BigInt(number));
  for (let index = 0; index < 8; index += 1) bytes[4 + index]! ^= low[index]!;
  return bytes;
}

/** RFC 9001 §5.4: the sample begins where a number of four bytes would end. */
function maskOf(hp: Buffer, packet: Buffer, numberAt: number): Buffer {
  const cipher = createCipheriv('aes-128-ecb', hp, null).setAutoPadding(false);
  return cipher.update(packet.subarray(numberAt + 4, numberAt + 20));
}

/** RFC 9000 Appendix A.3. */
function whole(truncated: number, length: number, largest: number): number {
  const window = 2 ** (8 * length);
  const expected = largest + 1;
  const candidate = expected - (expected % window) + truncated;
  if (candidate <= expected - window / 2) return candidate + window;
  if (candidate > expected + window / 2 && candidate >= window) return candidate - window;
  return candidate;
}
