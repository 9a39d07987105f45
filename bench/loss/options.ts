import { parseArgs } from 'node:util';
import { type LossWire, lossWires, wireNamed } from './wires.ts';

export const SCENARIOS = ['latency', 'limit', 'failover', 'kill'] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** How messages follow each other in one room. */
export interface Pattern {
  /** As it was asked for: `50`, or `50x4`. */
  readonly name: string;
  readonly gapMs: number;
  /** Messages at a time. */
  readonly burst: number;
}

export interface LossOptions {
  readonly scenario: Scenario;
  readonly wires: readonly LossWire[];
  /** Shares, 0–1. */
  readonly losses: readonly number[];
  readonly patterns: readonly Pattern[];
  /** Measured messages of a cell. */
  readonly messages: number;
  readonly pairs: number | undefined;
  readonly delayMs: number;
  readonly lossRun: number;
  readonly rateKbit: number;
  readonly seconds: number;
  readonly everySeconds: number;
  readonly clients: number;
  readonly seed: number;
  /** Program that makes the link. */
  readonly link: string | undefined;
  readonly isQuick: boolean;
  readonly json: string | undefined;
}

export const HELP = `Usage: npm run bench -- loss [options]

Measures wires over a bad link: sender, server and receiver are processes in network
namespaces of their own, packets are dropped at random in both directions and on both
legs. Needs root (or "unshare -r") and Linux; nothing of the host's network is touched.

Scenarios (--scenario NAME)
  latency     how long messages take, p50 to p99.9, IP bytes for each, nothing lost (default)
  limit       throughput of a bulk sender where each direction carries 256 kbit/s
  failover    the fast path is blocked in mid-stream: up, down, both ways, and free again
  kill        kill -9 of the server every few seconds while many post

Options
  --wires ${lossWires.map(({ name }) => name).join(',')}      which, in this order
  --losses 0,1,3,5,10   per cent, of each leg and direction
  --gaps 20,50,200,50x4 ms between messages of a room; 50x4: four at a time
  --messages N          measured messages of a cell (5000)
  --pairs N             rooms side by side, a sender and a receiver each (100 messages/s in all, 1000 in each)
  --delay MS            each way, where the rig can: with a tool, or where the kernel has netem (20)
  --loss-run N          mean number of packets lost in a row (1); with --link only
  --link PROGRAM        make the link with this program (see bench/loss/README.md)
  --rate KBIT           of "limit" (256)
  --seconds N           of "limit", "kill" and of each step of "failover" (30, 120, 8)
  --every N             seconds from kill to kill (5)
  --clients N           who post in "kill" (20)
  --seed N              for the tool's choice of packets (1)
  --quick               everything small and short, to see that it works
  --json FILE           write the figures there, too

Ends with 0 when all targets are met, 1 when one is not, 2 when it could not measure.`;

const SECONDS = { latency: 0, limit: 30, failover: 8, kill: 120 } as const;
const QUICK_SECONDS = { latency: 0, limit: 3, failover: 1, kill: 4 } as const;
const PATTERN = /^(\d+(?:\.\d+)?)(?:x(\d+))?$/;

/** @throws {Error} an option that is not known or makes no sense */
export function parseLossOptions(args: readonly string[]): LossOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { ...text, default: 'latency' },
      wires: { ...text, default: lossWires.map(({ name }) => name).join(',') },
      losses: text,
      gaps: text,
      messages: text,
      pairs: text,
      delay: text,
      'loss-run': text,
      rate: text,
      seconds: text,
      every: text,
      clients: text,
      seed: text,
      link: text,
      quick: { type: 'boolean', default: false },
      json: text,
    },
  });
  const { quick } = values;
  const scenario = values.scenario as Scenario;
  if (!SCENARIOS.includes(scenario)) throw new Error(`--scenario: "${scenario}" is none of ${SCENARIOS.join(', ')}`);
  const lossRun = number('--loss-run', values['loss-run'], 1, 1, 1000);
  if (lossRun > 1 && values.link === undefined) throw new Error('--loss-run: only a link tool can do that, see --link');
  const seconds = (quick ? QUICK_SECONDS : SECONDS)[scenario];
  const losses = values.losses ?? (quick ? '0,5' : '0,1,3,5,10');
  return {
    scenario,
    wires: values.wires.split(',').map(wireNamed),
    losses: losses.split(',').map((percent) => number('--losses', percent, 0, 0, 90) / 100),
    patterns: (values.gaps ?? (quick ? '20' : '20,50,200,50x4')).split(',').map(patternOf),
    messages: whole('--messages', values.messages, quick ? 100 : 5000, 1, 10_000_000),
    pairs: values.pairs === undefined ? undefined : whole('--pairs', values.pairs, 1, 1, 1000),
    delayMs: number('--delay', values.delay, 20, 0, 10_000),
    lossRun,
    rateKbit: number('--rate', values.rate, 256, 8, 1_000_000),
    seconds: number('--seconds', values.seconds, seconds, 0, 3600),
    everySeconds: number('--every', values.every, quick ? 2 : 5, 0.1, 3600),
    clients: whole('--clients', values.clients, quick ? 4 : 20, 2, 1000),
    seed: whole('--seed', values.seed, 1, 0, 2 ** 31),
    link: values.link,
    isQuick: quick,
    json: values.json,
  };
}

function patternOf(name: string): Pattern {
  const match = PATTERN.exec(name);
  if (match === null) throw new Error(`--gaps: "${name}" is neither ms, such as 50, nor ms and a burst, such as 50x4`);
  const burst = whole('--gaps', match[2], 1, 1, 1000);
  return { name, gapMs: number('--gaps', match[1], 50, 1, 60_000), burst };
}

function whole(flag: string, text: string | undefined, fallback: number, min: number, max: number): number {
  return Math.ceil(number(flag, text, fallback, min, max));
}

function number(flag: string, text: string | undefined, fallback: number, min: number, max: number): number {
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) throw new Error(`${flag}: "${text}" is not a number from ${min} to ${max}`);
  return value;
}
