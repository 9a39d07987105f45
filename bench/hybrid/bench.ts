import { writeFileSync } from 'node:fs';
import type { Bench } from '../support/bench.ts';
import { chooseCores } from '../support/cores.ts';
import { describeMachine, formatMachine } from '../support/machine.ts';
import { HELP, parseHybridOptions } from './options.ts';
import {
  doubtsOf,
  judgeRate,
  judgeSteady,
  plain,
  rateTable,
  steadyTable,
  type Verdict,
  verdictLines,
} from './report.ts';
import { highestRate, largeRoom, manyRooms, type SteadyLoad } from './scenarios.ts';

export const hybrid: Bench = {
  name: 'hybrid',
  summary: 'fan-out of the hybrid wire: loss, latency, highest rate, next to bare node:dgram',
  help: HELP,
  run,
};

async function run(args: readonly string[]): Promise<boolean> {
  const options = parseHybridOptions(args);
  const machine = describeMachine();
  const cores = chooseCores(options.generators);
  const pinning =
    cores.server === undefined
      ? 'not pinned'
      : `generator on core ${cores.generators.join(' and ')}; server in a and b on any, in c with all its threads on core ${cores.server}`;
  console.log(`${formatMachine(machine)}\n${pinning}\n`);

  const verdicts: Verdict[] = [];
  const doubts: string[] = [];
  const figures: Record<string, unknown> = {};
  const steady: SteadyLoad[] = [];
  for (const [name, measure] of [
    ['a', manyRooms],
    ['b', largeRoom],
  ] as const) {
    if (!options.only.includes(name)) continue;
    const load = await measure(options, cores);
    steady.push(load);
    verdicts.push(...judgeSteady(load, options.isQuick));
    doubts.push(...doubtsOf(name, [load.result]));
    figures[name] = { ...load, result: plain(load.result) };
  }
  if (steady.length > 0) console.log(`${steadyTable(steady)}\n`);

  if (options.only.includes('c')) {
    const rate = await highestRate(options, cores);
    console.log(`${rateTable(rate)}\n`);
    verdicts.push(...judgeRate(rate, options.isQuick));
    for (const kind of ['confab', 'bare'] as const) {
      doubts.push(
        ...doubtsOf(
          `c, ${kind}`,
          rate.windows.flatMap((window) => window[kind].passes),
        ),
      );
    }
    figures.c = {
      ratio: rate.ratio,
      windows: rate.windows.map(({ window, confab, bare }) => ({
        window,
        confab: { ...confab, passes: confab.passes.map(plain) },
        bare: { ...bare, passes: bare.passes.map(plain) },
      })),
    };
  }

  console.log(verdictLines(verdicts));
  if (doubts.length > 0) console.log(`\n${doubts.map((doubt) => `note  ${doubt}`).join('\n')}`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ machine, cores, options, figures, verdicts, doubts }, null, 2)}\n`);
  }
  return verdicts.every(({ isMet }) => isMet);
}
