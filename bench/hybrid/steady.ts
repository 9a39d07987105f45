import { LoadCrowd } from '../fanout/crowd.ts';
import { confab } from '../fanout/targets/confab.ts';
import type { CrowdSize } from '../fanout/wire.ts';
import { ucrp } from '../fanout/wires.ts';
import { bindMainThread, type Cores } from '../support/cores.ts';
import { readBusySeconds, readProcess, readStolenSeconds } from '../support/proc.ts';
import { type HybridOptions, nodeArgsOf } from './options.ts';

/** The longest that one delivery in a hundred may take, µs. */
export const P99_TARGET_US = 50_000;

/** Sending before anything is measured, at full rate: the server's code is compiled in the first seconds. */
const WARM_UP_MS = 8000;
const QUICK_WARM_UP_MS = 200;

/** A rate that is given, and what became of it. Deliveries are those of the whole run, and counted message by message. */
export interface SteadyLoad extends CrowdSize {
  readonly name: string;
  readonly messagesPerSecond: number;
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
  /** From being sent to being read, of what was sent in the measured time, µs. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** 99 in 100 messages were sent at most so long after they were due, µs. */
  readonly lateUs: number;
  /** Of one core. */
  readonly serverCpuShare: number;
  readonly generatorCpuShare: number;
  /** CPU time that all other processes took meanwhile, in cores. */
  readonly foreignCpuShare: number;
  /** Time of a core that the machine's host gave to others though it was wanted. */
  readonly stolenShare: number;
  readonly serverResidentBytes: number;
}

/** (a): many small rooms. */
export function manyRooms(options: HybridOptions, cores: Cores): Promise<SteadyLoad> {
  const size = options.isQuick ? { rooms: 20, membersPerRoom: 5 } : { rooms: 500, membersPerRoom: 10 };
  return steadyLoad('a', size, 2 * size.rooms * size.membersPerRoom, options, cores);
}

/** (b): one large room. */
export function largeRoom(options: HybridOptions, cores: Cores): Promise<SteadyLoad> {
  return steadyLoad('b', { rooms: 1, membersPerRoom: options.isQuick ? 50 : 1000 }, 10, options, cores);
}

async function steadyLoad(
  name: string,
  size: CrowdSize,
  messagesPerSecond: number,
  options: HybridOptions,
  cores: Cores,
): Promise<SteadyLoad> {
  // What is asked for is what the whole machine can do, so the server's other threads (the store's, the collector's) run
  // where they like. Its main one is kept from the generator's core: the system at times leaves both there for seconds, and
  // the other core idle.
  const server = await confab(ucrp, { nodeArgs: nodeArgsOf(options) }).start(undefined);
  try {
    if (cores.server !== undefined) bindMainThread(server.pid, cores.server);
    const crowd = await LoadCrowd.connect(ucrp, server, size, cores.generators[0]);
    try {
      const warmUpMs = options.isQuick ? QUICK_WARM_UP_MS : WARM_UP_MS;
      const startMs = performance.now();
      const busyBefore = readBusySeconds();
      const stolenBefore = readStolenSeconds();
      const cpuBefore = readProcess(server.pid).cpuSeconds;
      const run = await crowd.openLoop(messagesPerSecond, { warmUpMs, ms: 1000 * options.seconds });
      const elapsed = (performance.now() - startMs) / 1000;
      const { cpuSeconds, residentBytes } = readProcess(server.pid);
      const generatorCpuShare = run.generatorCpu / run.seconds;
      const own = cpuSeconds - cpuBefore + generatorCpuShare * elapsed;
      const expected = run.sent * (size.membersPerRoom - 1);
      return {
        name,
        ...size,
        messagesPerSecond,
        expected,
        delivered: expected - run.lost,
        lost: run.lost,
        repeated: run.repeated,
        p50Us: run.p50,
        p99Us: run.p99,
        p999Us: run.p999,
        maxUs: run.max,
        lateUs: run.late99,
        serverCpuShare: run.serverCpu / run.seconds,
        generatorCpuShare,
        foreignCpuShare: Math.max(0, (readBusySeconds() - busyBefore - own) / elapsed),
        stolenShare: (readStolenSeconds() - stolenBefore) / elapsed,
        serverResidentBytes: residentBytes,
      };
    } finally {
      await crowd.close();
    }
  } finally {
    await server.stop();
  }
}
