import type { Hub } from '@confab/core';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { IndexStatus } from './search/sqlite/protocol.ts';
import type { Stats } from './stats.ts';

/** Upper ends of the histogram's buckets, seconds. */
const SEARCH_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

/** How searches go, and how far the index is. */
export function registerSearchMetrics(registry: Registry, hub: Hub, stats: Stats): void {
  const registers = [registry];
  const searches = new Histogram({
    name: 'confab_search_seconds',
    help: 'From the asking of an index to its answer, of searches that were answered',
    buckets: SEARCH_BUCKETS_S,
    registers,
  });
  hub.observe({ searched: (tookMs) => searches.observe(tookMs / 1000) });
  const gauge = (name: string, help: string, read: (status: IndexStatus) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        if (stats.search !== undefined) this.set(read(stats.search()));
      },
    });
  };
  gauge('confab_search_pending_events', 'Events that are not in the index yet', ({ pending }) => pending);
  gauge('confab_search_index_bytes', 'Size of the index', ({ bytes }) => bytes);
  new Counter({
    name: 'confab_search_indexed_events_total',
    help: 'Events that the index has come to since the start',
    registers,
    collect() {
      this.reset();
      if (stats.search !== undefined) this.inc(stats.search().indexed);
    },
  });
}
