import type { StreamCalls } from './calls.ts';
import { RING_ENTRIES, type RingCalls } from './ring-calls.ts';

/** Where the fake puts memory: far from anything real, so that whoever used such an address would crash at once. */
const BASE = 0x7000_1234_0000n;

/** Where its ring keeps things: not where the kernel does, since it tells where they are. */
const LAYOUT = {
  submissionHeadAt: 16,
  submissionTailAt: 32,
  submissionSlotsAt: 64,
  completionHeadAt: 8,
  completionTailAt: 12,
  completionsAt: 64 + 4 * RING_ENTRIES,
  completionEntries: 2 * RING_ENTRIES,
};
const ENTRY_BYTES = 64;

/** For tests: the system's side, which reads a writer's memory as sendmsg(2) defines it, with offsets of its own. */
export class FakeCalls implements StreamCalls {
  /** What `send` answers, call by call: at most so many bytes are taken, or -1; then all are. */
  readonly answers: number[] = [];
  readonly sent: { readonly descriptor: number; readonly bytes: string }[] = [];
  /** Hears of each, when it is sent. */
  onSent: ((descriptor: number, bytes: string) => void) | undefined;
  #memory = new DataView(new ArrayBuffer(0));
  readonly ring: RingCalls | undefined;
  /** How many entries of the ring are taken by the next calls; then all are. */
  readonly entriesTaken: number[] = [];
  /** Results that come only when they are waited for, of the next calls. */
  readonly resultsLate: number[] = [];
  /** Calls for the ring: entries, and results waited for. */
  readonly entered: (readonly [number, number])[] = [];
  readonly #rings = new DataView(new ArrayBuffer(LAYOUT.completionsAt + 16 * LAYOUT.completionEntries));
  readonly #entries = new DataView(new ArrayBuffer(ENTRY_BYTES * RING_ENTRIES));
  #late: (() => void)[] = [];

  /** @param firstSlot where head and tail of the ring begin, to see them go round */
  constructor({ hasRing = false, firstSlot = 0 } = {}) {
    if (!hasRing) return;
    for (const at of [LAYOUT.submissionHeadAt, LAYOUT.submissionTailAt]) this.#rings.setUint32(at, firstSlot, true);
    for (const at of [LAYOUT.completionHeadAt, LAYOUT.completionTailAt]) this.#rings.setUint32(at, firstSlot, true);
    this.ring = {
      rings: this.#rings.buffer,
      entries: this.#entries.buffer,
      layout: LAYOUT,
      enter: (submit, wait) => this.#enter(submit, wait),
    };
  }

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
      this.#keep(descriptor, bytes.toString());
    }
    return taken;
  }

  /** io_uring_enter(2): results come in another order than they were asked for. */
  #enter(submit: number, wait: number): number {
    this.entered.push([submit, wait]);
    if (wait > 0) {
      for (const tell of this.#late) tell();
      this.#late = [];
    }
    const rings = this.#rings;
    const head = rings.getUint32(LAYOUT.submissionHeadAt, true);
    if (submit > (rings.getUint32(LAYOUT.submissionTailAt, true) - head) >>> 0)
      throw new RangeError('More than there are');
    const taken = Math.min(submit, this.entriesTaken.shift() ?? submit);
    const results: (() => void)[] = [];
    for (let index = 0; index < Math.max(taken, 0); index += 1) {
      const slot = rings.getUint32(LAYOUT.submissionSlotsAt + 4 * ((head + index) % RING_ENTRIES), true);
      results.unshift(this.#sendEntry(slot * ENTRY_BYTES));
    }
    rings.setUint32(LAYOUT.submissionHeadAt, head + Math.max(taken, 0), true);
    const late = this.resultsLate.shift() ?? 0;
    this.#late.push(...results.splice(0, late));
    for (const tell of results) tell();
    return taken;
  }

  /** @returns what puts its result into the ring */
  #sendEntry(at: number): () => void {
    const entries = this.#entries;
    if (entries.getUint32(at, true) !== 26) throw new RangeError('Not a send, or one with options');
    if (entries.getUint32(at + 28, true) !== 0x4040) throw new RangeError('A send that may wait');
    const from = Number(entries.getBigUint64(at + 16, true) - BASE);
    const length = entries.getUint32(at + 24, true);
    if (from < 0 || from + length > this.#memory.byteLength) throw new RangeError('A pointer out of the memory');
    const result = Math.min(this.answers.shift() ?? length, length);
    if (result > 0) {
      const bytes = Buffer.from(this.#memory.buffer, from, length).subarray(0, result);
      this.#keep(entries.getInt32(at + 4, true), bytes.toString());
    }
    const userData = entries.getBigUint64(at + 32, true);
    return () => {
      const tail = this.#rings.getUint32(LAYOUT.completionTailAt, true);
      const to = LAYOUT.completionsAt + 16 * (tail % LAYOUT.completionEntries);
      this.#rings.setBigUint64(to, userData, true);
      this.#rings.setInt32(to + 8, result, true);
      this.#rings.setUint32(LAYOUT.completionTailAt, tail + 1, true);
    };
  }

  #keep(descriptor: number, bytes: string): void {
    this.sent.push({ descriptor, bytes });
    this.onSent?.(descriptor, bytes);
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
