import { type Prng, prng } from './prng.ts';
import { SimClock } from './sim-clock.ts';

/** What a direction does to datagrams. Probabilities are 0–1; all off by default. */
export interface DatagramFaults {
  /** One way, ms. */
  delayMs: number;
  /** Added to each, evenly from 0 to this, ms: with more than the gap between two, they overtake. */
  jitterMs: number;
  loss: number;
  duplicate: number;
  /** Held back, by up to four times the delay and at least 10 ms more. */
  reorder: number;
  /** One bit is flipped. */
  corrupt: number;
  isBlocked: boolean;
  /** Larger ones vanish, bytes of UDP payload. */
  mtuBytes: number;
  /** What the line carries, bytes per ms, packets with their 28 bytes of headers; the queue before it is bounded. */
  bytesPerMs: number;
  queueBytesMax: number;
  /** Nothing gets through until this time, then everything that waited does. */
  cloggedUntilMs: number;
}

export interface StreamFaults {
  delayMs: number;
  isBlocked: boolean;
  /** Segments wait until this time: what a lost segment does to TCP. */
  stalledUntilMs: number;
  /** Probability that a segment stalls for a retransmission time-out. */
  stall: number;
  stallMs: number;
}

export interface LaneCounts {
  datagrams: number;
  /** UDP payload. */
  bytes: number;
  dropped: number;
}

/** More happenings than this at one instant are a timer that wakes up for nothing, again and again. */
const INSTANT_MAX = 20_000;
/** IPv4 and UDP headers. */
export const DATAGRAM_HEADER_BYTES = 28;
/** IPv4 and TCP headers, with the usual options. */
const SEGMENT_HEADER_BYTES = 52;

export const NO_DATAGRAM_FAULTS: DatagramFaults = {
  delayMs: 20,
  jitterMs: 0,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  corrupt: 0,
  isBlocked: false,
  mtuBytes: 65_507,
  bytesPerMs: Number.POSITIVE_INFINITY,
  queueBytesMax: 64_000,
  cloggedUntilMs: 0,
};

export const NO_STREAM_FAULTS: StreamFaults = {
  delayMs: 20,
  isBlocked: false,
  stalledUntilMs: 0,
  stall: 0,
  stallMs: 200,
};

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Virtual time and what happens in it: no wall clock, no sockets, the same seed gives the same run. Lanes and pipes are made
 * on it; their faults may be changed at any time.
 */
export class SimNetwork {
  readonly clock = new SimClock({ monotonicMs: 1_000 });
  readonly random: Prng;
  readonly #heap: Entry[] = [];
  #order = 0;
  #instantMs = 0;
  #instantCount = 0;

  constructor({ seed }: { readonly seed: number }) {
    this.random = prng(seed);
  }

  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  /** Let something happen at a time; what is due at one time happens in the order in which it was planned. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const entry = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, run };
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** @throws {Error} something happens for ever without time passing */
  #count(atMs: number): void {
    this.#instantCount = atMs > this.#instantMs ? 1 : this.#instantCount + 1;
    this.#instantMs = atMs;
    if (this.#instantCount > INSTANT_MAX) throw new Error(`Time stands still at ${atMs} ms`);
  }

  /** Let time pass until then. @param isOver asked after each happening: true ends it early */
  runUntil(untilMs: number, isOver?: () => boolean): void {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      this.clock.advance(next.atMs - this.nowMs);
      this.#count(next.atMs);
      next.run();
      if (isOver?.() === true) return;
    }
    if (untilMs > this.nowMs) this.clock.advance(untilMs - this.nowMs);
  }

  /** A direction for datagrams. */
  lane(faults: Partial<DatagramFaults>, deliver: (datagram: Uint8Array) => void): SimLane {
    return new SimLane(this, this.random.fork(), { ...NO_DATAGRAM_FAULTS, ...faults }, deliver);
  }

  /** A direction of a TCP connection: ordered bytes, cut anywhere. */
  pipe(faults: Partial<StreamFaults>, deliver: (bytes: Uint8Array) => void): SimPipe {
    return new SimPipe(this, this.random.fork(), { ...NO_STREAM_FAULTS, ...faults }, deliver);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/** One direction for datagrams. */
export class SimLane {
  readonly counts: LaneCounts = { datagrams: 0, bytes: 0, dropped: 0 };
  faults: DatagramFaults;
  readonly #network: SimNetwork;
  readonly #random: Prng;
  readonly #deliver: (datagram: Uint8Array) => void;
  #freeAtMs = 0;

  constructor(network: SimNetwork, random: Prng, faults: DatagramFaults, deliver: (datagram: Uint8Array) => void) {
    this.#network = network;
    this.#random = random;
    this.faults = faults;
    this.#deliver = deliver;
  }

  send(datagram: Uint8Array): void {
    const { faults, counts } = this;
    counts.datagrams += 1;
    counts.bytes += datagram.length;
    const random = this.#random;
    // All are drawn for each datagram, so that the fate of one does not move that of the next.
    const isLost = random.chance(faults.loss);
    const isDouble = random.chance(faults.duplicate);
    const isLate = random.chance(faults.reorder);
    const isCorrupt = random.chance(faults.corrupt);
    const jitter = random.next();
    const spot = random.next();
    const departMs = this.#depart(datagram.length + DATAGRAM_HEADER_BYTES);
    if (isLost || departMs === undefined || faults.isBlocked || datagram.length > faults.mtuBytes) {
      counts.dropped += 1;
      return;
    }
    const lateMs = isLate ? Math.max(10, 4 * faults.delayMs * spot) : 0;
    const atMs = Math.max(departMs + faults.delayMs + jitter * faults.jitterMs + lateMs, faults.cloggedUntilMs);
    const arriving = isCorrupt ? flipped(datagram, spot) : datagram;
    this.#network.at(atMs, () => this.#deliver(arriving));
    if (isDouble) this.#network.at(atMs + spot * 30, () => this.#deliver(datagram));
  }

  /** When the line has sent a segment of a connection that shares it, which waits however long the queue is. */
  carry(bytes: number): number {
    const { nowMs } = this.#network;
    const { bytesPerMs } = this.faults;
    if (!Number.isFinite(bytesPerMs)) return nowMs;
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / bytesPerMs;
    return this.#freeAtMs;
  }

  /** When the line has sent it; undefined when the queue is full. */
  #depart(bytes: number): number | undefined {
    const { nowMs } = this.#network;
    const { bytesPerMs, queueBytesMax } = this.faults;
    const waitMs = Math.max(0, this.#freeAtMs - nowMs);
    return Number.isFinite(bytesPerMs) && waitMs * bytesPerMs > queueBytesMax ? undefined : this.carry(bytes);
  }
}

function flipped(datagram: Uint8Array, spot: number): Uint8Array {
  const copy = datagram.slice();
  const bit = Math.floor(spot * copy.length * 8);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** One direction of a TCP connection. */
export class SimPipe {
  faults: StreamFaults;
  bytes = 0;
  segments = 0;
  /** The line that its segments share with datagrams; undefined: one of its own, as fast as it likes. */
  line: SimLane | undefined;
  readonly #network: SimNetwork;
  readonly #random: Prng;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #waiting: Uint8Array[] = [];
  #lastAtMs = 0;
  #isClosed = false;

  constructor(network: SimNetwork, random: Prng, faults: StreamFaults, deliver: (bytes: Uint8Array) => void) {
    this.#network = network;
    this.#random = random;
    this.faults = faults;
    this.#deliver = deliver;
  }

  write(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.#isClosed) return;
    if (this.faults.isBlocked || this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      return;
    }
    this.#transmit(bytes);
  }

  /** Blocked or not: what waited goes on its way when it is not any more. */
  setBlocked(isBlocked: boolean): void {
    this.faults.isBlocked = isBlocked;
    if (isBlocked) return;
    for (const bytes of this.#waiting.splice(0)) this.#transmit(bytes);
  }

  /** What is on the way is lost. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
  }

  #transmit(bytes: Uint8Array): void {
    const random = this.#random;
    const { faults } = this;
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, random.chance(0.3) ? random.int(1, 40) : 1_460);
      const piece = bytes.subarray(at, at + count);
      at += count;
      this.segments += 1;
      const stallMs = random.chance(faults.stall) ? faults.stallMs : 0;
      const departMs = this.line?.carry(count + SEGMENT_HEADER_BYTES) ?? this.#network.nowMs;
      const atMs = Math.max(departMs + faults.delayMs + stallMs, this.#lastAtMs, faults.stalledUntilMs);
      this.#lastAtMs = atMs;
      this.#network.at(atMs, () => {
        if (!this.#isClosed) this.#deliver(piece);
      });
    }
  }
}
