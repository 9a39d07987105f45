import type { Hub } from '@confab/core';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { registerLinkMetrics } from './link-metrics.ts';
import { processMetricsText } from './process-metrics.ts';
import { registerSearchMetrics } from './search-metrics.ts';
import type { Stats, WireStats } from './stats.ts';

/** Upper ends of the latency histogram's buckets, seconds. */
const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** What the server tells Prometheus; read when it asks, so that counting costs nothing in between. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #stats: Stats;

  constructor(hub: Hub, stats: Stats) {
    this.#stats = stats;
    this.#gauge('confab_rooms', 'Rooms that are open', () => hub.roomCount);
    this.#gauge('confab_members', 'Members of all rooms', () => hub.memberCount);
    this.#gauge('confab_position', 'Position of the newest event of all rooms', () => hub.position);

    const registers = [this.#registry];
    const events = new Counter({ name: 'confab_events_total', help: 'Events written and published', registers });
    const commits = new Counter({
      name: 'confab_store_commits_total',
      help: 'Batches of events that the store has written',
      registers,
    });
    const faults = new Counter({
      name: 'confab_faults_total',
      help: 'Faults of the server itself that were contained; see its log',
      registers,
    });
    const latency = new Histogram({
      name: 'confab_publish_latency_seconds',
      help: 'From the posting of an event to its delivery to all readers; of the oldest event of each batch',
      buckets: LATENCY_BUCKETS_S,
      registers,
    });
    hub.observe({
      committed: (count, waitedMs) => {
        events.inc(count);
        commits.inc();
        latency.observe(waitedMs / 1000);
      },
      fault: () => faults.inc(),
    });

    this.#batching();
    this.#directWrites();
    this.#ringWrites();
    this.#wireCounter(
      'confab_received_total',
      'Datagrams, frames, lines or packets that came in',
      (wire) => wire.received,
    );
    this.#wireCounter('confab_deliveries_total', 'Events handed to members', (wire) => wire.deliveries);
    this.#wireCounter('confab_sent_total', 'Datagrams or writes that went out', (wire) => wire.sent);
    this.#wireCounter('confab_sent_bytes_total', 'Payload bytes that went out', (wire) => wire.sentBytes);
    this.#connections();
    this.#drops();
    registerLinkMetrics(this.#registry, stats);
    registerSearchMetrics(this.#registry, hub, stats);
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Prometheus text format, version 0.0.4. */
  async text(): Promise<string> {
    const [own, ofProcess] = await Promise.all([this.#registry.metrics(), processMetricsText()]);
    return `${own}\n${ofProcess}`;
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  #wireCounter(name: string, help: string, read: (wire: WireStats) => number): void {
    const stats = this.#stats;
    new Counter({
      name,
      help,
      labelNames: ['wire'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [wire, counts] of stats.wires()) this.inc({ wire }, read(counts));
      },
    });
  }

  #batching(): void {
    const stats = this.#stats;
    new Gauge({
      name: 'confab_datagram_batching',
      help: '1: datagrams are sent many at a time; 0: one by one, for the reason that is given',
      labelNames: ['reason'],
      registers: [this.#registry],
      collect() {
        const { calls, reason = '' } = stats.batching ?? {};
        this.set({ reason }, calls === undefined ? 0 : 1);
      },
    });
  }

  #directWrites(): void {
    const stats = this.#stats;
    new Gauge({
      name: 'confab_direct_writes',
      help: '1: streams are written to by system calls of our own; 0: by node:net alone, for the reason that is given',
      labelNames: ['reason'],
      registers: [this.#registry],
      collect() {
        const { calls, reason = '' } = stats.directWriting ?? {};
        this.set({ reason }, calls === undefined ? 0 : 1);
      },
    });
  }

  #ringWrites(): void {
    const stats = this.#stats;
    new Gauge({
      name: 'confab_ring_writes',
      help: '1: what goes to many streams goes out by one system call; 0: each by its own',
      registers: [this.#registry],
      collect() {
        this.set(stats.directWriting?.calls?.ring === undefined ? 0 : 1);
      },
    });
  }

  #connections(): void {
    const stats = this.#stats;
    new Gauge({
      name: 'confab_connections',
      help: 'Connections that are open',
      labelNames: ['wire'],
      registers: [this.#registry],
      collect() {
        for (const [wire, { connections }] of stats.wires()) this.set({ wire }, connections);
      },
    });
  }

  #drops(): void {
    const stats = this.#stats;
    new Counter({
      name: 'confab_drops_total',
      help: 'What came in, or should have gone out, and was dropped',
      labelNames: ['wire', 'reason'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [wire, { drops }] of stats.wires()) {
          for (const [reason, count] of Object.entries(drops)) this.inc({ wire, reason }, count);
        }
      },
    });
  }
}
