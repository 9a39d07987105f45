import type { DatagramSource } from '../datagrams/source.ts';

/** The peers of a wire that knows them by address and port. Bounded in all and per IP address. */
export class DatagramPeers<Peer extends DatagramSource> {
  readonly #totalMax: number;
  readonly #perAddressMax: number;
  readonly #peers = new Map<string, Peer>();
  readonly #countByIp = new Map<string, number>();

  constructor(totalMax: number, perAddressMax: number) {
    this.#totalMax = totalMax;
    this.#perAddressMax = perAddressMax;
  }

  get size(): number {
    return this.#peers.size;
  }

  get(key: string): Peer | undefined {
    return this.#peers.get(key);
  }

  values(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  /** Whether one more peer of this IP address may come in. */
  hasRoomFor(ip: string): boolean {
    return this.#peers.size < this.#totalMax && (this.#countByIp.get(ip) ?? 0) < this.#perAddressMax;
  }

  add(peer: Peer): void {
    this.remove(this.#peers.get(peer.key));
    this.#peers.set(peer.key, peer);
    this.#countByIp.set(peer.ip, (this.#countByIp.get(peer.ip) ?? 0) + 1);
  }

  /** Harmless for one that is not in, or whose place another one has taken. */
  remove(peer: Peer | undefined): void {
    if (peer === undefined || this.#peers.get(peer.key) !== peer) return;
    this.#peers.delete(peer.key);
    const others = (this.#countByIp.get(peer.ip) ?? 1) - 1;
    if (others === 0) this.#countByIp.delete(peer.ip);
    else this.#countByIp.set(peer.ip, others);
  }
}
