import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.ts';
import { nowUs } from '../support/clock.ts';
import { Histogram } from '../support/histogram.ts';
import type { Observation, Target } from './load/protocol.ts';

const program = fileURLToPath(new URL('load/generator.ts', import.meta.url));

/** Between asking the generators to run and the time at which they all begin, µs. */
const LEAD_US = 50_000;

export interface CrowdSize {
  readonly rooms: number;
  readonly membersPerRoom: number;
  /** 1: each member has a socket of its own. */
  readonly membersPerSocket: number;
}

/** Members that some generators play together. */
export interface FleetCrowd extends CrowdSize {
  readonly target: Target;
  /** What each generator calls it. */
  readonly ids: readonly number[];
}

export interface Timing {
  /** Sending before anything is counted, s. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What all generators together saw. */
export interface Result {
  readonly seconds: number;
  readonly sent: number;
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
  readonly deliveriesPerSecond: number;
  readonly latencyUs: Histogram;
  readonly latenessUs: Histogram;
  readonly serverCpuShare: number;
  /** Of the busiest generator. */
  readonly generatorCpuShare: number;
  readonly foreignCpuShare: number;
  readonly serverResidentBytes: number;
  readonly serverResidentBytesPeak: number;
  readonly serverDrops: number;
  readonly generatorDrops: number;
  readonly strangers: number;
  readonly firstStranger: string;
}

/** The load generators. */
export class Fleet {
  readonly #generators: readonly Child[];

  constructor(cores: readonly (string | undefined)[]) {
    this.#generators = cores.map((core) => new Child({ args: [program], core }));
  }

  async connect(target: Target, size: CrowdSize): Promise<FleetCrowd> {
    const ids: number[] = [];
    // One after the other: the first one plays the hosts, who make the rooms.
    for (const [generator, child] of this.#generators.entries()) {
      const generatorCount = this.#generators.length;
      ids.push(await child.ask<number>({ call: 'connect', target, ...size, generator, generatorCount }));
    }
    const crowd = { ...size, target, ids };
    for (const [index, child] of this.#generators.entries()) await child.ask({ call: 'settle', crowd: ids[index] });
    return crowd;
  }

  openLoop(crowd: FleetCrowd, timing: Timing, messagesPerSecond: number): Promise<Result> {
    const each = { call: 'open-loop', messagesPerSecond: messagesPerSecond / this.#generators.length };
    return this.#run(crowd, timing, () => each);
  }

  closedLoop(crowd: FleetCrowd, timing: Timing, window: number): Promise<Result> {
    const count = this.#generators.length;
    return this.#run(crowd, timing, (index) => ({
      call: 'closed-loop',
      window: Math.floor(window / count) + (index < window % count ? 1 : 0),
    }));
  }

  async disconnect(crowd: FleetCrowd): Promise<void> {
    await Promise.all(this.#generators.map((child, index) => child.ask({ call: 'close', crowd: crowd.ids[index] })));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#generators.map((child) => child.stop()));
  }

  async #run(crowd: FleetCrowd, timing: Timing, request: (index: number) => object): Promise<Result> {
    const startUs = nowUs() + LEAD_US;
    const measureUs = startUs + timing.warmUpSeconds * 1e6;
    const endUs = measureUs + timing.seconds * 1e6;
    const seen = await Promise.all(
      this.#generators.map((child, index) =>
        child.ask<Observation>({ ...request(index), crowd: crowd.ids[index], startUs, measureUs, endUs }),
      ),
    );
    return merge(seen, crowd, timing.seconds);
  }
}

function merge(seen: readonly Observation[], { membersPerRoom }: CrowdSize, seconds: number): Result {
  const sum = (pick: (one: Observation) => number): number => seen.reduce((total, one) => total + pick(one), 0);
  const max = (pick: (one: Observation) => number): number => Math.max(...seen.map(pick));
  const latencyUs = new Histogram();
  const latenessUs = new Histogram();
  for (const one of seen) {
    latencyUs.add(one.latencyUs);
    latenessUs.add(one.latenessUs);
  }
  const sent = sum((one) => one.sent);
  const expected = sent * (membersPerRoom - 1);
  const delivered = sum((one) => one.delivered);
  return {
    seconds,
    sent,
    expected,
    delivered,
    lost: expected - delivered,
    repeated: sum((one) => one.repeated),
    deliveriesPerSecond: sum((one) => one.deliveredInTime) / seconds,
    latencyUs,
    latenessUs,
    serverCpuShare: max((one) => one.serverCpuShare),
    generatorCpuShare: max((one) => one.generatorCpuShare),
    // Each takes the other generators for strangers.
    foreignCpuShare: Math.max(
      0,
      max((one) => one.foreignCpuShare) - (sum((one) => one.generatorCpuShare) - max((one) => one.generatorCpuShare)),
    ),
    serverResidentBytes: max((one) => one.serverResidentBytes),
    serverResidentBytesPeak: max((one) => one.serverResidentBytesPeak),
    serverDrops: max((one) => one.serverDrops),
    generatorDrops: sum((one) => one.generatorDrops),
    strangers: sum((one) => one.strangers),
    firstStranger: seen.find((one) => one.strangers > 0)?.firstStranger ?? '',
  };
}
