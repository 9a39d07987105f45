import { CoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Member } from '../member.ts';
import type { Clock } from '../ports.ts';
import { KeyedBuckets } from '../token-bucket.ts';
import type { SearchIndex, SearchPage } from './port.ts';
import { parseQuery } from './query.ts';

export interface SearchesOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  /** Undefined: this server searches nothing. */
  readonly index: SearchIndex | undefined;
  /** A search was answered, after so long. */
  readonly onSearched: (tookMs: number) => void;
}

/** What a member asks for. */
export interface SearchRequest {
  /** See `parseQuery`. */
  readonly query: string;
  /** Only messages with lower sequence numbers; default: all. */
  readonly beforeSeq?: number | undefined;
  /** Messages at most; default: `limits.searchPageMax`, which is also the most. */
  readonly limit?: number | undefined;
}

/** Who may search what, how often and how much at a time. */
export class Searches {
  readonly #options: SearchesOptions;
  readonly #rates: KeyedBuckets;
  #running = 0;

  constructor(options: SearchesOptions) {
    this.#options = options;
    this.#rates = new KeyedBuckets(options.limits.addressSearches, options.limits.addressesMax);
  }

  changeAddressesMax(addressesMax: number): void {
    this.#rates.changeKeysMax(addressesMax);
  }

  /** As `Hub.search`, of a server that is not closing. */
  async search(member: Member, request: SearchRequest): Promise<SearchPage> {
    const { limits, clock, index, onSearched } = this.#options;
    expectMember(member);
    if (index === undefined) throw new CoreError('SEARCH_UNAVAILABLE', 'Cannot search: this server keeps no index');
    // Before the query is read: bad ones cost as much as good ones.
    if (!this.#rates.take(member.address, clock.monotonicMs())) {
      throw new CoreError('RATE_LIMITED', 'Cannot search: too many searches; slow down');
    }
    const query = parseQuery(request.query);
    if (this.#running >= limits.searchesMax) {
      throw new CoreError('RATE_LIMITED', 'Cannot search: the server is busy; try again');
    }
    const { room } = member;
    const { headSeq } = room.log;
    const startMs = clock.monotonicMs();
    this.#running += 1;
    try {
      const page = await index.find({
        roomId: room.id,
        query,
        headSeq,
        beforeSeq: clamped(request.beforeSeq, headSeq + 1),
        limit: clamped(request.limit, limits.searchPageMax),
      });
      onSearched(clock.monotonicMs() - startMs);
      // What it has left meanwhile is no longer its business.
      expectMember(member);
      return page;
    } finally {
      this.#running -= 1;
    }
  }
}

function expectMember({ state }: Member): void {
  if (state !== 'joined') throw new CoreError('NOT_A_MEMBER', 'Cannot search: not a member of the room');
}

/** A whole number from 1 to `max`; `max` when nothing was asked for. */
function clamped(value: number | undefined, max: number): number {
  if (value === undefined || !(value <= max)) return max;
  return Math.max(1, Math.floor(value));
}
