import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.ts';
import type { Cores } from '../support/cores.ts';
import { median } from '../support/histogram.ts';
import { freeUdpPort } from '../support/ports.ts';
import { type BenchServer, startBenchServer } from '../support/server.ts';
import { type CrowdSize, Fleet, type FleetCrowd, type Result } from './fleet.ts';
import type { Target } from './load/protocol.ts';
import type { HybridOptions } from './options.ts';

const bareFanout = fileURLToPath(new URL('bare-fanout.ts', import.meta.url));

/** The longest that one delivery in a hundred may take, µs. */
export const P99_TARGET_US = 50_000;
/** The least that Confab may deliver, of what the bare fan-out does. */
export const RATIO_TARGET = 0.8;

/** A rate that is given, and what became of it. */
export interface SteadyLoad extends CrowdSize {
  readonly name: string;
  readonly messagesPerSecond: number;
  readonly result: Result;
}

/** (a): many small rooms. */
export function manyRooms(options: HybridOptions, cores: Cores): Promise<SteadyLoad> {
  const size = options.isQuick
    ? { rooms: 20, membersPerRoom: 5, membersPerSocket: 1 }
    : { rooms: 500, membersPerRoom: 10, membersPerSocket: 1 };
  return steadyLoad('a', size, 2 * size.rooms * size.membersPerRoom, options, cores);
}

/** (b): one large room. */
export function largeRoom(options: HybridOptions, cores: Cores): Promise<SteadyLoad> {
  const size = { rooms: 1, membersPerRoom: options.isQuick ? 50 : 1000, membersPerSocket: 1 };
  return steadyLoad('b', size, 10, options, cores);
}

async function steadyLoad(
  name: string,
  size: CrowdSize,
  messagesPerSecond: number,
  options: HybridOptions,
  cores: Cores,
): Promise<SteadyLoad> {
  const fleet = new Fleet(cores.generators);
  let server: BenchServer | undefined;
  try {
    // Not pinned: what is asked for is what the whole machine can do, and the store has a thread of its own.
    server = await startBenchServer({ core: undefined, nodeArgs: profiling(options) });
    const crowd = await fleet.connect(targetOf(server), size);
    const timing = { warmUpSeconds: options.isQuick ? 0.2 : 3, seconds: options.seconds };
    return { name, ...size, messagesPerSecond, result: await fleet.openLoop(crowd, timing, messagesPerSecond) };
  } finally {
    await fleet.stop();
    await server?.stop();
  }
}

/** One size of window, and what both servers made of it in all passes. */
export interface WindowFigures {
  readonly window: number;
  readonly confab: Figures;
  readonly bare: Figures;
}

export interface Figures {
  readonly passes: readonly Result[];
  /** Medians of the passes. */
  readonly deliveriesPerSecond: number;
  readonly p99Us: number;
  readonly serverCpuShare: number;
  /** CPU time of the server for each delivery: unlike a rate, hardly touched by what else the machine is doing. */
  readonly serverUsPerDelivery: number;
  readonly generatorCpuShare: number;
  /** In all passes together. */
  readonly lost: number;
}

export interface HighestRate extends CrowdSize {
  readonly windows: readonly WindowFigures[];
  /** The window with the highest median of those in which nothing was lost; undefined when something always was. */
  readonly confab: WindowFigures | undefined;
  readonly bare: WindowFigures | undefined;
  readonly ratio: number;
}

/** (c): as fast as nothing is lost, both servers in turn. */
export async function highestRate(options: HybridOptions, cores: Cores): Promise<HighestRate> {
  // Four sockets: how fast the server is, is not to depend on how slowly a hundred sockets are read.
  const membersPerRoom = options.isQuick ? 12 : 100;
  const size = { rooms: 1, membersPerRoom, membersPerSocket: membersPerRoom / 4 };
  const sizes = options.isQuick ? [8] : [4, 16, 64];
  const timing = { warmUpSeconds: options.isQuick ? 0.1 : 0.5, seconds: options.passSeconds };
  const fleet = new Fleet(cores.generators);
  const barePort = await freeUdpPort();
  const bareChild = new Child({
    args: [bareFanout, String(barePort)],
    core: cores.server,
    nodeArgs: profiling(options),
  });
  let server: BenchServer | undefined;
  try {
    server = await startBenchServer({ core: cores.server, nodeArgs: profiling(options) });
    const bareTarget: Target = { kind: 'bare', pid: bareChild.pid, tcpPort: 0, udpPort: barePort };
    const confab = await fleet.connect(targetOf(server), size);
    const bare = await fleet.connect(bareTarget, size);
    const passes = new Map(sizes.map((window) => [window, { confab: [] as Result[], bare: [] as Result[] }]));
    // The first one is for the compilers and is not counted.
    for (let pass = 0; pass <= options.passes; pass += 1) {
      for (const window of sizes) {
        const inTurn = [
          ['confab', confab],
          ['bare', bare],
        ] as const satisfies readonly (readonly [string, FleetCrowd])[];
        for (const [kind, crowd] of pass % 2 === 0 ? inTurn : inTurn.toReversed()) {
          const result = await fleet.closedLoop(crowd, timing, window);
          if (pass > 0) passes.get(window)![kind].push(result);
        }
      }
    }
    const windows = sizes.map((window) => {
      const both = passes.get(window)!;
      return { window, confab: figuresOf(both.confab), bare: figuresOf(both.bare) };
    });
    const best = { confab: bestOf(windows, 'confab'), bare: bestOf(windows, 'bare') };
    const ratio = (best.confab?.confab.deliveriesPerSecond ?? 0) / (best.bare?.bare.deliveriesPerSecond ?? Number.NaN);
    return { ...size, windows, ...best, ratio };
  } finally {
    await fleet.stop();
    await bareChild.stop();
    await server?.stop();
  }
}

function figuresOf(passes: readonly Result[]): Figures {
  return {
    passes,
    deliveriesPerSecond: median(passes.map((pass) => pass.deliveriesPerSecond)),
    p99Us: median(passes.map((pass) => pass.latencyUs.quantile(0.99))),
    serverCpuShare: median(passes.map((pass) => pass.serverCpuShare)),
    serverUsPerDelivery: median(passes.map((pass) => (pass.serverCpuShare * 1e6) / pass.deliveriesPerSecond)),
    generatorCpuShare: median(passes.map((pass) => pass.generatorCpuShare)),
    lost: passes.reduce((total, pass) => total + pass.lost, 0),
  };
}

function bestOf(windows: readonly WindowFigures[], kind: 'confab' | 'bare'): WindowFigures | undefined {
  return windows
    .filter((figures) => figures[kind].lost === 0)
    .toSorted((left, right) => right[kind].deliveriesPerSecond - left[kind].deliveriesPerSecond)[0];
}

function targetOf(server: BenchServer): Target {
  return { kind: 'confab', pid: server.pid, tcpPort: server.tcpPort, udpPort: server.udpPort };
}

function profiling({ profile }: HybridOptions): string[] {
  return profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
}
