import { existsSync, writeFileSync } from 'node:fs';
import type { Bench } from '../support/bench.ts';
import { describeMachine, formatMachine } from '../support/machine.ts';
import { HELP, type LossOptions, parseLossOptions } from './options.ts';
import * as report from './report.ts';
import { hasNetem, whyNoNamespaces } from './rig/requirements.ts';
import { measureFailover } from './scenarios/failover.ts';
import { measureKill } from './scenarios/kill.ts';
import { type Cell, measureCell, pairsFor } from './scenarios/latency.ts';
import { measureLimit } from './scenarios/limit.ts';
import type { Verdict } from './targets.ts';
import type { LossWire } from './wires.ts';

export const loss: Bench = {
  name: 'loss',
  summary: 'wires over a link that loses packets: latency, bytes, nothing lost; failover, kill -9, a slow link',
  help: HELP,
  run,
};

interface Outcome {
  readonly figures: readonly object[];
  readonly table: string;
  readonly verdicts: readonly Verdict[];
  readonly doubts: readonly string[];
}

async function run(args: readonly string[]): Promise<boolean> {
  const options = parseLossOptions(args);
  const machine = describeMachine();
  console.log(`${formatMachine(machine)}\n${describeLink(options)}\n`);
  const { figures, table, verdicts, doubts } = await play(options);
  console.log(`${table}\n`);
  console.log(verdicts.map(({ text, isMet }) => `${isMet ? 'pass' : 'FAIL'}  ${text}`).join('\n'));
  if (doubts.length > 0) console.log(`\n${doubts.map((doubt) => `note  ${doubt}`).join('\n')}`);
  if (options.json !== undefined) {
    const { wires, ...rest } = options;
    const asked = { ...rest, wires: wires.map(({ name }) => name) };
    writeFileSync(options.json, `${JSON.stringify({ machine, options: asked, figures, verdicts, doubts }, null, 2)}\n`);
  }
  return verdicts.every(({ isMet }) => isMet);
}

/** What the link will be, in a few words. @throws {Error} when there can be none */
function describeLink({ link, delayMs, lossRun, scenario }: LossOptions): string {
  if (link !== undefined) {
    if (!existsSync(link)) throw new Error(`--link: there is no "${link}"`);
    if (scenario === 'failover') {
      throw new Error('failover: only the rig without --link can block a path in mid-stream');
    }
    return `link: ${link}, ${delayMs} ms each way${lossRun > 1 ? `, ${lossRun} packets lost in a row` : ''}`;
  }
  const reason = whyNoNamespaces();
  if (reason !== undefined) throw new Error(`${reason} Run it as root, or as: unshare -r npm run bench -- loss`);
  const delay = delayMs === 0 ? 'no delay' : `${delayMs} ms each way`;
  const isDelayed = delayMs === 0 || hasNetem();
  return `link: namespaces and veth, drops by nft, ${isDelayed ? delay : 'no delay: this kernel has no netem'}`;
}

async function play(options: LossOptions): Promise<Outcome> {
  const { wires, losses } = options;
  switch (options.scenario) {
    case 'latency': {
      const cells = await measureCells(options);
      const verdicts = report.judgeLatency(cells, options.lossRun);
      return { figures: cells, table: report.latencyTable(cells), verdicts, doubts: report.doubtsOf(cells) };
    }
    case 'limit': {
      const figures = await forAll(wires, losses, options.isQuick, (wire, share) => measureLimit(options, wire, share));
      return { figures, table: report.limitTable(figures), verdicts: report.judgeLimit(figures), doubts: [] };
    }
    case 'failover': {
      const figures = await forAll(wires, losses, true, (wire, share) => measureFailover(options, wire, share));
      return { figures, table: report.failoverTable(figures), verdicts: report.judgeFailover(figures), doubts: [] };
    }
    case 'kill': {
      const figures = await forAll(wires, losses, true, (wire, share) => measureKill(options, wire, share));
      return { figures, table: report.killTable(figures), verdicts: report.judgeKill(figures), doubts: [] };
    }
  }
}

/** @param isOne the first loss only: unless several were asked for, one is what the scenario is about */
async function forAll<Figures>(
  wires: readonly LossWire[],
  losses: readonly number[],
  isOne: boolean,
  measure: (wire: LossWire, loss: number) => Promise<Figures>,
): Promise<Figures[]> {
  const all: Figures[] = [];
  for (const share of isOne ? losses.slice(0, 1) : losses)
    for (const wire of wires) all.push(await measure(wire, share));
  return all;
}

async function measureCells(options: LossOptions): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const pattern of options.patterns) {
    const pairs = pairsFor(pattern, options);
    if (pairs > 1)
      console.log(`every ${pattern.name} ms: ${pairs} rooms side by side on one link, a sender and a receiver each`);
  }
  for (const share of options.losses) {
    for (const pattern of options.patterns) {
      // One after the other under the same conditions, so that they can be compared.
      for (const wire of options.wires) {
        const cell = await measureCell(options, wire, share, pattern);
        cells.push(cell);
        const { p50Us, p99Us, p999Us } = cell;
        const ms = [p50Us, p99Us, p999Us].map((us) => (us / 1000).toFixed(1)).join(' / ');
        console.log(`  ${cell.wire}  ${share * 100} %  every ${pattern.name} ms  p50 / p99 / p99.9  ${ms} ms`);
      }
    }
  }
  console.log();
  return cells;
}
