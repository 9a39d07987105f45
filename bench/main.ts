#!/usr/bin/env node
import { fanout } from './fanout/bench.ts';
import { growth } from './growth/bench.ts';
import { hybrid } from './hybrid/bench.ts';
import { loss } from './loss/bench.ts';
import type { Bench } from './support/bench.ts';

const EXIT_SIGNAL = 130;

const benches: readonly Bench[] = [hybrid, loss, fanout, growth];

// Ends what a benchmark has started: 'exit' handlers do not run for a signal that nobody handles.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(EXIT_SIGNAL));

const [name, ...args] = process.argv.slice(2);
const bench = benches.find((candidate) => candidate.name === name);
if (bench === undefined) {
  const isHelp = name === undefined || name === '--help' || name === '-h';
  if (!isHelp) console.error(`There is no benchmark "${name}".\n`);
  const list = benches.map((known) => `  ${known.name.padEnd(10)} ${known.summary}`).join('\n');
  console.log(`Usage: npm run bench -- NAME [options]\n\n${list}\n\nnpm run bench -- NAME --help tells the options.`);
  process.exitCode = isHelp ? 0 : 2;
} else if (args.includes('--help') || args.includes('-h')) {
  console.log(bench.help);
} else {
  try {
    process.exitCode = (await bench.run(args)) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
