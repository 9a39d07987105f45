import { LoadCrowd, type RunFigures } from '../fanout/crowd.ts';
import { confab } from '../fanout/targets/confab.ts';
import type { CrowdSize } from '../fanout/wire.ts';
import { jsonLines } from '../fanout/wires.ts';
import type { Cores } from '../support/cores.ts';
import { median } from '../support/histogram.ts';
import type { GrowthOptions } from './options.ts';

/** Messages of the one room on their way. */
const WINDOW = 64;
/** Messages a second in all rooms. */
const STEADY_RATE = 2000;
/** For the compilers, ms; before each other pass, ms. */
const FIRST_WARM_UP_MS = 2000;
const WARM_UP_MS = 200;

/** A size, and CPU time of the server for each delivery, ns: medians of the passes. */
export type Cost = readonly [size: number, ns: number];

/** One room, of more and more members. */
export function memberCosts(options: GrowthOptions, cores: Cores): Promise<Cost[]> {
  return costs(
    options,
    cores,
    options.members,
    (membersPerRoom) => ({ rooms: 1, membersPerRoom }),
    (crowd, timing) => crowd.closedLoop(WINDOW, timing),
  );
}

/** More and more rooms of one member, who is told what it says itself. */
export function roomCosts(options: GrowthOptions, cores: Cores): Promise<Cost[]> {
  return costs(
    options,
    cores,
    options.rooms,
    (rooms) => ({ rooms, membersPerRoom: 1 }),
    (crowd, timing) => crowd.openLoop(STEADY_RATE, timing),
  );
}

async function costs(
  options: GrowthOptions,
  cores: Cores,
  sizes: readonly number[],
  sizeOf: (count: number) => CrowdSize,
  run: (crowd: LoadCrowd, timing: { warmUpMs: number; ms: number }) => Promise<RunFigures>,
): Promise<Cost[]> {
  const found: Cost[] = [];
  for (const count of sizes) {
    const running = await confab(jsonLines).start(cores.server);
    try {
      const crowd = await LoadCrowd.connect(jsonLines, running, sizeOf(count), cores.generators[0]);
      const passes: number[] = [];
      for (let pass = 0; pass < options.passes; pass += 1) {
        const warmUpMs = pass === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS;
        const { serverCpu, delivered, lost } = await run(crowd, { warmUpMs, ms: 1000 * options.seconds });
        if (lost !== 0) throw new Error(`${lost} deliveries were lost`);
        passes.push((serverCpu * 1e9) / delivered);
      }
      await crowd.close();
      found.push([count, median(passes)]);
    } finally {
      await running.stop();
    }
  }
  return found;
}
