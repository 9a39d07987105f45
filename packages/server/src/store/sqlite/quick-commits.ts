import type { LoadedState, RoomEvent, StoreChange } from '@confab/core';
import { storeFenced } from '../failure.ts';
import { LogHeads } from '../log-heads.ts';
import { encodeEvents } from './event-codec.ts';
import { concatenated } from './event-page.ts';
import { FENCED_TEXT } from './fence.ts';
import type { Journal } from './journal.ts';
import { KnownSeries } from './known-series.ts';
import type { JournalBounds } from './options.ts';

/** Nobody notices a write that takes less. */
const NORMAL_WRITE_MS = 1;
/** Series of client ids that are remembered: 100 to 400 bytes each, as long as the ids are (`CLIENT_ID_LENGTH_MAX`). */
const SERIES_MAX = 20_000;

export interface QuickCommitsOptions {
  readonly journal: Pick<Journal, 'append' | 'bytes' | 'close' | 'isOurs' | 'rewind'>;
  readonly bounds: JournalBounds;
  /** Gives events that the journal has to the database. Rejects when they could not be written; the database keeps them. */
  readonly take: (records: Uint8Array<ArrayBuffer>) => Promise<unknown>;
  /** The highest number of a series of client ids in a room that the database has (series.ts). */
  readonly highestOf: (roomId: number, series: string) => Promise<number>;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  /** Calls `task` once after `ms`. @returns what takes that back */
  readonly after: (ms: number, task: () => void) => () => void;
}

/**
 * Commits that are done when the journal has them: what people say, which is nearly all that is ever committed. The database
 * gets it a little later, many batches in one transaction, and before anything else that it is asked for.
 *
 * Not so commits of anything but events, of an event with a client's id that may not be new (the database knows the ids of all
 * time; those that count up, as an outbox does, are known to be new after the first one), and of an author who was never
 * seen: these wait for the database, as all do while the journal cannot be written, is held up by the disk, or is too far ahead.
 */
export class QuickCommits {
  readonly #options: QuickCommitsOptions;
  readonly #series: KnownSeries;
  #heads: LogHeads | undefined;
  /** What the journal has and the database was not given yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #takeBack: (() => void) | undefined;
  /** Given to the database, without an answer yet. */
  #underWay = 0;
  /** The database could not write what it was given. */
  #isHeldUp = false;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** For how long writes were held up, less what they may be in the time that has passed. */
  #stalledMs = 0;
  #lastWriteMs = 0;

  constructor(options: QuickCommitsOptions) {
    this.#options = options;
    this.#series = new KnownSeries({ seriesMax: SERIES_MAX, ask: options.highestOf });
  }

  /** What the database has; before that no commit is quick. */
  restore(state: LoadedState): void {
    const { lastPosition, lastRoomId, lastMemberId, rooms } = state;
    this.#heads = new LogHeads({ lastPosition, lastRoomId, lastMemberId }, () => false);
    for (const { id, name, lastSeq } of rooms) this.#heads.restore(id, name, lastSeq);
  }

  /**
   * @returns whether it is done; if not, nothing has happened
   * @throws {CoreError} STORE_FENCED when another process has taken the data folder
   */
  commit(changes: readonly StoreChange[]): boolean {
    const { journal, bounds, nowMs } = this.#options;
    const heads = this.#heads;
    if (heads === undefined || this.#isHeldUp) return false;
    const events = plainEvents(changes);
    if (events === undefined) return false;
    const risen = this.#series.rise(events);
    if (risen === undefined) return false;
    if (nowMs() < this.#pausedUntilMs) return false;
    heads.begin();
    if (!isNext(heads, events) || heads.hasNewIds) {
      heads.rollBack();
      return false;
    }
    const records = encodeEvents(events);
    if (journal.bytes + records.length > bounds.bytesMax) {
      heads.rollBack();
      return false;
    }
    const startMs = nowMs();
    let isOurs = false;
    try {
      isOurs = journal.isOurs;
      if (isOurs) journal.append(records);
    } catch {
      // A full disk, say. The database tells, or finds room where the journal did not.
      heads.rollBack();
      this.#pause(nowMs());
      return false;
    }
    if (!isOurs) {
      heads.rollBack();
      throw storeFenced(FENCED_TEXT);
    }
    heads.keep();
    this.#series.keep(risen);
    this.#timed(startMs, nowMs());
    this.#wait(records);
    return true;
  }

  /** The database has committed these. */
  committed(changes: readonly StoreChange[]): void {
    // It wrote all that it was given before: nothing of that is left.
    this.#isHeldUp = false;
    this.#rewind();
    const heads = this.#heads;
    if (heads === undefined) return;
    heads.begin();
    try {
      for (const change of changes) follow(heads, change);
      heads.keep();
      for (const change of changes)
        if (change.type === 'event' && change.event.clientId !== undefined)
          this.#series.committed(change.event.roomId, change.event.clientId);
    } catch {
      // The database took what breaks a rule: it alone decides from now on.
      this.#heads = undefined;
    }
  }

  /** Give the database all that it lacks: it is about to be asked for something. */
  handOver(): void {
    this.#takeBack?.();
    this.#takeBack = undefined;
    if (this.#waiting.length === 0) return;
    const records = concatenated(this.#waiting, this.#waitingBytes);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#underWay += 1;
    this.#options.take(records).then(
      () => this.#taken(),
      () => {
        this.#underWay -= 1;
        this.#isHeldUp = true;
      },
    );
  }

  /** @param isDone whether the database has all that it was given */
  close(isDone: boolean): void {
    this.#takeBack?.();
    this.#options.journal.close(isDone);
  }

  #taken(): void {
    this.#underWay -= 1;
    this.#rewind();
  }

  #rewind(): void {
    if (this.#underWay > 0 || this.#waiting.length > 0 || this.#isHeldUp) return;
    try {
      this.#options.journal.rewind();
    } catch {
      // It goes on where it was, until it is full; what the database has already is known by its positions.
    }
  }

  #timed(startMs: number, endMs: number): void {
    const { bounds } = this.#options;
    const allowedMs = (startMs - this.#lastWriteMs) * bounds.stallShare;
    this.#stalledMs = Math.max(0, this.#stalledMs - allowedMs) + Math.max(0, endMs - startMs - NORMAL_WRITE_MS);
    this.#lastWriteMs = endMs;
    if (this.#stalledMs > bounds.stallMs) this.#pause(endMs);
  }

  #pause(nowMs: number): void {
    this.#pausedUntilMs = nowMs + this.#options.bounds.pauseMs;
    this.#stalledMs = 0;
  }

  #wait(records: Uint8Array): void {
    const { bounds, after } = this.#options;
    this.#waiting.push(records);
    this.#waitingBytes += records.length;
    if (this.#waitingBytes >= bounds.handOverBytes) this.handOver();
    else this.#takeBack ??= after(bounds.handOverMs, () => this.handOver());
  }
}

/** The events of a batch that is nothing but events, at least one. */
function plainEvents(changes: readonly StoreChange[]): RoomEvent[] | undefined {
  if (changes.length === 0) return undefined;
  const events: RoomEvent[] = [];
  for (const change of changes) {
    if (change.type !== 'event') return undefined;
    events.push(change.event);
  }
  return events;
}

function follow(heads: LogHeads, change: StoreChange): void {
  if (change.type === 'event') heads.append(change.event);
  else if (change.type === 'room-put') heads.putRoom(change.room);
  else if (change.type === 'room-close') heads.closeRoom(change.roomId);
  else if (change.type === 'member-put') heads.putMember(change.member);
}

/** Whether each event is the next one of its log. If not, the database says what is wrong. */
function isNext(heads: LogHeads, events: readonly RoomEvent[]): boolean {
  try {
    for (const event of events) heads.append(event);
    return true;
  } catch {
    return false;
  }
}
