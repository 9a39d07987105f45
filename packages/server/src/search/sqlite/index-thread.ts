import type { SearchAsk, SearchPage } from '@confab/core';
import { reasonOf } from '../../store/failure.ts';
import { type LogReader, openLogReader } from '../../store/sqlite/log-reader.ts';
import { Finder } from './finder.ts';
import { type IndexDatabase, indexBytes, isDamage, openIndexDatabase, removeIndex } from './index-database.ts';
import { Indexer } from './indexer.ts';
import type { IndexMessage, IndexOptions, IndexRequest, IndexStatus } from './protocol.ts';

/** After a fault (a full disk, say), ms. */
const RETRY_MS = 5_000;
/** While the server has much to do, this many times as long as a batch took nothing is done after it. */
const BUSY_REST = 49;
/** How often is told how far the index is, ms. */
const STATUS_MS = 1_000;

export interface IndexThreadOptions extends IndexOptions {
  readonly say: (message: IndexMessage) => void;
  readonly nowMs: () => number;
  /** Run a task later. At most one waits at a time. Returns what takes it back. */
  readonly later: (delayMs: number, task: () => void) => () => void;
}

interface Opened {
  readonly index: IndexDatabase;
  readonly log: LogReader;
  readonly indexer: Indexer;
  readonly finder: Finder;
}

/** All that the index's thread does: searches when it is asked to, and indexes in between. */
export class IndexThread {
  readonly #options: IndexThreadOptions;
  #opened: Opened | undefined;
  #isBusy = false;
  /** Whether what waits does so because the server has much to do. */
  #isResting = false;
  #isClosed = false;
  #cancel: (() => void) | undefined;
  #statusMs = Number.NEGATIVE_INFINITY;
  #told: IndexStatus | undefined;

  constructor(options: IndexThreadOptions) {
    this.#options = options;
    this.#schedule(0);
  }

  receive(request: IndexRequest): void {
    switch (request.call) {
      case 'find':
        this.#find(request.id, request.ask);
        return;
      case 'grew':
        // One that is not open learns of them from the log.
        for (const [roomId, headSeq] of request.rooms) this.#opened?.indexer.grew(roomId, headSeq);
        for (const roomId of request.closed) this.#opened?.indexer.closed(roomId);
        this.#schedule(0);
        return;
      case 'pace':
        this.#isBusy = request.isBusy;
        if (!request.isBusy) this.#endRest();
        return;
      case 'close':
        this.#isClosed = true;
        this.#cancel?.();
        this.#close();
    }
  }

  #find(id: number, ask: SearchAsk): void {
    const { say } = this.#options;
    try {
      say({ type: 'found', id, page: this.#search(ask) });
      this.#schedule(0);
    } catch (error) {
      say({ type: 'failed', id, reason: reasonOf(error) });
      this.#failed(error);
    }
  }

  #search(ask: SearchAsk): SearchPage {
    const { indexer, finder } = this.#open();
    try {
      indexer.wanted(ask.roomId, ask.headSeq);
    } catch (error) {
      if (isDamage(error)) throw error;
      // What is indexed can be searched though nothing can be added (a full disk).
      this.#options.say({ type: 'fault', reason: reasonOf(error) });
    }
    return finder.find(ask, indexer.indexedPart(ask.roomId));
  }

  #work(): void {
    const { nowMs } = this.#options;
    const startMs = nowMs();
    this.#isResting = false;
    let isIdle: boolean;
    try {
      const { indexer } = this.#open();
      indexer.step();
      isIdle = indexer.isIdle;
      this.#tellStatus(indexer, isIdle);
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (isIdle) return;
    this.#isResting = this.#isBusy;
    this.#schedule(this.#isBusy ? (nowMs() - startMs) * BUSY_REST : 0);
  }

  /** Go on: on a core that others kept busy a batch took long, and the rest after it would take minutes. */
  #endRest(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    this.#cancel = this.#options.later(delayMs, () => {
      this.#cancel = undefined;
      this.#work();
    });
  }

  #failed(error: unknown): void {
    const { say, directory } = this.#options;
    const reason = reasonOf(error);
    this.#close();
    if (isDamage(error)) {
      removeIndex(directory);
      say({ type: 'rebuilding', reason });
    } else {
      say({ type: 'fault', reason });
    }
    this.#schedule(RETRY_MS);
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const { directory, pageMs, nowMs } = this.#options;
    const log = openLogReader(directory);
    try {
      const index = openIndexDatabase(directory);
      try {
        const indexer = new Indexer({ index, log, nowMs });
        this.#opened = { index, log, indexer, finder: new Finder({ index, log, pageMs, nowMs }) };
        return this.#opened;
      } catch (error) {
        index.database.close();
        throw error;
      }
    } catch (error) {
      log.close();
      throw error;
    }
  }

  #close(): void {
    this.#opened?.index.database.close();
    this.#opened?.log.close();
    this.#opened = undefined;
  }

  #tellStatus({ pending, indexed }: Indexer, isIdle: boolean): void {
    const nowMs = this.#options.nowMs();
    if (!isIdle && nowMs - this.#statusMs < STATUS_MS) return;
    this.#statusMs = nowMs;
    const status = { pending, indexed, bytes: indexBytes(this.#options.directory) };
    if (status.pending === this.#told?.pending && status.indexed === this.#told.indexed) return;
    this.#told = status;
    this.#options.say({ type: 'status', status });
  }
}
