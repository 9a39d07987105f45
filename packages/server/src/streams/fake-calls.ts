import type { StreamCalls } from './calls.ts';

/** Where the fake puts memory: far from anything real, so that whoever used such an address would crash at once. */
const BASE = 0x7000_1234_0000n;

/** For tests: the system's side, which reads a writer's memory as sendmsg(2) defines it, with offsets of its own. */
export class FakeCalls implements StreamCalls {
  /** What `send` answers, call by call: at most so many bytes are taken, or -1; then all are. */
  readonly answers: number[] = [];
  readonly sent: { readonly descriptor: number; readonly bytes: string }[] = [];
  #memory = new DataView(new ArrayBuffer(0));

  addressOf(memory: ArrayBuffer): bigint {
    this.#memory = new DataView(memory);
    return BASE;
  }

  send(descriptor: number, message: bigint): number {
    const at = Number(message - BASE);
    for (const [offset, size] of [
      [0, 8],
      [8, 4],
      [32, 8],
      [40, 8],
      [48, 4],
    ] as const) {
      for (let index = 0; index < size; index += 1) {
        if (this.#memory.getUint8(at + offset + index) !== 0) throw new RangeError('A name, control data or flags');
      }
    }
    if (this.#memory.getBigUint64(at + 24, true) !== 1n) throw new RangeError('Not one piece');
    const vector = this.#pointer(at + 16);
    const length = Number(this.#memory.getBigUint64(vector + 8, true));
    const taken = Math.min(this.answers.shift() ?? length, length);
    if (taken > 0) {
      const bytes = Buffer.from(this.#memory.buffer, this.#pointer(vector), length).subarray(0, taken);
      this.sent.push({ descriptor, bytes: bytes.toString() });
    }
    return taken;
  }

  peerOf(): number {
    return -1;
  }

  /** An address that must lie within the memory. */
  #pointer(at: number): number {
    const offset = Number(this.#memory.getBigUint64(at, true) - BASE);
    if (offset < 0 || offset >= this.#memory.byteLength) throw new RangeError('A pointer out of the memory');
    return offset;
  }
}
