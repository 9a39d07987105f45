/** Packets are dropped by whoever gets them, as a network would: a drop on the way out would be told to the sender. */
export interface Arrivals {
  /** Share of packets to drop. 0–1 */
  readonly loss: number;
  /** Protocol that does not get through at all. */
  readonly blocked: 'tcp' | 'udp' | undefined;
}

const TABLE = 'inet confab_bench';
/** Shares are dropped to one part in a million. */
const PARTS = 1_000_000;

/** Rules for `nft -f -` that replace those before, all at once; counters begin at zero. */
export function arrivalRules({ loss, blocked }: Arrivals): string {
  const parts = Math.round(loss * PARTS);
  return [
    `table ${TABLE} {}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    '  counter seen {}',
    '  counter lost {}',
    '  chain arrivals {',
    '    type filter hook prerouting priority raw; policy accept;',
    '    iifname "lo" accept',
    ...(blocked === undefined ? [] : [`    meta l4proto ${blocked} drop`]),
    '    counter name seen',
    ...(parts === 0 ? [] : [`    numgen random mod ${PARTS} < ${parts} counter name lost drop`]),
    '  }',
    '}',
    '',
  ].join('\n');
}

export const listCounters = ['-j', 'list', 'counters', 'table', ...TABLE.split(' ')] as const;

/** From the answer to `nft -j list counters table …`. */
export function parseCounters(json: string): { readonly packets: number; readonly lost: number } {
  const { nftables } = JSON.parse(json) as {
    nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[];
  };
  const packetsOf = (name: string): number =>
    nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? 0;
  return { packets: packetsOf('seen'), lost: packetsOf('lost') };
}
