import type { Batching } from './datagrams/calls.ts';
import type { LinkSummary } from './link-summary.ts';
import type { IndexStatus } from './search/sqlite/protocol.ts';
import type { DirectWriting } from './streams/calls.ts';

/** Why something that came in, or should have gone out, was dropped. */
export type DropReason =
  /** Not what the wire says. */
  | 'unreadable'
  /** A token, a name or an address that belongs to no member. */
  | 'unknown'
  /** The address has sent too much bad input, or is banned. */
  | 'ignored'
  /** Above a rate or a limit. */
  | 'limited'
  /** Refused by the rules of the room. */
  | 'refused'
  /** The system did not take it (buffers full, unreachable). */
  | 'unsent';

/** What one wire did since the start. Plain numbers, so that counting costs nothing on the hot path; `/metrics` reads them. */
export class WireStats {
  /** Datagrams, frames, lines or packets that came in. */
  received = 0;
  /** Events handed to members: one for each event and member. */
  deliveries = 0;
  /** Datagrams or writes that went out. */
  sent = 0;
  /** Payload bytes that went out. */
  sentBytes = 0;
  /** Connections that are open now; 0 for datagrams. */
  connections = 0;
  readonly drops: Record<DropReason, number> = {
    unreadable: 0,
    unknown: 0,
    ignored: 0,
    limited: 0,
    refused: 0,
    unsent: 0,
  };

  drop(reason: DropReason): void {
    this.drops[reason] += 1;
  }
}

/** The statistics of all wires, by the wire's name. */
export class Stats {
  /** How datagrams are sent. */
  batching: Batching | undefined;
  /** How streams are written to. */
  directWriting: DirectWriting | undefined;
  /** What link's sessions do; undefined when link is not served. */
  link: (() => LinkSummary) | undefined;
  /** How far the full-text index is; undefined when there is none. */
  search: (() => IndexStatus) | undefined;
  readonly #wires = new Map<string, WireStats>();

  wire(name: string): WireStats {
    let stats = this.#wires.get(name);
    if (stats === undefined) {
      stats = new WireStats();
      this.#wires.set(name, stats);
    }
    return stats;
  }

  wires(): IterableIterator<[string, WireStats]> {
    return this.#wires.entries();
  }
}
