import { Counter, Gauge, type Registry } from 'prom-client';
import type { LinkSummary } from './link-summary.ts';
import type { Stats } from './stats.ts';

const QUANTILES = [0.5, 0.9, 0.99, 1];

/** What `/metrics` tells of link's sessions; read when it is asked for. */
export function registerLinkMetrics(registry: Registry, stats: Stats): void {
  const registers = [registry];
  /** A metric whose values come from the summary of that moment; none without link. */
  const gauge = (name: string, help: string, labelName: string, read: (summary: LinkSummary) => Values): void => {
    new Gauge({
      name,
      help,
      labelNames: [labelName],
      registers,
      collect() {
        this.reset();
        const summary = stats.link?.();
        if (summary === undefined) return;
        for (const [label, value] of read(summary)) this.set({ [labelName]: label }, value);
      },
    });
  };
  const counter = (name: string, help: string, read: (summary: LinkSummary) => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(stats.link === undefined ? 0 : read(stats.link()));
      },
    });
  };

  gauge('confab_link_sessions', 'Sessions of link by the path in use; none: their client is away', 'path', (summary) =>
    Object.entries(summary.sessions),
  );
  gauge('confab_link_rtt_seconds', 'Smoothed round-trip times of the sessions that are on', 'quantile', ({ samples }) =>
    quantiles(samples.rttMs.map((ms) => ms / 1000)),
  );
  gauge('confab_link_jitter_seconds', 'Mean deviation of the round-trip times', 'quantile', ({ samples }) =>
    quantiles(samples.jitterMs.map((ms) => ms / 1000)),
  );
  gauge('confab_link_confirmed_age_seconds', 'Time since a client last acknowledged anything', 'quantile', (summary) =>
    quantiles(summary.samples.confirmedAgoMs.map((ms) => ms / 1000)),
  );
  gauge('confab_link_loss_out_ratio', 'Packets to clients that were lost, by session', 'quantile', ({ samples }) =>
    quantiles(samples.lossOut),
  );
  gauge('confab_link_loss_in_ratio', 'Packets of clients that were lost, by session', 'quantile', ({ samples }) =>
    quantiles(samples.lossIn),
  );
  counter(
    'confab_link_copies_total',
    'Records sent once more before any loss was known',
    ({ totals }) => totals.copies,
  );
  counter(
    'confab_link_retransmissions_total',
    'Records sent again because they were lost',
    ({ totals }) => totals.retransmissions,
  );
  counter('confab_link_packets_sent_total', 'Sealed packets sent', ({ totals }) => totals.packetsSent);
  counter('confab_link_packets_received_total', 'Packets that were authentic', ({ totals }) => totals.packetsReceived);
  counter('confab_link_packet_bytes_sent_total', 'UDP payload sent', ({ totals }) => totals.bytesSent);
  counter('confab_link_packet_bytes_received_total', 'UDP payload of packets that were authentic', ({ totals }) => {
    return totals.bytesReceived;
  });
  new Counter({
    name: 'confab_link_packets_dropped_total',
    help: 'Packets dropped',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of stats.link?.().drops ?? []) this.inc({ reason }, count);
    },
  });
  new Counter({
    name: 'confab_link_path_changes_total',
    help: 'Times that a session moved to another path',
    labelNames: ['path', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { path, reason, count } of stats.link?.().pathChanges ?? []) this.inc({ path, reason }, count);
    },
  });
}

type Values = Iterable<readonly [string, number]>;

/** @param values ascending */
function quantiles(values: readonly number[]): [string, number][] {
  if (values.length === 0) return [];
  return QUANTILES.map((share) => [String(share), values[Math.ceil(share * values.length) - 1]!]);
}
