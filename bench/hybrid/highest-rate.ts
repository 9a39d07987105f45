import { fileURLToPath } from 'node:url';
import { LoadCrowd, type RunFigures } from '../fanout/crowd.ts';
import { Program } from '../fanout/process.ts';
import { confab } from '../fanout/targets/confab.ts';
import { bound } from '../fanout/targets/floors.ts';
import type { Running } from '../fanout/targets/target.ts';
import type { CrowdSize, LoadWire } from '../fanout/wire.ts';
import { bareUcrp, ucrp } from '../fanout/wires.ts';
import type { Cores } from '../support/cores.ts';
import { median } from '../support/histogram.ts';
import { freeUdpPort } from '../support/ports.ts';
import { type HybridOptions, nodeArgsOf } from './options.ts';

const bareFanout = fileURLToPath(new URL('bare-fanout.ts', import.meta.url));

/** The least that Confab may deliver, of what the bare fan-out does. */
export const RATIO_TARGET = 0.8;

/** Messages on their way. */
const WINDOWS = [4, 16, 64] as const;
const QUICK_WINDOWS = [8] as const;
const WARM_UP_MS = 500;
/** Of the pass for the compilers, which is not counted. */
const FIRST_WARM_UP_MS = 2000;

/** One size of window, and what both servers made of it in all passes. */
export interface WindowFigures {
  readonly window: number;
  readonly confab: Figures;
  readonly bare: Figures;
}

export interface Figures {
  readonly passes: readonly RunFigures[];
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

type Kind = 'confab' | 'bare';

/** (c): as fast as nothing is lost, both servers in turn. */
export async function highestRate(options: HybridOptions, cores: Cores): Promise<HighestRate> {
  const size = { rooms: 1, membersPerRoom: options.isQuick ? 12 : 100 };
  const sizes = options.isQuick ? QUICK_WINDOWS : WINDOWS;
  const servers: Running[] = [];
  const crowds: LoadCrowd[] = [];
  const enter = async (wire: LoadWire, start: () => Promise<Running>): Promise<LoadCrowd> => {
    const server = await start();
    servers.push(server);
    const crowd = await LoadCrowd.connect(wire, server, size, cores.generators[0]);
    crowds.push(crowd);
    return crowd;
  };
  try {
    const both = {
      confab: await enter(ucrp, () => confab(ucrp, { nodeArgs: nodeArgsOf(options) }).start(cores.server)),
      bare: await enter(bareUcrp, () => startBare(options, cores.server)),
    };
    const passes = new Map(sizes.map((window) => [window, { confab: [] as RunFigures[], bare: [] as RunFigures[] }]));
    for (let pass = 0; pass <= options.passes; pass += 1) {
      const warmUpMs = options.isQuick ? 100 : pass === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS;
      for (const window of sizes) {
        const inTurn: readonly Kind[] = pass % 2 === 0 ? ['confab', 'bare'] : ['bare', 'confab'];
        for (const kind of inTurn) {
          const figures = await both[kind].closedLoop(window, { warmUpMs, ms: 1000 * options.passSeconds });
          // The first one is for the compilers.
          if (pass > 0) passes.get(window)![kind].push(figures);
        }
      }
    }
    const windows = sizes.map((window) => {
      const { confab: ours, bare } = passes.get(window)!;
      return { window, confab: figuresOf(ours), bare: figuresOf(bare) };
    });
    const best = { confab: bestOf(windows, 'confab'), bare: bestOf(windows, 'bare') };
    const ratio = (best.confab?.confab.deliveriesPerSecond ?? 0) / (best.bare?.bare.deliveriesPerSecond ?? Number.NaN);
    return { ...size, windows, ...best, ratio };
  } finally {
    await Promise.all(crowds.map((crowd) => crowd.close()));
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function startBare(options: HybridOptions, core: string | undefined): Promise<Running> {
  const port = await freeUdpPort();
  const program = new Program([process.execPath, ...nodeArgsOf(options), bareFanout, String(port)], { core });
  await bound(program, port);
  return { pid: program.pid, port, stop: () => program.stop() };
}

function figuresOf(passes: readonly RunFigures[]): Figures {
  const of = (value: (pass: RunFigures) => number): number => median(passes.map(value));
  return {
    passes,
    deliveriesPerSecond: of(({ delivered, seconds }) => delivered / seconds),
    p99Us: of(({ p99 }) => p99),
    serverCpuShare: of(({ serverCpu, seconds }) => serverCpu / seconds),
    serverUsPerDelivery: of(({ serverCpu, delivered }) => (1e6 * serverCpu) / delivered),
    generatorCpuShare: of(({ generatorCpu, seconds }) => generatorCpu / seconds),
    lost: passes.reduce((total, { lost }) => total + lost, 0),
  };
}

function bestOf(windows: readonly WindowFigures[], kind: Kind): WindowFigures | undefined {
  return windows
    .filter((figures) => figures[kind].lost === 0)
    .toSorted((left, right) => right[kind].deliveriesPerSecond - left[kind].deliveriesPerSecond)[0];
}
