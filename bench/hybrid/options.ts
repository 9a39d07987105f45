import { parseArgs } from 'node:util';
import { onlyOf, positive } from '../support/options.ts';

export const SCENARIOS = ['a', 'b', 'c'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface HybridOptions {
  readonly only: readonly Scenario[];
  /** Measured time of (a) and (b), and of each measurement of (c), s. */
  readonly seconds: number;
  readonly passSeconds: number;
  readonly steadyPasses: number;
  readonly passes: number;
  readonly isQuick: boolean;
  readonly json: string | undefined;
  /** Folder for CPU profiles of the servers. */
  readonly profile: string | undefined;
}

export const HELP = `Usage: npm run bench -- hybrid [options]

Measures a Confab server (TCRP + UCRP, string dialect, durable store) on 127.0.0.1; the load
generator (C, bench/fanout/native) is a process of its own, and each member a socket.

  a   500 rooms x 10 members x 2 messages/s each    all delivered, p99 < 50 ms
  b   one room of 1,000 members, 10 messages/s      all delivered, p99 < 50 ms
  c   100 members, 64-byte messages, as fast as nothing is lost (closed loop: a fixed
      number of messages on their way, the next one is sent when an earlier one has
      reached everybody), next to a bare node:dgram fan-out of the same datagrams;
      at least 80 % of it

Options
  --only a,b,c      some of them only
  --seconds N       measured time of a and b (30); of each measurement of c a tenth of it
  --steady-passes N passes of a and b; the median of their p99 is judged (3)
  --passes N        passes of c; medians of them are shown (7)
  --quick           everything small and short, to see that it works; judges deliveries, not times
  --json FILE       write the figures there, too
  --profile DIR     write CPU profiles of the servers there (figures are lower then)

Ends with 0 when all targets are met, 1 when one is not, 2 when it could not measure.`;

/** @throws {Error} an option that is not known or makes no sense */
export function parseHybridOptions(args: readonly string[]): HybridOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      seconds: { type: 'string' },
      'steady-passes': { type: 'string' },
      passes: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const seconds = positive('--seconds', values.seconds, values.quick ? 0.5 : 30);
  return {
    only: onlyOf(values.only, SCENARIOS),
    seconds,
    passSeconds: values.quick ? 0.3 : Math.max(0.3, seconds / 10),
    steadyPasses: Math.ceil(positive('--steady-passes', values['steady-passes'], values.quick ? 1 : 3)),
    passes: Math.ceil(positive('--passes', values.passes, values.quick ? 1 : 7)),
    isQuick: values.quick,
    json: values.json,
    profile: values.profile,
  };
}

/** For the servers. */
export function nodeArgsOf({ profile }: HybridOptions): string[] {
  return profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
}
