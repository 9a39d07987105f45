import { setTimeout as sleep } from 'node:timers/promises';
import type { Cores } from '../support/cores.ts';
import { median } from '../support/histogram.ts';
import { readBusySeconds, readProcess, readStolenSeconds } from '../support/proc.ts';
import { untilAtRest } from '../support/rest.ts';
import { LoadCrowd, type RunFigures } from './crowd.ts';
import type { Load } from './loads.ts';
import type { FanoutOptions } from './options.ts';
import type { Running, Target, TargetKind } from './targets/target.ts';

/** For the compilers of servers that have one, before the first pass, ms; before each other one, ms. */
const FIRST_WARM_UP_MS = 4000;
const WARM_UP_MS = 200;
/** Before memory is read: what is short-lived is to be gone, ms. */
const REST_MS = 2000;
/** Members who come and go before idle ones are counted, so that what a server allocates once is not counted. */
const WARM_CROWD = { rooms: 10, membersPerRoom: 10 };

/** What one server made of one load: medians of the passes. */
export interface Outcome {
  readonly target: string;
  readonly kind: TargetKind;
  readonly protocol: 'tcp' | 'udp';
  /** Whether its protocol says that nothing gets lost. */
  readonly isReliable: boolean;
  readonly deliveriesPerSecond: number;
  /** For each second of CPU time that the server used: hardly touched by what else the machine is doing. */
  readonly deliveriesPerCpuSecond: number;
  readonly lowest: number;
  readonly highest: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly lost: number;
  readonly serverCpuShare: number;
  /** CPU time that the server went on using after a pass, in parts of the pass: what it had put off. */
  readonly afterCpuShare: number;
  readonly generatorCpuShare: number;
  /** CPU time of all other programs, in cores. */
  readonly foreignCpuShare: number;
  /** Time of a core that the machine's host gave to others though it was wanted. */
  readonly stolenShare: number;
  /** 99 in 100 messages were said at most so long after they were due, µs. */
  readonly lateUs: number;
  /** Deliveries that one read of a member brought: how well bursts are kept together. */
  readonly deliveriesPerRead: number;
  readonly residentBytes: number;
  /** Of each idle connection; only of loads about memory. */
  readonly connectionBytes: number | undefined;
}

interface Contestant {
  readonly target: Target;
  readonly running: Running;
  readonly crowd: LoadCrowd;
  readonly connectionBytes: number | undefined;
  /** It failed in one of the passes: no figures, and no more of them. */
  isOut: boolean;
  readonly passes: (RunFigures & { readonly afterCpu: number; readonly foreignCpu: number; readonly stolen: number })[];
}

/** All servers under one load, in turn, pass by pass. */
export async function measure(
  load: Load,
  targets: readonly Target[],
  options: FanoutOptions,
  cores: Cores,
): Promise<{ outcomes: Outcome[]; failures: string[] }> {
  const contestants: Contestant[] = [];
  const failures: string[] = [];
  try {
    for (const target of targets) {
      try {
        contestants.push(await enter(target, load, options, cores));
      } catch (error) {
        failures.push(`${load.name}, ${target.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    const ms = 1000 * options.seconds * load.length;
    const passes = load.about === 'memory' ? 1 : options.passes;
    for (let pass = 0; pass < passes; pass += 1) {
      const isFirst = pass === 0 && load.about !== 'memory' && !options.isQuick;
      const warmUpMs = isFirst ? FIRST_WARM_UP_MS : WARM_UP_MS;
      // Every other pass backwards, so that nobody always follows the same one.
      for (const contestant of pass % 2 === 0 ? contestants : contestants.toReversed()) {
        if (contestant.isOut) continue;
        const busyBefore = readBusySeconds();
        const stolenBefore = readStolenSeconds();
        const startMs = performance.now();
        const figures = await load.run(contestant.crowd, { warmUpMs, ms }).catch((error: unknown) => {
          contestant.isOut = true;
          failures.push(`${load.name}, ${contestant.target.name}: ${error instanceof Error ? error.message : error}`);
        });
        if (figures === undefined) continue;
        const elapsed = (performance.now() - startMs) / 1000;
        const busy = (readBusySeconds() - busyBefore) / elapsed;
        const own = (figures.serverCpu + figures.generatorCpu) / figures.seconds;
        const stolen = (readStolenSeconds() - stolenBefore) / elapsed;
        const foreignCpu = Math.max(0, busy - own);
        const { putsOffMs } = contestant.target;
        const isAwaited = putsOffMs !== undefined && load.about !== 'memory' && !options.isQuick;
        const afterCpu = isAwaited ? (await untilAtRest(contestant.running.pid, putsOffMs)).cpuSeconds : 0;
        contestant.passes.push({ ...figures, afterCpu: afterCpu / elapsed, foreignCpu, stolen });
      }
    }
    return { outcomes: contestants.filter(({ isOut }) => !isOut).map(outcomeOf), failures };
  } finally {
    await Promise.all(contestants.map(({ crowd }) => crowd.close()));
    await Promise.all(contestants.map(({ running }) => running.stop()));
  }
}

async function enter(target: Target, load: Load, options: FanoutOptions, cores: Cores): Promise<Contestant> {
  const running = await target.start(cores.server);
  const core = cores.generators[0];
  const size = options.isQuick ? load.quickSize : load.size;
  try {
    let before = 0;
    if (load.about === 'memory') {
      const warm = await LoadCrowd.connect(target.wire, running, options.isQuick ? load.quickSize : WARM_CROWD, core);
      await warm.close();
      await sleep(options.isQuick ? WARM_UP_MS : REST_MS);
      before = readProcess(running.pid).residentBytes;
    }
    const crowd = await LoadCrowd.connect(target.wire, running, size, core);
    let connectionBytes: number | undefined;
    if (load.about === 'memory') {
      await sleep(options.isQuick ? WARM_UP_MS : REST_MS);
      const connections = size.rooms * size.membersPerRoom;
      connectionBytes = (readProcess(running.pid).residentBytes - before) / connections;
    }
    return { target, running, crowd, connectionBytes, isOut: false, passes: [] };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

function outcomeOf({ target, running, connectionBytes, passes }: Contestant): Outcome {
  const middle = (pick: (pass: Contestant['passes'][number]) => number): number => median(passes.map(pick));
  const rates = passes.map((pass) => pass.delivered / pass.seconds);
  return {
    target: target.name,
    kind: target.kind,
    protocol: target.wire.protocol,
    isReliable: target.wire.protocol === 'tcp' || target.wire.isLink === true,
    deliveriesPerSecond: median(rates),
    deliveriesPerCpuSecond: middle((pass) => pass.delivered / pass.serverCpu),
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    p50Us: middle((pass) => pass.p50),
    p99Us: middle((pass) => pass.p99),
    p999Us: middle((pass) => pass.p999),
    lost: passes.reduce((total, pass) => total + pass.lost, 0),
    serverCpuShare: middle((pass) => pass.serverCpu / pass.seconds),
    afterCpuShare: middle((pass) => pass.afterCpu),
    generatorCpuShare: middle((pass) => pass.generatorCpu / pass.seconds),
    foreignCpuShare: middle((pass) => pass.foreignCpu),
    stolenShare: middle((pass) => pass.stolen),
    lateUs: middle((pass) => pass.late99),
    deliveriesPerRead: middle((pass) => pass.delivered / pass.reads),
    residentBytes: readProcess(running.pid).residentBytes,
    connectionBytes,
  };
}
