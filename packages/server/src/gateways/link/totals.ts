import type { LinkReadout } from '@confab/wire/link';
import type { LinkSummary } from '../../link-summary.ts';

const counted = ['copies', 'retransmissions', 'packetsSent', 'packetsReceived', 'bytesSent', 'bytesReceived'] as const;
type Counted = (typeof counted)[number];

/** What the links of all sessions did, those that are over included; for `/metrics`. */
export class LinkTotals {
  readonly #ended: Record<Counted, number> = {
    copies: 0,
    retransmissions: 0,
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
  readonly #endedDrops = new Map<string, number>();
  readonly #pathChanges = new Map<string, { readonly path: string; readonly reason: string; count: number }>();
  /** Datagrams with the id of no session. */
  unknownIds = 0;

  pathChanged(path: string, reason: string): void {
    const key = `${path} ${reason}`;
    const known = this.#pathChanges.get(key);
    if (known === undefined) this.#pathChanges.set(key, { path, reason, count: 1 });
    else known.count += 1;
  }

  /** A session is over. */
  ended(readout: LinkReadout): void {
    for (const name of counted) this.#ended[name] += readout[name];
    addAll(this.#endedDrops, readout.dropped);
  }

  /**
   * @param nowMs on the clock of the sessions
   * @param readouts of all sessions that are on, with whether each can be reached
   */
  summary(
    nowMs: number,
    readouts: Iterable<{ readonly readout: LinkReadout; readonly isConnected: boolean }>,
  ): LinkSummary {
    const sessions = { tcp: 0, udp: 0, none: 0 };
    const totals = { ...this.#ended };
    const drops = new Map(this.#endedDrops);
    drops.set('unknown-id', this.unknownIds);
    const samples: Record<keyof LinkSummary['samples'], number[]> = {
      rttMs: [],
      jitterMs: [],
      lossOut: [],
      lossIn: [],
      confirmedAgoMs: [],
    };
    for (const { readout, isConnected } of readouts) {
      sessions[isConnected ? readout.path : 'none'] += 1;
      for (const name of counted) totals[name] += readout[name];
      addAll(drops, readout.dropped);
      for (const name of ['rttMs', 'jitterMs', 'lossOut', 'lossIn'] as const) {
        const value = readout[name];
        if (value !== undefined) samples[name].push(value);
      }
      if (readout.confirmedMs !== undefined) samples.confirmedAgoMs.push(Math.max(0, nowMs - readout.confirmedMs));
    }
    for (const values of Object.values(samples)) values.sort((left, right) => left - right);
    return { sessions, totals, drops, pathChanges: [...this.#pathChanges.values()], samples };
  }
}

function addAll(sums: Map<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sums.set(name, (sums.get(name) ?? 0) + count);
}
