import { formatCount, formatMiB, formatMs, formatPercent, formatTable } from '../support/table.ts';
import type { Result } from './fleet.ts';
import { type Figures, type HighestRate, P99_TARGET_US, RATIO_TARGET, type SteadyLoad } from './scenarios.ts';

/** Shares of a core from which a process counts as having no time left. */
const SATURATED_SHARE = 0.95;
/** A generator that sends one message in a hundred later than this after it was due has fallen behind, µs. */
const LATENESS_US = 10_000;
/** CPU time of other processes, in cores, from which a figure is not to be trusted. */
const FOREIGN_SHARE = 0.1;

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
  ];
  const rows = loads.map(({ name, rooms, membersPerRoom, messagesPerSecond, result }) => [
    name,
    formatCount(rooms),
    formatCount(rooms * membersPerRoom),
    formatCount(messagesPerSecond),
    formatCount(result.expected),
    formatCount(result.delivered),
    formatCount(result.lost),
    formatCount(result.repeated),
    formatMs(result.latencyUs.quantile(0.5)),
    formatMs(result.latencyUs.quantile(0.99)),
    formatMs(result.latencyUs.quantile(0.999)),
    formatMs(result.latencyUs.max),
    formatPercent(result.serverCpuShare),
    formatMiB(result.serverResidentBytes),
    formatPercent(result.generatorCpuShare),
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
    const rates = figures.passes.map((pass) => pass.deliveriesPerSecond);
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

/** In a quick run times mean nothing: only deliveries are judged. */
export function judgeSteady({ name, result }: SteadyLoad, isQuick: boolean): Verdict[] {
  const p99Us = result.latencyUs.quantile(0.99);
  const everything = {
    target: `${name}: everything delivered, once`,
    isMet: result.expected > 0 && result.lost === 0 && result.repeated === 0,
  };
  if (isQuick) return [everything];
  return [
    everything,
    { target: `${name}: p99 < ${P99_TARGET_US / 1000} ms (${formatMs(p99Us)} ms)`, isMet: p99Us < P99_TARGET_US },
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
export function doubtsOf(name: string, results: readonly Result[]): string[] {
  const doubts: string[] = [];
  const count = (test: (result: Result) => boolean): number => results.filter(test).length;
  const note = (matches: number, text: string): void => {
    if (matches === 0) return;
    const share = results.length === 1 ? '' : ` (${matches} of ${results.length} measurements)`;
    doubts.push(`${name}: ${text}${share}`);
  };
  note(
    count(
      ({ generatorCpuShare, serverCpuShare }) =>
        generatorCpuShare >= SATURATED_SHARE && serverCpuShare < SATURATED_SHARE,
    ),
    'the generator was the bottleneck: the server could do more than this says',
  );
  note(
    count(({ latenessUs }) => latenessUs.count > 0 && latenessUs.quantile(0.99) > LATENESS_US),
    'the generator fell behind its schedule: latencies are partly its own',
  );
  note(
    count(({ foreignCpuShare }) => foreignCpuShare > FOREIGN_SHARE),
    'other processes took CPU time meanwhile: measure again on a quiet machine',
  );
  note(
    count(({ serverDrops }) => serverDrops > 0),
    "the server's receive buffer overflowed",
  );
  note(
    count(({ generatorDrops }) => generatorDrops > 0),
    "the generator's receive buffers overflowed: that loss is its own",
  );
  const stranger = results.find(({ strangers }) => strangers > 0);
  if (stranger !== undefined)
    doubts.push(
      `${name}: ${stranger.strangers} datagrams that nobody sent, such as ${JSON.stringify(stranger.firstStranger)}`,
    );
  return doubts;
}

export function verdictLines(verdicts: readonly Verdict[]): string {
  return verdicts.map(({ target, isMet }) => `${isMet ? 'pass' : 'FAIL'}  ${target}`).join('\n');
}

/** A result with the numbers that matter in place of its histograms. */
export function plain({ latencyUs, latenessUs, ...numbers }: Result): object {
  const quantiles = [0.5, 0.99, 0.999] as const;
  return {
    ...numbers,
    latencyUs: Object.fromEntries([
      ...quantiles.map((share) => [`p${share * 100}`, latencyUs.quantile(share)]),
      ['max', latencyUs.max],
    ]),
    latenessUs: { p99: latenessUs.quantile(0.99), max: latenessUs.max },
  };
}
