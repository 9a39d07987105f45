import { type JsonEvent, jsonTexts } from '@confab/wire/json';

/** What a room is told: the events that have a number. */
export type Broadcast = Extract<JsonEvent, { type: 'message' | 'system' }>;

/** `isHistory` is undefined as long as one's own joining, which divides past from present, has not been heard. */
type Show = (event: Broadcast, isHistory: boolean | undefined) => void;

/** Numbers that are remembered against repetition: far more than a server sends again. */
const SEEN_MAX = 8192;
/** After entering: how long to wait for the next line before those that came are shown in order, ms … */
const QUIET_MS = 100;
/** … and for how long at most, ms. */
const PATIENCE_MS = 500;

/**
 * Puts what arrives into order as far as possible, and shows nothing twice. The numbers are those of the whole server, so a
 * gap says nothing; but on entering a room, history and the newest lines come at once and in any order: these are held for
 * a moment and sorted. Time is an argument; early calls are harmless.
 */
export class Arrivals {
  readonly #ownJoin: string;
  readonly #show: Show;
  /** What each number said, in short: the same number with other words is from another count. */
  readonly #seen = new Map<number, number>();
  #held: Broadcast[] | undefined;
  #quietMs = Number.POSITIVE_INFINITY;
  #patienceMs = Number.POSITIVE_INFINITY;
  /** The number of one's own joining; undefined: not heard yet. */
  #joinSeq: number | undefined;

  constructor(user: string, show: Show) {
    this.#ownJoin = jsonTexts.joined(user);
    this.#show = show;
  }

  /** A room is being entered. */
  enter(): void {
    this.#flush();
    this.#held = [];
    this.#joinSeq = undefined;
    this.#quietMs = Number.POSITIVE_INFINITY;
    this.#patienceMs = Number.POSITIVE_INFINITY;
  }

  /** One is in: what there is to hear comes now. */
  entered(nowMs: number): void {
    if (this.#held !== undefined) this.#patienceMs = nowMs + PATIENCE_MS;
  }

  /** It is another room than before: its history is shown also if it was before. */
  forget(): void {
    this.#seen.clear();
  }

  receive(nowMs: number, event: Broadcast): void {
    const { seq } = event;
    const print = fingerprint(event);
    const known = this.#seen.get(seq);
    if (known === print) return;
    // The server counts from the beginning again: its store is a new one.
    if (known !== undefined) this.#restart();
    this.#remember(seq, print);
    const isOwnJoin = event.type === 'system' && event.text === this.#ownJoin;
    if (this.#held !== undefined) {
      this.#held.push(event);
      if (isOwnJoin || this.#quietMs !== Number.POSITIVE_INFINITY) this.#quietMs = nowMs + QUIET_MS;
      return;
    }
    if (isOwnJoin) this.#joinSeq = Math.max(seq, this.#joinSeq ?? 0);
    this.#show(event, this.#isHistory(seq));
  }

  nextTimeoutMs(): number {
    return this.#patienceMs === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : Math.min(this.#quietMs, this.#patienceMs);
  }

  onTimeout(nowMs: number): void {
    if (nowMs >= this.nextTimeoutMs()) this.#flush();
  }

  /** Show what is held, whatever may still come. */
  end(): void {
    this.#flush();
  }

  #flush(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#quietMs = Number.POSITIVE_INFINITY;
    this.#patienceMs = Number.POSITIVE_INFINITY;
    held.sort((left, right) => left.seq - right.seq);
    // History may hold earlier visits under the same name: the last one is this one.
    this.#joinSeq = held.findLast(({ type, text }) => type === 'system' && text === this.#ownJoin)?.seq;
    for (const event of held) this.#show(event, this.#isHistory(event.seq));
  }

  #isHistory(seq: number): boolean | undefined {
    return this.#joinSeq === undefined ? undefined : seq < this.#joinSeq;
  }

  #restart(): void {
    this.#seen.clear();
    this.#joinSeq = undefined;
  }

  #remember(seq: number, print: number): void {
    if (this.#seen.size >= SEEN_MAX) {
      for (const oldest of this.#seen.keys()) {
        this.#seen.delete(oldest);
        break;
      }
    }
    this.#seen.set(seq, print);
  }
}

/** 32 bits of what an event says (FNV-1a), by code units. */
function fingerprint(event: Broadcast): number {
  const text = `${event.type}\0${event.room}\0${event.type === 'message' ? event.user : ''}\0${event.text}`;
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}
