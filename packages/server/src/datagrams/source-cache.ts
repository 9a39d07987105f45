import { type DatagramSource, datagramSource } from './source.ts';

/** Sources that are remembered; beyond it those that came first are forgotten, and made anew when they are heard again. */
const SOURCES_MAX = 16_384;
const PORTS = 65_536;

/** Who sends to an IPv4 socket sends again, mostly: its address is put into words once. */
export class SourceCache {
  readonly #sources = new Map<number, DatagramSource>();
  readonly #sourcesMax: number;

  constructor(sourcesMax: number = SOURCES_MAX) {
    this.#sourcesMax = sourcesMax;
  }

  get size(): number {
    return this.#sources.size;
  }

  /** The source of these two words of a socket address (see {@link socketAddressOf}). */
  get(portWord: number, addressWord: number): DatagramSource {
    const port = ((portWord >>> 8) & 0xff00) | (portWord >>> 24);
    const key = (addressWord >>> 0) * PORTS + port;
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = datagramSource(ipv4Text(addressWord), port);
      if (this.#sources.size >= this.#sourcesMax) this.#forgetOldest();
      this.#sources.set(key, source);
    }
    return source;
  }

  #forgetOldest(): void {
    for (const oldest of this.#sources.keys()) {
      this.#sources.delete(oldest);
      return;
    }
  }
}

function ipv4Text(word: number): string {
  return `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
}
