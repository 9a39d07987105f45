import type { Config } from '@confab/config';
import { CoreError, Hub, type Store } from '@confab/core';
import type { Logger } from 'pino';
import { systemClock } from './adapters/clock.ts';
import { createSchedule } from './adapters/schedule.ts';
import { systemSecrets } from './adapters/secrets.ts';
import { hostPort, isLoopback, resolveHost } from './address.ts';
import { type Batching, loadBatching } from './datagrams/calls.ts';
import type { Endpoint, Gateway } from './gateways/gateway.ts';
import { gateways } from './gateways/registry.ts';
import { toLimits } from './limits.ts';
import { createLogger } from './log/logger.ts';
import { overwriteConfig, type Reloaded } from './reload.ts';
import { type ShortTurns, takeShortTurns } from './scheduling/short-turns.ts';
import { openSearch } from './search/open.ts';
import { Stats } from './stats.ts';
import { MemoryStore } from './store/memory.ts';
import { openSqliteStore } from './store/sqlite/store.ts';
import { type DirectWriting, loadDirectWriting } from './streams/calls.ts';
import { DirectWriter } from './streams/direct-writer.ts';
import { plainWriter } from './streams/writer.ts';
import { Tap } from './tap.ts';
import { Watching } from './watching.ts';

/** How often silent members are looked for, ms. */
const SWEEP_INTERVAL_MS = 5000;

export interface RunningServer {
  readonly hub: Hub;
  readonly endpoints: readonly Endpoint[];
  readonly log: Logger;
  /** What each wire did since the start. */
  readonly stats: Stats;
  /** Port where `confab trace` connects, while tracing is on. */
  readonly tracePort: number | undefined;
  /**
   * Take over what can change without a restart, and say what cannot. Calls follow each other.
   * @throws {ServerError} when the new conversation log or trace cannot be opened; then nothing has changed
   */
  reload(config: Config): Promise<Reloaded>;
  /** Fulfils when the server cannot go on: another process writes to its database. It had better be stopped. */
  readonly failed: Promise<CoreError>;
  /** Take no more input, answer and deliver what was taken, tell members, close the store. Repeated calls wait for the first. */
  stop(): Promise<void>;
}

/**
 * Open the store, go on where it stopped, and listen on every wire that is enabled.
 * @throws {ServerError} when it cannot listen; {CoreError} STORE_FAILED when the data folder cannot be used. Nothing stays
 *   open then.
 */
export async function startServer(initial: Config, log: Logger = createLogger(initial.log)): Promise<RunningServer> {
  // Our own copy, which a reload writes to.
  const config = structuredClone(initial);
  const address = await resolveHost(config.host);
  const store = await openStore(config);
  const search = openSearch(config, store, log);
  const direct = loadDirectWriting(config.net.directWrites);
  const writer = direct.calls === undefined ? plainWriter : new DirectWriter(direct.calls);
  let hub: Hub;
  try {
    hub = await Hub.open({
      store,
      clock: systemClock,
      secrets: systemSecrets,
      schedule: createSchedule(),
      limits: toLimits(config.limits),
      searchIndex: search.index,
      publishing: (task) => writer.gathering(task),
    });
  } catch (error) {
    await search.close();
    await store.close();
    throw error;
  }
  search.follow(hub);
  const failed = Promise.withResolvers<CoreError>();
  hub.observe({
    fenced: (error) => failed.resolve(error),
    fault: (error) => {
      const isStore = error instanceof CoreError;
      // Of a fence `failed` tells.
      if (isStore && error.code === 'STORE_FENCED') return;
      const what = isStore
        ? 'the store failed; requests are refused while it does'
        : 'a fault of the server was contained';
      log.error({ err: error }, what);
    },
    memberRemoved: (member, reason) => log.debug({ member: member.id, room: member.room.id, reason }, 'member removed'),
  });

  const batching = loadBatching(config.net.batchDatagrams);
  tellCalls(batching, 'datagrams are sent and read in batches', 'datagrams are sent and read one by one', log);
  const isTogether = direct.calls?.ring !== undefined;
  const used = `streams are written to directly, ${isTogether ? 'many at a time' : 'one by one'}`;
  tellCalls(direct, used, 'streams are written to by node:net', log);
  const stats = new Stats();
  stats.batching = batching;
  stats.directWriting = direct;
  stats.search = search.status;
  const tap = new Tap();
  const watching = new Watching({ hub, tap, log });
  const opened: Gateway[] = [];
  const endpoints: Endpoint[] = [];
  const sweep = setInterval(() => hub.sweep(), SWEEP_INTERVAL_MS);
  let reloading: Promise<unknown> = Promise.resolve();
  const stop = async (): Promise<void> => {
    await reloading;
    clearInterval(sweep);
    await Promise.all(opened.map((gateway) => gateway.drain()));
    await hub.idle();
    await Promise.all(opened.map((gateway) => gateway.close()));
    // Before the log: nobody reads it when it is closed, so that it is left in one file.
    await search.close();
    await hub.close();
    await watching.close();
  };
  try {
    await watching.configure(config);
    for (const entry of gateways) {
      if (!entry.isEnabled(config)) continue;
      const gateway = entry.create({ hub, config, address, log, stats, tap, batching, writer });
      endpoints.push(...(await gateway.open()));
      opened.push(gateway);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  // When the threads of the store and of the search are there: they are to take turns of the usual length.
  const turns = takeShortTurns(config.net.shortTurns);
  tellCalls(turns, 'this thread takes short turns', 'this thread takes turns of the usual length', log);
  warnOfPlaintext(endpoints, log);
  let stopping: Promise<void> | undefined;
  const reload = async (next: Config): Promise<Reloaded> => {
    // A server that stops listens to nothing new.
    if (stopping !== undefined) return { applied: [], needsRestart: [] };
    const { log: logConfig, trace } = next;
    await watching.configure({ log: { ...config.log, conversation: logConfig.conversation }, trace });
    const reloaded = overwriteConfig(config, next);
    hub.changeLimits(toLimits(config.limits));
    log.level = config.log.level;
    return reloaded;
  };
  return {
    hub,
    endpoints,
    log,
    stats,
    get tracePort() {
      return watching.tracePort;
    },
    failed: failed.promise,
    reload: (next) => {
      const turn = reloading.then(() => reload(next));
      reloading = turn.catch(() => {});
      return turn;
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

async function openStore(config: Config): Promise<Store> {
  if (config.store.kind === 'memory') return new MemoryStore();
  const { synchronous, journal } = config.store;
  return openSqliteStore({ directory: config.data, synchronous, journal });
}

/** A line that nobody needs while all is as it should be. */
function tellCalls(
  { calls, reason, isUnusual }: Batching | DirectWriting | ShortTurns,
  used: string,
  unused: string,
  log: Logger,
): void {
  if (calls !== undefined) log.debug(used);
  else log[isUnusual ? 'info' : 'debug'](`${unused}: ${reason}`);
}

function warnOfPlaintext(endpoints: readonly Endpoint[], log: Logger): void {
  for (const { wire, protocol, address, port, isPlaintext } of endpoints) {
    if (!isPlaintext || isLoopback(address)) continue;
    log.warn(
      `${wire} on ${protocol} ${hostPort(address, port)} is open to the network and not encrypted: anybody on the path can read it`,
    );
  }
}
