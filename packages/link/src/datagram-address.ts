import { isIP } from 'node:net';

/** How many addresses are remembered taken apart. */
const KNOWN_MAX = 4096;

/** Where a datagram came from or goes to, as one text that is equal for equal addresses: `ip port`. */
export function addressText(address: string, port: number): string {
  return `${address} ${port}`;
}

export interface DatagramAddress {
  readonly address: string;
  readonly port: number;
}

/** @throws {RangeError} for a text that `addressText` did not make */
export function parseAddressText(text: string): DatagramAddress {
  const blank = text.indexOf(' ');
  const address = text.slice(0, Math.max(0, blank));
  const port = Number(text.slice(blank + 1));
  // An IPv6 address may carry a zone, which is no part of it for `isIP`.
  if (isIP(address.replace(/%.*$/, '')) === 0 || !(Number.isInteger(port) && port > 0 && port <= 0xffff)) {
    throw new RangeError(`Not an address and port: ${JSON.stringify(text)}`);
  }
  return { address, port };
}

/** Takes such texts apart, and remembers those it was asked for last, since most are asked for again. */
export class DatagramAddresses {
  readonly #known = new Map<string, DatagramAddress>();

  /** @throws {RangeError} for a text that `addressText` did not make */
  parse(text: string): DatagramAddress {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const parsed = parseAddressText(text);
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(text, parsed);
    return parsed;
  }
}
