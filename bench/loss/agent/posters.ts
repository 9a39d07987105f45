import { connect, type Session } from '@confab/client';
import { nowUs } from '../../support/clock.ts';
import type { PostCall, PosterView, Seat } from './protocol.ts';
import { strangers } from './strangers.ts';

const RETRY_MS = 50;
const CONNECT_TIMEOUT_MS = 2000;
const SEND_TIMEOUT_MS = 60_000;

/** Somebody who posts, and comes back whenever the session is over. */
class Poster {
  readonly arrivalsUs: number[] = [];
  readonly #seat: Seat;
  readonly #stopped = new AbortController();
  readonly #accepted: string[] = [];
  readonly #seen = new Map<number, string>();
  #uncertain = 0;
  #connects = 0;
  #contradictions = 0;
  #session: Session | undefined;
  #posts = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #life: Promise<void>;
  readonly #sending = new Set<Promise<void>>();
  readonly entered: Promise<void>;

  constructor(seat: Seat) {
    this.#seat = seat;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.entered = promise;
    this.#life = this.#live(resolve);
  }

  begin(gapMs: number): void {
    this.#timer = setInterval(() => this.#post(), gapMs);
  }

  /** Say no more; what was said is to settle, and the others' to come. */
  async quieten(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#sending);
  }

  async end(): Promise<PosterView> {
    this.#stopped.abort();
    await this.#session?.leave();
    await this.#life;
    return {
      user: this.#seat.user,
      accepted: this.#accepted,
      uncertain: this.#uncertain,
      connects: this.#connects,
      seen: [...this.#seen].toSorted(([left], [right]) => left - right),
      contradictions: this.#contradictions,
    };
  }

  #post(): void {
    const session = this.#session;
    if (session === undefined || session.status !== 'open') return;
    this.#posts += 1;
    const text = `${this.#seat.user}:${this.#posts}`;
    const sending = session.send(text).then(
      () => void this.#accepted.push(text),
      () => {
        this.#uncertain += 1;
      },
    );
    this.#sending.add(sending);
    void sending.then(() => this.#sending.delete(sending));
  }

  async #live(onEntered: () => void): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        const { url, user } = this.#seat;
        this.#session = await connect(url, {
          user,
          connectTimeoutMs: CONNECT_TIMEOUT_MS,
          sendTimeoutMs: SEND_TIMEOUT_MS,
          signal: this.#stopped.signal,
          link: strangers(),
        });
        this.#connects += 1;
        onEntered();
        await this.#hear(this.#session);
      } catch {
        // The server is being started again.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #hear(session: Session): Promise<void> {
    let highest = -1;
    for await (const event of session.events()) {
      if (event.type !== 'message' || event.seq === undefined) continue;
      this.arrivalsUs.push(nowUs());
      const { seq, text } = event;
      // Within one session numbers only rise; what an earlier one has seen may be told again as history.
      if (seq <= highest || (this.#seen.get(seq) ?? text) !== text) this.#contradictions += 1;
      highest = Math.max(highest, seq);
      this.#seen.set(seq, text);
    }
  }
}

/** All posters of one agent. */
export class Posters {
  #all: readonly Poster[] = [];

  /** Fulfils when all are in the room and have begun. */
  async begin({ seats, gapMs }: PostCall): Promise<void> {
    this.#all = seats.map((seat) => new Poster(seat));
    await Promise.all(this.#all.map(({ entered }) => entered));
    for (const poster of this.#all) poster.begin(gapMs);
  }

  async quieten(): Promise<void> {
    await Promise.all(this.#all.map((poster) => poster.quieten()));
  }

  end(): Promise<PosterView[]> {
    return Promise.all(this.#all.map((poster) => poster.end()));
  }

  /** For each poster and each time: how much later something came, µs; null when nothing did. */
  firstAfter(timesUs: readonly number[]): (number | null)[][] {
    return this.#all.map(({ arrivalsUs }) =>
      timesUs.map((timeUs) => {
        const arrival = arrivalsUs.find((candidate) => candidate >= timeUs);
        return arrival === undefined ? null : arrival - timeUs;
      }),
    );
  }
}
