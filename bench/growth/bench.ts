import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../support/bench.ts';
import { chooseCores } from '../support/cores.ts';
import { describeMachine, formatMachine } from '../support/machine.ts';
import { formatCount, formatMiB, formatMs, formatTable } from '../support/table.ts';
import { type Cost, memberCosts, roomCosts } from './live.ts';
import { HELP, parseGrowthOptions } from './options.ts';
import { type Plot, plotSvg } from './plot.ts';
import { type SearchFigures, searchCosts } from './search.ts';
import { pageCosts, startCosts } from './stored.ts';

/** Longer times are shown in µs. */
const LONG_NS = 10_000;

export const growth: Bench = {
  name: 'growth',
  summary: 'whether cost grows with members, rooms and stored messages; plots',
  help: HELP,
  run,
};

async function run(args: readonly string[]): Promise<boolean> {
  const options = parseGrowthOptions(args);
  const machine = describeMachine();
  const cores = chooseCores(1);
  console.log(`${formatMachine(machine)}\n`);
  const figures: Record<string, unknown> = {};
  const plots: Record<string, Plot> = {};
  for (const [part, unit, measure] of [
    ['members', 'members of the room', memberCosts],
    ['rooms', 'rooms of one member', roomCosts],
  ] as const) {
    if (!options.only.includes(part)) continue;
    const costs = await measure(options, cores);
    figures[part] = costs;
    plots[part] = costPlot(unit, costs);
    const rows = costs.map(([size, ns]) => [formatCount(size), formatCount(ns)]);
    console.log(`${formatTable([unit, 'server CPU for a delivery, ns'], rows)}\n`);
  }
  if (options.only.includes('start')) {
    const starts = await startCosts(options, cores);
    figures.start = starts;
    const rows = starts.map(({ messages, rooms, startMs, residentBytes }) => [
      formatCount(messages),
      formatCount(rooms),
      formatCount(startMs),
      formatMiB(residentBytes),
    ]);
    console.log(`${formatTable(['stored messages', 'rooms', 'start ms', 'memory'], rows)}\n`);
  }
  if (options.only.includes('pages')) {
    const pages = await pageCosts(options);
    figures.pages = pages;
    plots.pages = {
      title: 'Time of a page of 100 messages',
      xTitle: 'stored messages',
      yTitle: 'ms',
      series: [
        { name: 'p50', points: pages.map(({ messages, p50Us }) => [messages, p50Us / 1000] as const) },
        { name: 'p99', points: pages.map(({ messages, p99Us }) => [messages, p99Us / 1000] as const) },
      ],
    };
    const rows = pages.map(({ messages, p50Us, p99Us }) => [formatCount(messages), formatMs(p50Us), formatMs(p99Us)]);
    console.log(`${formatTable(['stored messages', 'page p50 ms', 'page p99 ms'], rows)}\n`);
  }
  if (options.only.includes('search')) {
    const searches = await searchCosts(options);
    figures.search = searches;
    if (searches.length > 0) plots.search = searchPlot(searches);
    const rows = searches.map(({ messages, what, p50Us, p99Us, cutShort }) => [
      formatCount(messages),
      what,
      formatMs(p50Us),
      formatMs(p99Us),
      `${Math.round(cutShort * 100)} %`,
    ]);
    const heads = ['messages in the room', 'search for', 'page p50 ms', 'page p99 ms', 'cut short'];
    console.log(`${formatTable(heads, rows)}\n`);
  }
  if (options.plots !== undefined) {
    mkdirSync(options.plots, { recursive: true });
    for (const [name, plot] of Object.entries(plots)) {
      writeFileSync(join(options.plots, `growth-${name}.svg`), plotSvg(plot));
    }
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, figures }, null, 2)}\n`);
  return true;
}

function searchPlot(figures: readonly SearchFigures[]): Plot {
  const names = [...new Set(figures.map(({ what }) => what))];
  return {
    title: 'Time of a page of 20 messages that were found, p99',
    xTitle: 'messages in the room',
    yTitle: 'ms, p99',
    series: names.map((name) => ({
      name,
      points: figures
        .filter(({ what }) => what === name)
        .map(({ messages, p99Us }) => [messages, p99Us / 1000] as const),
    })),
  };
}

function costPlot(unit: string, costs: readonly Cost[]): Plot {
  const isLong = costs.some(([, ns]) => ns >= LONG_NS);
  const points = isLong ? costs.map(([size, ns]) => [size, ns / 1000] as const) : costs;
  return {
    title: `Server CPU time for a delivery, by ${unit}`,
    xTitle: unit,
    yTitle: `${isLong ? 'µs' : 'ns'} of server CPU for a delivery`,
    series: [{ name: 'JSON lines, durable', points }],
  };
}
