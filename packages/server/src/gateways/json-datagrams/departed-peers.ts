import type { JsonId } from '@confab/wire/json';

/** How long a peer that has left is remembered, ms: longer than a network holds a datagram back. */
const REMEMBERED_MS = 2000;
const PEERS_MAX = 1024;

interface Departed {
  readonly id: JsonId;
  readonly join: string;
  readonly endMs: number;
}

/**
 * The joins of peers that have left just now, so that a copy of one that the network delivers late does not bring back
 * somebody who is not there. The oldest are forgotten first.
 */
export class DepartedPeers {
  readonly #peers = new Map<string, Departed>();

  get size(): number {
    return this.#peers.size;
  }

  /** The peer at `key`, whose newest granted join is this one, is gone. */
  note(key: string, { id, join }: Pick<Departed, 'id' | 'join'>, nowMs: number): void {
    this.#peers.delete(key);
    for (const [oldest, { endMs }] of this.#peers) {
      if (endMs > nowMs && this.#peers.size < PEERS_MAX) break;
      this.#peers.delete(oldest);
    }
    this.#peers.set(key, { id, join, endMs: nowMs + REMEMBERED_MS });
  }

  /** Whether a join is a copy of the one with which this peer came before it left. */
  isRepeat(key: string, id: JsonId, join: string, nowMs: number): boolean {
    const departed = this.#peers.get(key);
    if (departed === undefined) return false;
    if (departed.endMs > nowMs) return departed.id === id && departed.join === join;
    this.#peers.delete(key);
    return false;
  }
}
