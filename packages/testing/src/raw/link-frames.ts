/** The frames of link as bytes, from docs/wires/link.md "Frames" and RFC 9000 §16 alone. */

export const Frame = {
  PING: 0x01,
  RECORD: 0x02,
  RECORD_LAST: 0x03,
  CALM: 0x10,
  CALM_LAST: 0x11,
  PART: 0x04,
  PART_LAST: 0x05,
  SKIP: 0x06,
  CURSOR: 0x07,
  ACK: 0x08,
  PATH_CHALLENGE: 0x09,
  PATH_RESPONSE: 0x0a,
  PATH: 0x0b,
  EPHEMERAL: 0x0c,
  PONG: 0x0d,
  CLOSE: 0x0e,
  HELLO: 0x20,
  WELCOME: 0x21,
  REFUSE: 0x22,
} as const;

/** Types that do not ask for an acknowledgement. */
export const silentFrames: ReadonlySet<number> = new Set([0x07, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e]);

export function varint(value: number): Buffer {
  if (value < 0x40) return Buffer.from([value]);
  if (value < 0x4000) return Buffer.from([0x40 | (value >> 8), value & 0xff]);
  const bytes = Buffer.alloc(value < 0x4000_0000 ? 4 : 8);
  if (bytes.length === 4) bytes.writeUInt32BE(value + 0x8000_0000);
  else bytes.writeBigUInt64BE(BigInt(value) + (3n << 62n));
  return bytes;
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

export function frame(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(type), varint(body.length), body]);
}

/** Reads fields one after the other. */
export class Fields {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  varint(): number {
    const size = 1 << (this.bytes[this.at]! >> 6);
    const bytes = Buffer.from(this.take(size));
    bytes[0]! &= 0x3f;
    return Number(size === 8 ? bytes.readBigUInt64BE() : bytes.readUIntBE(0, size));
  }

  text(): string {
    return this.take(this.varint()).toString();
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new RangeError('Truncated');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  rest(): Buffer {
    return this.take(this.bytes.length - this.at);
  }
}

export interface RawFrame {
  readonly type: number;
  readonly body: Fields;
}

/** The frames of a packet. */
export function packetFrames(bytes: Buffer): RawFrame[] {
  const fields = new Fields(bytes);
  const frames: RawFrame[] = [];
  while (!fields.isAtEnd) {
    const type = fields.varint();
    const isLast = type === Frame.RECORD_LAST || type === Frame.PART_LAST || type === Frame.CALM_LAST;
    frames.push({ type, body: new Fields(isLast ? fields.rest() : fields.take(fields.varint())) });
  }
  return frames;
}

/** The whole frames of a stream, and what is left of it. */
export function streamFrames(bytes: Buffer): { frames: RawFrame[]; rest: Buffer } {
  const frames: RawFrame[] = [];
  let at = 0;
  for (;;) {
    try {
      const fields = new Fields(bytes.subarray(at));
      const type = fields.varint();
      frames.push({ type, body: new Fields(fields.take(fields.varint())) });
      at += fields.at;
    } catch {
      return { frames, rest: bytes.subarray(at) };
    }
  }
}
