import { formatCount, formatMiB, formatMs, formatPercent } from '../support/table.ts';
import type { Load } from './loads.ts';
import type { Outcome } from './measure.ts';

/** Shares of a core from which a process counts as having no time left. */
const SATURATED_SHARE = 0.95;
/** CPU time of other programs, in cores, from which rates and latencies are not to be trusted. */
const FOREIGN_SHARE = 0.1;
/** Time taken by the host of a virtual machine, likewise. */
const STOLEN_SHARE = 0.05;
/** A generator that says one message in a hundred later than this after it was due has fallen behind, µs. */
const LATE_US = 1000;

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Each server's figures, and how they compare with the floor of its protocol and with the best of the peers. */
export function tableOf(load: Load, outcomes: readonly Outcome[]): Table {
  const columns: readonly (readonly [string, (outcome: Outcome) => string])[] = [
    [`${load.name}: server`, ({ target }) => target],
    ...(load.about === 'memory' ? memoryColumns : load.about === 'latency' ? latencyColumns : rateColumns(outcomes)),
    ['server CPU', ({ serverCpuShare }) => formatPercent(serverCpuShare)],
    ['and after', ({ afterCpuShare }) => formatPercent(afterCpuShare)],
    ['generator CPU', ({ generatorCpuShare }) => formatPercent(generatorCpuShare)],
    ['memory', ({ residentBytes }) => formatMiB(residentBytes)],
    ['lost', ({ lost }) => formatCount(lost)],
  ];
  return {
    head: columns.map(([title]) => title),
    rows: outcomes.map((outcome) => columns.map(([, cell]) => cell(outcome))),
  };
}

type Column = readonly [string, (outcome: Outcome) => string];

function rateColumns(outcomes: readonly Outcome[]): Column[] {
  const perCpu = (outcome: Outcome): number => outcome.deliveriesPerCpuSecond;
  const rate = (outcome: Outcome): number => outcome.deliveriesPerSecond;
  const columns: Column[] = [
    ['deliveries/s', (outcome) => formatCount(rate(outcome))],
    ['lowest', ({ lowest }) => formatCount(lowest)],
    ['highest', ({ highest }) => formatCount(highest)],
    ['for a second of CPU', (outcome) => formatCount(perCpu(outcome))],
    ['in one read', ({ deliveriesPerRead }) => deliveriesPerRead.toFixed(1)],
  ];
  if (!outcomes.some(({ kind }) => kind !== 'confab')) return columns;
  const floorOf = ({ protocol }: Outcome): Outcome | undefined =>
    outcomes.find((outcome) => outcome.kind === 'floor' && outcome.protocol === protocol);
  const bestPeer = (value: (outcome: Outcome) => number): number =>
    Math.max(...outcomes.filter(({ kind }) => kind === 'peer').map(value));
  const ratio = (value: number, to: number | undefined): string =>
    to === undefined || !Number.isFinite(to) ? '' : (value / to).toFixed(2);
  const floorRatio = (outcome: Outcome, value: (outcome: Outcome) => number): string => {
    const floor = floorOf(outcome);
    return floor === undefined ? '' : ratio(value(outcome), value(floor));
  };
  return [
    ...columns,
    ['x floor', (outcome) => floorRatio(outcome, rate)],
    ['x floor, CPU', (outcome) => floorRatio(outcome, perCpu)],
    ['x best peer', (outcome) => ratio(rate(outcome), bestPeer(rate))],
    ['x best peer, CPU', (outcome) => ratio(perCpu(outcome), bestPeer(perCpu))],
  ];
}

const latencyColumns: readonly Column[] = [
  ['deliveries/s', ({ deliveriesPerSecond }) => formatCount(deliveriesPerSecond)],
  ['p50 ms', ({ p50Us }) => formatMs(p50Us)],
  ['p99 ms', ({ p99Us }) => formatMs(p99Us)],
  ['p99.9 ms', ({ p999Us }) => formatMs(p999Us)],
  ['said late ms', ({ lateUs }) => formatMs(lateUs)],
];

const memoryColumns: readonly Column[] = [
  ['KiB each', ({ connectionBytes }) => ((connectionBytes ?? 0) / 1024).toFixed(1)],
];

/** The same as Markdown. */
export function markdownOf({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** What a figure must be read with. */
export function doubtsOf(load: Load, outcomes: readonly Outcome[]): string[] {
  const doubts: string[] = [];
  for (const {
    target,
    kind,
    isReliable,
    generatorCpuShare,
    serverCpuShare,
    foreignCpuShare,
    stolenShare,
    lateUs,
    lost,
  } of outcomes) {
    const who = `${load.name}, ${target}`;
    if (generatorCpuShare >= SATURATED_SHARE && serverCpuShare < SATURATED_SHARE && load.about === 'rate') {
      doubts.push(`${who}: the generator had no time left and the server had: it can do more than this`);
    }
    if (foreignCpuShare >= FOREIGN_SHARE) {
      doubts.push(
        `${who}: other programs used ${foreignCpuShare.toFixed(1)} cores; compare the figures for a second of CPU`,
      );
    }
    if (stolenShare >= STOLEN_SHARE)
      doubts.push(`${who}: the machine's host took ${formatPercent(stolenShare)} of a core away`);
    if (load.about === 'latency' && lateUs >= LATE_US) doubts.push(`${who}: the generator spoke late`);
    if (lost !== 0 && (!isReliable || kind !== 'confab')) doubts.push(`${who}: ${formatCount(lost)} lost`);
  }
  return doubts;
}

/** Confab loses nothing over TCP and on link, whatever the load. */
export function faultsOf(load: Load, outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(({ kind, isReliable, lost }) => kind === 'confab' && isReliable && lost !== 0)
    .map(({ target, lost }) => `${load.name}, ${target}: ${formatCount(lost)} deliveries lost`);
}
