/** A token bucket: `burst` at once, refilled at `perSecond`. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Every bound the core enforces. All are configurable; `defaultLimits` says what holds otherwise. */
export interface Limits {
  /** Open rooms on this server. */
  readonly roomsMax: number;
  /** Members of one room. */
  readonly roomMembersMax: number;
  /** Members of all rooms together. */
  readonly membersMax: number;
  /** Longest message body, bytes. */
  readonly messageBytesMax: number;
  /** Longest password, bytes of UTF-8. */
  readonly passwordBytesMax: number;
  /** Messages of one member. */
  readonly memberMessages: Rate;
  /** Requests to create or join a room from one IP address. */
  readonly addressRequests: Rate;
  /** Rooms made from one IP address. */
  readonly addressRooms: Rate;
  /** User names taken from one IP address. */
  readonly addressNames: Rate;
  /** User names that one device key may own. */
  readonly keyNamesMax: number;
  /** User names that belong to somebody. */
  readonly namesMax: number;
  /** … and those taken from one IP address that were not used again on a later day. */
  readonly addressNewNamesMax: number;
  /** Device keys of one user name. */
  readonly nameKeysMax: number;
  /** A name that was never used again after its first day is free after so long without use, ms. */
  readonly nameTrialMs: number;
  /** Any other name is free after so long without use, ms. */
  readonly nameIdleMs: number;
  /** Bad input (junk, forged tokens, wrong passwords) from one address before it is ignored for a while. */
  readonly addressFaults: Rate;
  /** Addresses whose rates are remembered; beyond it the oldest are forgotten. */
  readonly addressesMax: number;
  /** Password hashes computed at the same time; each takes about 19 MiB. */
  readonly passwordChecksMax: number;
  /** Password checks waiting for their turn … */
  readonly passwordWaitersMax: number;
  /** … and those of one IP address, whether waiting or under way. */
  readonly addressPasswordChecksMax: number;
  /** Searches from one IP address. */
  readonly addressSearches: Rate;
  /** Searches under way at the same time; beyond it new ones are refused. */
  readonly searchesMax: number;
  /** Messages of one page of what was found. */
  readonly searchPageMax: number;
  /** Newest events of a room kept in memory … */
  readonly tailEventsMax: number;
  /** … as long as their bodies stay within so many bytes. */
  readonly tailBytesMax: number;
  /** Operations waiting for the store, a run of messages counting as so many; beyond it new ones are refused. */
  readonly commitQueueMax: number;
  /** Changes in one transaction; one run of messages may be more. */
  readonly commitBatchMax: number;
  /** Events a reader may lag behind before it is told so and skips to the newest of them. */
  readonly readerLagMax: number;
}

/** A copy that {@link overwriteLimits} may write to. */
export function copyLimits(limits: Limits): Limits {
  return Object.fromEntries(
    Object.entries(limits).map(([key, value]) => [key, typeof value === 'object' ? { ...value } : value]),
  ) as unknown as Limits;
}

/**
 * Put other limits into a copy that is in use. All who hold it read a limit when they need it, and buckets hold the rate
 * itself, so the new ones count from the next request on.
 */
export function overwriteLimits(target: Limits, limits: Limits): void {
  const live = target as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(limits)) {
    if (typeof value === 'object') Object.assign(live[key] as object, value);
    else live[key] = value;
  }
}

export const defaultLimits: Limits = {
  roomsMax: 100_000,
  roomMembersMax: 10_000,
  membersMax: 200_000,
  messageBytesMax: 4096,
  passwordBytesMax: 1024,
  memberMessages: { perSecond: 100, burst: 1000 },
  addressRequests: { perSecond: 100, burst: 1000 },
  addressRooms: { perSecond: 1, burst: 1000 },
  addressNames: { perSecond: 0.1, burst: 200 },
  keyNamesMax: 16,
  namesMax: 100_000,
  addressNewNamesMax: 1000,
  nameKeysMax: 8,
  nameTrialMs: 30 * 86_400_000,
  nameIdleMs: 400 * 86_400_000,
  addressFaults: { perSecond: 10, burst: 200 },
  addressesMax: 65_536,
  passwordChecksMax: 2,
  passwordWaitersMax: 256,
  addressPasswordChecksMax: 32,
  addressSearches: { perSecond: 5, burst: 50 },
  searchesMax: 64,
  searchPageMax: 100,
  tailEventsMax: 256,
  tailBytesMax: 262_144,
  commitQueueMax: 65_536,
  commitBatchMax: 4096,
  readerLagMax: 10_000,
};
