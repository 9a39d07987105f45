import type { FoundMessage, SearchAsk, SearchIndex, SearchPage, Store } from '@confab/core';
import { BackwardScan } from './backward-scan.ts';

/** Events that are looked at in one turn of the event loop. */
const SLICE_EVENTS = 256;

/** Between two slices: lets whatever else waits go first. */
export type Pause = () => Promise<void>;

const pauseForOthers: Pause = () => new Promise((resolve) => setImmediate(resolve));

/**
 * Searches by reading: for the memory store, whose logs are short, and as the measure of what an index must find. Nothing
 * to keep up to date, and nothing to wait for.
 */
export class ScanIndex implements SearchIndex {
  readonly #store: Pick<Store, 'read'>;
  readonly #pause: Pause;

  constructor(store: Pick<Store, 'read'>, pause: Pause = pauseForOthers) {
    this.#store = store;
    this.#pause = pause;
  }

  async find(ask: SearchAsk): Promise<SearchPage> {
    const scan = new BackwardScan(ask);
    const messages: FoundMessage[] = [];
    for (let endSeq = ask.headSeq; endSeq >= 1; endSeq -= SLICE_EVENTS) {
      const fromSeq = Math.max(1, endSeq - SLICE_EVENTS + 1);
      const events = await this.#store.read(ask.roomId, fromSeq, endSeq - fromSeq + 1);
      for (const event of events.toReversed()) {
        // A log that has lost its oldest part answers with what comes after it, which was looked at before.
        const found = event.seq <= endSeq ? scan.look(event) : undefined;
        if (found === undefined) continue;
        if (messages.length === ask.limit) {
          return { messages, nextBeforeSeq: messages[ask.limit - 1]!.event.seq, unsearched: 0 };
        }
        messages.push(found);
      }
      if (events[0]?.seq !== fromSeq) break;
      await this.#pause();
    }
    return { messages, nextBeforeSeq: undefined, unsearched: 0 };
  }
}
