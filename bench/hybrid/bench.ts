import { writeFileSync } from 'node:fs';
import type { Bench } from '../support/bench.ts';
import { chooseCores } from '../support/cores.ts';
import { describeMachine, formatMachine } from '../support/machine.ts';
import { highestRate } from './highest-rate.ts';
import { HELP, parseHybridOptions } from './options.ts';
import { doubtsOf, judgeRate, judgeSteady, rateTable, steadyTable, type Verdict, verdictLines } from './report.ts';
import { largeRoom, manyRooms, type SteadyLoad } from './steady.ts';

export const hybrid: Bench = {
  name: 'hybrid',
  summary: 'fan-out of the hybrid wire: loss, latency, highest rate, next to bare node:dgram',
  help: HELP,
  run,
};

async function run(args: readonly string[]): Promise<boolean> {
  const options = parseHybridOptions(args);
  const machine = describeMachine();
  const cores = chooseCores(1);
  const pinning =
    cores.server === undefined
      ? 'not pinned'
      : `generator on core ${cores.generators[0]}, server on core ${cores.server}: its main thread in a and b, all its threads in c`;
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
    const passes: SteadyLoad[] = [];
    for (let pass = 1; pass <= options.steadyPasses; pass += 1) {
      const load = await measure(options, cores);
      passes.push(load);
      doubts.push(...doubtsOf(load, pass));
    }
    steady.push(...passes);
    verdicts.push(...judgeSteady(passes, options.isQuick));
    figures[name] = passes;
  }
  if (steady.length > 0) console.log(`${steadyTable(steady)}\n`);

  if (options.only.includes('c')) {
    const rate = await highestRate(options, cores);
    console.log(`${rateTable(rate)}\n`);
    verdicts.push(...judgeRate(rate, options.isQuick));
    figures.c = rate;
  }

  console.log(verdictLines(verdicts));
  if (doubts.length > 0) console.log(`\n${doubts.map((doubt) => `note  ${doubt}`).join('\n')}`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ machine, cores, options, figures, verdicts, doubts }, null, 2)}\n`);
  }
  return verdicts.every(({ isMet }) => isMet);
}
