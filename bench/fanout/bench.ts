import { writeFileSync } from 'node:fs';
import type { Bench } from '../support/bench.ts';
import { chooseCores } from '../support/cores.ts';
import { describeMachine, formatMachine } from '../support/machine.ts';
import { formatTable } from '../support/table.ts';
import { type Load, loads } from './loads.ts';
import { measure, type Outcome } from './measure.ts';
import { findCompiler } from './native/build.ts';
import { type FanoutOptions, HELP, parseFanoutOptions } from './options.ts';
import { doubtsOf, faultsOf, markdownOf, tableOf } from './report.ts';
import { confab } from './targets/confab.ts';
import { nodeFloor, tcpFloor, udpFloor, wsBroadcast } from './targets/floors.ts';
import { peers } from './targets/peers.ts';
import type { Target } from './targets/target.ts';
import { jsonLines, linkDatagrams, linkStream, ucrp, webSocket } from './wires.ts';

export const fanout: Bench = {
  name: 'fanout',
  summary: 'fan-out of every wire: rate, latency, memory, next to other servers and to floors in C',
  help: HELP,
  run,
};

async function run(args: readonly string[]): Promise<boolean> {
  const options = parseFanoutOptions(args);
  if (findCompiler() === undefined) {
    throw new Error('The load generator needs a C compiler (Debian: apt-get install gcc libc6-dev)');
  }
  const machine = describeMachine();
  const cores = chooseCores(1);
  const pinning =
    cores.server === undefined ? 'not pinned' : `server on core ${cores.server}, generator on core ${cores.generators}`;
  const heading = `${formatMachine(machine)}\n${pinning}, ${options.passes} passes of ${options.seconds} s`;
  console.log(`${heading}\n`);

  const { chosen, missing } = chooseTargets(options);
  for (const line of missing) console.log(`skip  ${line}`);
  const figures: Record<string, readonly Outcome[]> = {};
  const doubts: string[] = [];
  const faults: string[] = [];
  const markdown: string[] = [heading.replace('\n', ', ')];
  for (const load of loads) {
    if (!options.only.includes(load.name)) continue;
    const { outcomes, failures } = await measure(load, targetsOf(load, chosen), options, cores);
    figures[load.name] = outcomes;
    const table = tableOf(load, outcomes);
    console.log(`${load.summary}\n\n${formatTable(table.head, table.rows)}\n`);
    markdown.push(`${load.summary}:`, markdownOf(table));
    doubts.push(...doubtsOf(load, outcomes));
    faults.push(...faultsOf(load, outcomes), ...failures);
  }
  for (const doubt of doubts) console.log(`note  ${doubt}`);
  for (const fault of faults) console.log(`FAIL  ${fault}`);
  if (options.markdown !== undefined) writeFileSync(options.markdown, `${markdown.join('\n\n')}\n`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ machine, cores, options, figures, doubts, faults }, null, 2)}\n`);
  }
  return faults.length === 0;
}

function chooseTargets(options: FanoutOptions): { chosen: readonly Target[]; missing: string[] } {
  const nodeArgs = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  const own = [
    confab(jsonLines, { nodeArgs }),
    confab(jsonLines, { nodeArgs, store: 'memory' }),
    confab(webSocket, { nodeArgs }),
    confab(webSocket, { nodeArgs, store: 'memory' }),
    confab(ucrp, { nodeArgs }),
    confab(linkStream, { nodeArgs }),
    confab(linkStream, { nodeArgs, store: 'memory' }),
    confab(linkDatagrams, { nodeArgs }),
    confab(linkDatagrams, { nodeArgs, store: 'memory' }),
  ];
  // A floor comes first among those of its protocol: ratios are to it.
  const others = options.hasPeers ? [tcpFloor, nodeFloor, udpFloor, wsBroadcast, ...peers] : [];
  const { targets } = options;
  const wanted = [...own, ...others].filter(
    ({ name }) => targets.length === 0 || targets.some((word) => name.includes(word)),
  );
  if (wanted.length === 0) throw new Error(`--targets: no server's name holds ${targets.join(' or ')}`);
  const missing = wanted.map((target) => target.missing?.()).filter((reason) => reason !== undefined);
  return { chosen: wanted.filter((target) => target.missing?.() === undefined), missing };
}

/** A datagram socket has no connection whose memory could be told. */
function targetsOf(load: Load, targets: readonly Target[]): readonly Target[] {
  return load.about === 'memory'
    ? targets.filter(({ wire }) => wire.protocol === 'tcp' || wire.isLink === true)
    : targets;
}
