/**
 * Keeps unfinished connections within bounds, in all and per IP address. A connection that comes to a full table is let
 * in and the oldest one of those it competes with is closed: whoever finishes its request in milliseconds is not hurt by
 * those who hold a slot and say nothing.
 */
export class ConnectionSlots<Connection> {
  readonly #totalMax: number;
  readonly #perAddressMax: number;
  readonly #evict: (connection: Connection) => void;
  /** Unfinished connections, oldest first, with their addresses. */
  readonly #all = new Map<Connection, string>();
  readonly #byAddress = new Map<string, Set<Connection>>();

  constructor(totalMax: number, perAddressMax: number, evict: (connection: Connection) => void) {
    this.#totalMax = totalMax;
    this.#perAddressMax = perAddressMax;
    this.#evict = evict;
  }

  get size(): number {
    return this.#all.size;
  }

  take(connection: Connection, address: string): void {
    const neighbours = this.#byAddress.get(address);
    if (neighbours !== undefined && neighbours.size >= this.#perAddressMax) this.#evictOldest(neighbours);
    else if (this.#all.size >= this.#totalMax) this.#evictOldest(this.#all.keys());
    this.#all.set(connection, address);
    const set = this.#byAddress.get(address);
    if (set === undefined) this.#byAddress.set(address, new Set([connection]));
    else set.add(connection);
  }

  release(connection: Connection): void {
    const address = this.#all.get(connection);
    if (address === undefined) return;
    this.#all.delete(connection);
    const set = this.#byAddress.get(address)!;
    set.delete(connection);
    if (set.size === 0) this.#byAddress.delete(address);
  }

  connections(): Connection[] {
    return [...this.#all.keys()];
  }

  #evictOldest(candidates: Iterable<Connection>): void {
    for (const oldest of candidates) {
      this.release(oldest);
      this.#evict(oldest);
      return;
    }
  }
}
