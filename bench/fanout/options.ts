import { parseArgs } from 'node:util';
import { onlyOf, positive } from '../support/options.ts';
import { loads } from './loads.ts';

export interface FanoutOptions {
  /** Names of the loads. */
  readonly only: readonly string[];
  /** Servers whose names hold one of these; none: all. */
  readonly targets: readonly string[];
  readonly hasPeers: boolean;
  /** Of each measurement, s. */
  readonly seconds: number;
  readonly passes: number;
  readonly isQuick: boolean;
  readonly json: string | undefined;
  /** File to write the tables to, as Markdown. */
  readonly markdown: string | undefined;
  /** Folder for CPU profiles of the Confab servers. */
  readonly profile: string | undefined;
}

const list = loads.map(({ name, summary }) => `  ${name.padEnd(4)}${summary}`).join('\n');

export const HELP = `Usage: npm run bench -- fanout [options]

Measures how fast a server tells a room what one of its members says: 64-byte messages on
127.0.0.1, the server (all its threads) on one core, the load generator (C, bench/fanout/native)
on another. All servers of a load are measured in turn, pass by pass; medians are shown. What a
server has put off until nobody speaks it does before the next one is measured ("and after": its
CPU time, in parts of the pass).

${list}

Options
  --only a1,b,…     some of the loads only
  --targets x,y     only servers whose names hold one of these words
  --peers           also nats-server, Mosquitto, InspIRCd, ngircd (those that are installed),
                    a plain ws broadcast, bare node:net, and the floors in C; with ratios
  --seconds N       measured time of each pass (1; of b and d four times as much)
  --passes N        passes (5)
  --quick           everything small and short, to see that it works
  --json FILE       write the figures there, too
  --markdown FILE   write the tables there, too
  --profile DIR     write CPU profiles of the Confab servers there (figures are lower then)

Ends with 0 when nothing was lost over TCP or on link, 1 when something was, 2 when it could not measure.
Where other programs use the machine, compare the deliveries for each second of server CPU.`;

/** @throws {Error} an option that is not known or makes no sense */
export function parseFanoutOptions(args: readonly string[]): FanoutOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      targets: { type: 'string' },
      peers: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      passes: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const names = loads.map(({ name }) => name);
  return {
    only: onlyOf(values.only, names),
    targets: values.targets?.split(',') ?? [],
    hasPeers: values.peers,
    seconds: positive('--seconds', values.seconds, values.quick ? 0.2 : 1),
    passes: Math.ceil(positive('--passes', values.passes, values.quick ? 1 : 5)),
    isQuick: values.quick,
    json: values.json,
    markdown: values.markdown,
    profile: values.profile,
  };
}
