import { type Lanes, NO_DESCRIPTOR } from './lanes.ts';
import { RING_ENTRIES } from './ring-calls.ts';
import type { SendRing } from './send-ring.ts';
import type { Gathered } from './writer.ts';

/** Bytes for many sockets. */
interface Gathering {
  readonly gathered: Gathered;
  /** For each of the sockets. */
  readonly length: number;
  /** Sockets that they go to. */
  count: number;
}

/** One of the sockets of a gathering did not take all of it. */
interface Shortfall {
  readonly gathering: Gathering;
  readonly index: number;
  readonly lane: number;
  readonly taken: number;
}

/**
 * What goes to many crowds of sockets by one system call. A socket is taken while something is to go there: so it is in the
 * ring once at most, and whoever wants it for something else has everything sent first.
 */
export class Gatherings {
  readonly #ring: SendRing;
  readonly #lanes: Lanes;
  #gatherings: Gathering[] = [];
  #newest: Gathering | undefined;
  /** Of each entry of the ring: the lane, the gathering, and which of its sockets it is. */
  readonly #entryLanes = new Int32Array(RING_ENTRIES);
  readonly #entryGatherings: Gathering[] = [];
  readonly #entryIndexes = new Int32Array(RING_ENTRIES);
  #shortfalls: Shortfall[] = [];

  constructor(ring: SendRing, lanes: Lanes) {
    this.#ring = ring;
    this.#lanes = lanes;
  }

  /** Whether nothing is to be sent. */
  get isEmpty(): boolean {
    return this.#newest === undefined;
  }

  /** @param address of the bytes, which stay there until all is sent @param length how many there are */
  begin(address: number, length: number, gathered: Gathered): void {
    this.#newest = { gathered, length, count: 0 };
    this.#gatherings.push(this.#newest);
    this.#ring.use(address, length);
  }

  /** To one more socket. @returns whether it was free */
  add(lane: number): boolean {
    const descriptor = this.#lanes.take(lane);
    if (descriptor <= NO_DESCRIPTOR) return false;
    const gathering = this.#newest!;
    const entry = this.#ring.count;
    this.#entryLanes[entry] = lane;
    this.#entryGatherings.push(gathering);
    this.#entryIndexes[entry] = gathering.count;
    gathering.count += 1;
    this.#ring.add(descriptor);
    if (this.#ring.isFull) this.#send();
    return true;
  }

  /** Send everything, and tell. Nothing is done when there is nothing to be sent or told. */
  finish(): void {
    if (this.#ring.count > 0) this.#send();
    const gatherings = this.#gatherings;
    this.#gatherings = [];
    this.#newest = undefined;
    // One by one, in any order: if somebody wants another one of them meanwhile, this is called again, and that one is told first.
    for (let short = this.#shortfalls.pop(); short !== undefined; short = this.#shortfalls.pop()) {
      this.#lanes.giveBack(short.lane, false);
      short.gathering.gathered.fellShort(short.index, short.taken);
    }
    for (const { gathered } of gatherings) gathered.settled();
  }

  #send(): void {
    const results = this.#ring.send();
    for (let entry = 0; entry < results.length; entry += 1) {
      const gathering = this.#entryGatherings[entry]!;
      const lane = this.#entryLanes[entry]!;
      const taken = results[entry]!;
      if (taken === gathering.length) {
        this.#lanes.giveBack(lane, true);
      } else {
        const index = this.#entryIndexes[entry]!;
        this.#shortfalls.push({ gathering, index, lane, taken: Math.max(0, taken) });
      }
    }
    this.#entryGatherings.length = 0;
  }
}
