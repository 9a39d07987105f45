import { parseArgs } from 'node:util';
import { onlyOf, positive } from '../support/options.ts';

export const PARTS = ['members', 'rooms', 'start', 'pages', 'search'] as const;
export type Part = (typeof PARTS)[number];

export interface GrowthOptions {
  readonly only: readonly Part[];
  readonly members: readonly number[];
  readonly rooms: readonly number[];
  /** Messages stored before a start, and the rooms they are in. */
  readonly storedMessages: number;
  readonly storedRooms: number;
  /** Messages stored before pages are read, and before they are searched. */
  readonly pageMessages: readonly number[];
  /** Folder in which the logs and indexes that are searched are kept from run to run. */
  readonly data: string | undefined;
  /** Time in one run for an index to be made. */
  readonly buildSeconds: number;
  readonly seconds: number;
  readonly passes: number;
  readonly json: string | undefined;
  /** Folder for the plots. */
  readonly plots: string | undefined;
}

export const HELP = `Usage: npm run bench -- growth [options]

Whether what one thing costs depends on how many there are.

  members   one room of 10 to 10,000 members, JSON lines: server CPU for a delivery
  rooms     1 to 10,000 rooms of one member, 2,000 messages/s in all: the same
  start     start time and memory with 1,000,000 stored messages in 10,000 rooms
  pages     pages of 100 messages from anywhere in up to 10,000,000: time of each
  search    pages of 20 messages found in a room of up to 10,000,000: time of each

Options
  --only members,…  some of them only
  --seconds N       measured time of each pass (2)
  --passes N        passes (3); medians are shown
  --messages N,N,…  stored messages, for pages and search
  --data DIR        keep what is searched there, and go on with it: it takes minutes to make
  --build-seconds N time in this run for each index to be made (3600); without it, nothing is measured
  --quick           everything small and short, to see that it works
  --json FILE       write the figures there, too
  --plots DIR       write the plots there, as SVG

Ends with 0, or with 2 when it could not measure.`;

/** @throws {Error} an option that is not known or makes no sense */
export function parseGrowthOptions(args: readonly string[]): GrowthOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      seconds: { type: 'string' },
      passes: { type: 'string' },
      messages: { type: 'string' },
      data: { type: 'string' },
      'build-seconds': { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      plots: { type: 'string' },
    },
  });
  const sizes = values.quick
    ? { members: [2, 4], rooms: [1, 4], storedMessages: 1000, storedRooms: 10, pageMessages: [100, 1000] }
    : {
        members: [10, 100, 1000, 10_000],
        rooms: [1, 10, 100, 1000, 10_000],
        storedMessages: 1_000_000,
        storedRooms: 10_000,
        pageMessages: [10_000, 100_000, 1_000_000, 10_000_000],
      };
  return {
    ...sizes,
    only: onlyOf(values.only, PARTS),
    pageMessages: values.messages?.split(',').map((text) => count('--messages', text)) ?? sizes.pageMessages,
    data: values.data,
    buildSeconds: positive('--build-seconds', values['build-seconds'], 3600),
    seconds: positive('--seconds', values.seconds, values.quick ? 0.2 : 2),
    passes: Math.ceil(positive('--passes', values.passes, values.quick ? 1 : 3)),
    json: values.json,
    plots: values.plots,
  };
}

function count(flag: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 100 && value <= 1e8)) {
    throw new Error(`${flag}: "${text}" is no whole number from 100 to 100,000,000`);
  }
  return value;
}
