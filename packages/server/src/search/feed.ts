import type { EventLoopUtilization } from 'node:perf_hooks';
import { EventKind, type Hub } from '@confab/core';

/** How often an index is told what is new, ms: a search brings its room up to date itself. */
const TELL_MS = 1_000;
/** Share of its time that the server's main thread may work before it counts as busy. */
const BUSY_SHARE = 0.5;

/** What must be told of what happens; see `SqliteIndex`. */
export interface FedIndex {
  grew(rooms: ReadonlyMap<number, number>, closed: ReadonlySet<number>): void;
  pace(isBusy: boolean): void;
}

export interface FeedOptions {
  readonly hub: Pick<Hub, 'observe'>;
  readonly index: FedIndex;
  /** Of the thread since its start, as `performance.eventLoopUtilization`. */
  readonly utilization?: () => EventLoopUtilization;
  readonly every?: (ms: number, task: () => void) => () => void;
}

/** Tells an index which rooms have new events, at most once a second, and whether the server has much to do. */
export class IndexFeed {
  readonly #options: FeedOptions;
  readonly #stops: readonly (() => void)[];
  #grown = new Map<number, number>();
  #closed = new Set<number>();
  #utilization: EventLoopUtilization;
  #isBusy = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#utilization = this.#measure();
    this.#stops = [
      options.hub.observe({
        published: (_room, events) => {
          const { roomId, seq, kind } = events[events.length - 1]!;
          this.#grown.set(roomId, seq);
          if (kind === EventKind.CLOSE) this.#closed.add(roomId);
        },
      }),
      (options.every ?? every)(TELL_MS, () => this.#tell()),
    ];
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #tell(): void {
    const { index } = this.#options;
    const utilization = this.#measure();
    const active = utilization.active - this.#utilization.active;
    const isBusy = active > BUSY_SHARE * (active + utilization.idle - this.#utilization.idle);
    this.#utilization = utilization;
    if (isBusy !== this.#isBusy) index.pace(isBusy);
    this.#isBusy = isBusy;
    if (this.#grown.size === 0) return;
    index.grew(this.#grown, this.#closed);
    this.#grown = new Map();
    this.#closed = new Set();
  }

  #measure(): EventLoopUtilization {
    return (this.#options.utilization ?? (() => performance.eventLoopUtilization()))();
  }
}

function every(ms: number, task: () => void): () => void {
  const timer = setInterval(task, ms);
  return () => clearInterval(timer);
}
