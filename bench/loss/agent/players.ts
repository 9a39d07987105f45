import { connect, type Session } from '@confab/client';
import { nowUs } from '../../support/clock.ts';
import { pathNoteOf } from './link-view.ts';
import { parseMessage } from './message.ts';
import type { CollectCall, Collected, LinkNote, Seat } from './protocol.ts';
import { strangers } from './strangers.ts';
import { Tally } from './tally.ts';

/** A lost SYN is repeated after 1, 3, 7, 15 s. */
const CONNECT_TIMEOUT_MS = 60_000;
/** `send` is to wait as long as the wire tries. */
const SEND_TIMEOUT_MS = 300_000;
/** Sessions that are opened at the same time. */
const OPENING_MAX = 8;
const POLL_MS = 20;

export interface Player {
  readonly user: string;
  readonly session: Session;
  readonly tally: Tally;
}

/** The sessions of one agent, and what they hear. */
export class Players {
  readonly all: Player[] = [];
  readonly #notes: LinkNote[] = [];
  #heardUs = nowUs();
  #broken = 0;
  #firstBreak: string | undefined;

  async open(seats: readonly Seat[]): Promise<void> {
    const waiting = [...seats];
    const openSome = async (): Promise<void> => {
      for (let seat = waiting.shift(); seat !== undefined; seat = waiting.shift()) await this.#open(seat);
    };
    await Promise.all(Array.from({ length: OPENING_MAX }, openSome));
  }

  /** Changes of path so far, and forget them. */
  takeNotes(): LinkNote[] {
    return this.#notes.splice(0);
  }

  async collect({ messages, measureFrom, patienceMs }: CollectCall): Promise<Omit<Collected, 'lagUs'>> {
    this.#heardUs = nowUs();
    const expected = messages * this.all.length;
    const count = (pick: (tally: Tally) => number): number =>
      this.all.reduce((total, { tally }) => total + pick(tally), 0);
    while (count((tally) => tally.delivered) < expected && nowUs() - this.#heardUs < 1000 * patienceMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const measured = this.all.map(({ tally }) => tally.measured(measureFrom));
    const delivered = count((tally) => tally.delivered);
    return {
      delivered,
      lost: expected - delivered,
      doubled: count((tally) => tally.doubled),
      outOfOrder: count((tally) => tally.outOfOrder),
      broken: this.#broken,
      firstBreak: this.#firstBreak,
      latenciesUs: measured.flatMap(({ latenciesUs }) => latenciesUs),
      sentUs: measured.flatMap(({ sentUs }) => sentUs),
    };
  }

  async #open({ url, user }: Seat): Promise<void> {
    const session = await connect(url, {
      user,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      sendTimeoutMs: SEND_TIMEOUT_MS,
      eventsMax: 100_000,
      link: strangers(),
    });
    const player = { user, session, tally: new Tally() };
    this.all.push(player);
    this.#hear(player).catch((error: unknown) => this.#noteBreak(String(error)));
  }

  async #hear({ user, session, tally }: Player): Promise<void> {
    for await (const event of session.events()) {
      if (event.type === 'message') {
        const said = event.isOwn ? undefined : parseMessage(event.text);
        if (said === undefined) continue;
        this.#heardUs = nowUs();
        tally.note(said.index, said.timeUs, this.#heardUs);
      } else if (event.type === 'closed') {
        if (event.reason !== 'left') this.#noteBreak(event.text);
      } else {
        const note = pathNoteOf(event);
        if (note !== undefined) this.#notes.push({ user, timeUs: nowUs(), ...note });
      }
    }
  }

  #noteBreak(text: string): void {
    this.#broken += 1;
    this.#firstBreak ??= text;
  }
}
