import { median } from '../support/histogram.ts';
import { formatCount, formatMiB, formatMs, formatPercent, formatTable } from '../support/table.ts';
import { type Figures, type HighestRate, RATIO_TARGET } from './highest-rate.ts';
import { P99_TARGET_US, type SteadyLoad } from './steady.ts';

/** Shares of a core from which a process counts as having no time left. */
const SATURATED_SHARE = 0.95;
/** A generator that sends one message in a hundred later than this after it was due has fallen behind, µs. */
const LATENESS_US = 10_000;
/** CPU time of other processes, in cores, from which a figure is not to be trusted. */
const FOREIGN_SHARE = 0.1;
/** Time taken by the host of a virtual machine, likewise. */
const STOLEN_SHARE = 0.05;

/** A target and whether it was met. */
export interface Verdict {
  readonly target: string;
  readonly isMet: boolean;
}

export function steadyTable(loads: readonly SteadyLoad[]): string {
  const head = [
    '',
    'rooms',
    'members',
    'msg/s',
    'expected',
    'delivered',
    'lost',
    'twice',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'max ms',
    'server CPU',
    'server RSS',
    'generator CPU',
    'stolen',
  ];
  const rows = loads.map((load) => [
    load.name,
    formatCount(load.rooms),
    formatCount(load.rooms * load.membersPerRoom),
    formatCount(load.messagesPerSecond),
    formatCount(load.expected),
    formatCount(load.delivered),
    formatCount(load.lost),
    formatCount(load.repeated),
    formatMs(load.p50Us),
    formatMs(load.p99Us),
    formatMs(load.p999Us),
    formatMs(load.maxUs),
    formatPercent(load.serverCpuShare),
    formatMiB(load.serverResidentBytes),
    formatPercent(load.generatorCpuShare),
    formatPercent(load.stolenShare),
  ]);
  return formatTable(head, rows);
}

export function rateTable({ windows, ratio, confab, bare }: HighestRate): string {
  const head = [
    'c: messages on their way',
    'server',
    'deliveries/s',
    'lowest',
    'highest',
    'lost',
    'p99 ms',
    'server CPU',
    'µs/delivery',
    'generator CPU',
  ];
  const row = (window: string, server: string, figures: Figures): string[] => {
    const rates = figures.passes.map(({ delivered, seconds }) => delivered / seconds);
    return [
      window,
      server,
      formatCount(figures.deliveriesPerSecond),
      formatCount(Math.min(...rates)),
      formatCount(Math.max(...rates)),
      formatCount(figures.lost),
      formatMs(figures.p99Us),
      formatPercent(figures.serverCpuShare),
      figures.serverUsPerDelivery.toFixed(2),
      formatPercent(figures.generatorCpuShare),
    ];
  };
  const rows = windows.flatMap((figures) => [
    row(String(figures.window), 'confab', figures.confab),
    row('', 'bare', figures.bare),
  ]);
  const place = (name: string, at: number | undefined): string => `${name} best at ${at ?? 'none'}`;
  return [
    formatTable(head, rows),
    `highest rate without loss: ${place('confab', confab?.window)}, ${place('bare', bare?.window)}; ratio ${formatPercent(ratio)}`,
  ].join('\n');
}

/** Of the passes of one load. In a quick run times mean nothing: only deliveries are judged. */
export function judgeSteady(passes: readonly SteadyLoad[], isQuick: boolean): Verdict[] {
  const name = passes[0]?.name ?? '';
  const everything = {
    target: `${name}: everything delivered, once`,
    isMet: passes.every(({ expected, lost, repeated }) => expected > 0 && lost === 0 && repeated === 0),
  };
  if (isQuick) return [everything];
  const p99Us = median(passes.map((pass) => pass.p99Us));
  return [
    everything,
    {
      target: `${name}: p99 < ${P99_TARGET_US / 1000} ms (median of ${passes.length}: ${formatMs(p99Us)} ms)`,
      isMet: p99Us < P99_TARGET_US,
    },
  ];
}

export function judgeRate({ confab, bare, ratio }: HighestRate, isQuick: boolean): Verdict[] {
  const lossless = { target: 'c: a rate without loss', isMet: confab !== undefined && bare !== undefined };
  if (isQuick) return [lossless];
  return [
    lossless,
    {
      target: `c: at least ${formatPercent(RATIO_TARGET)} of the bare fan-out (${formatPercent(ratio)})`,
      isMet: ratio >= RATIO_TARGET,
    },
  ];
}

/** What a reader must know before trusting a figure. */
export function doubtsOf(load: SteadyLoad, pass: number): string[] {
  const doubts: string[] = [];
  if (load.generatorCpuShare >= SATURATED_SHARE) doubts.push('the generator had no time left');
  if (load.lateUs > LATENESS_US) doubts.push('the generator fell behind its schedule: latencies are partly its own');
  if (load.foreignCpuShare > FOREIGN_SHARE) {
    doubts.push('other processes took CPU time meanwhile: measure again on a quiet machine');
  }
  if (load.stolenShare > STOLEN_SHARE) doubts.push("the machine's host took CPU time away meanwhile");
  return doubts.map((doubt) => `${load.name}, pass ${pass}: ${doubt}`);
}

export function verdictLines(verdicts: readonly Verdict[]): string {
  return verdicts.map(({ target, isMet }) => `${isMet ? 'pass' : 'FAIL'}  ${target}`).join('\n');
}
