import type { DatagramCalls } from './calls.ts';

/** A datagram as it stands in a batch's memory. */
export interface FakeMessage {
  readonly name: string;
  readonly bytes: string;
}

/** Where the fake puts memory: far from anything real, so that whoever used such an address would crash at once. */
const BASE = 0x7000_1234_0000n;

/**
 * For tests: the system's side, which reads and writes the structures in a batch's memory as sendmmsg(2) and recvmmsg(2)
 * define them, with a `DataView` and offsets of its own.
 */
export class FakeCalls implements DatagramCalls {
  /** What `sendMany` answers, call by call: at most so many are taken, or -1; then all are. */
  readonly answers: number[] = [];
  readonly sent: FakeMessage[] = [];
  readonly sizes: number[] = [];
  /** What `receiveMany` gives. */
  incoming: { readonly address: readonly number[]; readonly port: number; readonly bytes: Uint8Array }[] = [];
  receives = 0;
  #memory = new DataView(new ArrayBuffer(0));

  addressOf(memory: ArrayBuffer): bigint {
    this.#memory = new DataView(memory);
    return BASE;
  }

  sendMany(_descriptor: number, messages: bigint, count: number): number {
    this.sizes.push(count);
    const answer = Math.min(this.answers.shift() ?? count, count);
    for (let index = 0; index < answer; index += 1) this.sent.push(...this.#read(messages + BigInt(64 * index)));
    return answer;
  }

  receiveMany(_descriptor: number, messages: bigint, count: number): number {
    this.receives += 1;
    const taken = this.incoming.splice(0, count);
    for (const [index, { address, port, bytes }] of taken.entries()) {
      const at = Number(messages - BASE) + 64 * index;
      const name = this.#pointer(at);
      if (this.#memory.getUint32(at + 8, true) < 16) throw new RangeError('No room for an address');
      this.#memory.setUint32(at + 8, 16, true);
      this.#memory.setUint16(name, 2, true);
      this.#memory.setUint16(name + 2, port, false);
      for (const [place, byte] of address.entries()) this.#memory.setUint8(name + 4 + place, byte);
      const vector = this.#pointer(at + 16);
      const target = this.#pointer(vector);
      if (Number(this.#memory.getBigUint64(vector + 8, true)) < bytes.length) throw new RangeError('No room for bytes');
      for (const [place, byte] of bytes.entries()) this.#memory.setUint8(target + place, byte);
      this.#memory.setUint32(at + 56, bytes.length, true);
    }
    return taken.length === 0 ? -1 : taken.length;
  }

  nameOf(): number {
    return -1;
  }

  setOption(): boolean {
    return false;
  }

  /** A message, cut into its datagrams. */
  #read(message: bigint): FakeMessage[] {
    const at = Number(message - BASE);
    const name = this.#hex(this.#pointer(at), this.#memory.getUint32(at + 8, true));
    const vectors = this.#pointer(at + 16);
    let bytes = '';
    for (let index = 0; index < Number(this.#memory.getBigUint64(at + 24, true)); index += 1) {
      const vector = vectors + 16 * index;
      bytes += this.#hex(this.#pointer(vector), Number(this.#memory.getBigUint64(vector + 8, true)));
    }
    if (this.#memory.getBigUint64(at + 40, true) === 0n) return [{ name, bytes }];
    const digits = 2 * this.#segmentBytes(this.#pointer(at + 32), Number(this.#memory.getBigUint64(at + 40, true)));
    const count = Math.ceil(bytes.length / digits);
    if (count > 64 || bytes.length > 2 * 65_507) throw new RangeError('More than the kernel takes');
    return Array.from({ length: count }, (_, index) => ({
      name,
      bytes: bytes.slice(index * digits, (index + 1) * digits),
    }));
  }

  #segmentBytes(control: number, room: number): number {
    if (room < 18 || this.#memory.getBigUint64(control, true) !== 18n)
      throw new RangeError('Not two bytes of control data');
    const isSegment =
      this.#memory.getInt32(control + 8, true) === 17 && this.#memory.getInt32(control + 12, true) === 103;
    if (!isSegment) throw new RangeError('Not UDP_SEGMENT');
    return this.#memory.getUint16(control + 16, true);
  }

  /** An address that must lie within the memory. */
  #pointer(at: number): number {
    const offset = Number(this.#memory.getBigUint64(at, true) - BASE);
    if (offset < 0 || offset >= this.#memory.byteLength) throw new RangeError('A pointer out of the memory');
    return offset;
  }

  #hex(at: number, length: number): string {
    return Buffer.from(this.#memory.buffer, at, length).toString('hex');
  }
}
