import { setTimeout as sleep } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';

/** How often it is looked how late the event loop is, ms: the least that its lag is told as. */
const LOOP_LOOK_MS = 10;

let watched: Promise<Registry> | undefined;

/**
 * CPU, memory, event loop and garbage collection, in Prometheus text format: of the process, so once for all servers in it.
 * They are watched from the first time that somebody asks. It takes a timer that fires a hundred times a second, a hundredth
 * of a core, which a server that nobody scrapes had better not pay for.
 */
export async function processMetricsText(): Promise<string> {
  watched ??= watch();
  return (await watched).metrics();
}

async function watch(): Promise<Registry> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS });
  // Without any look the shortest lag would be told as three hundred years.
  await sleep(3 * LOOP_LOOK_MS);
  return registry;
}
