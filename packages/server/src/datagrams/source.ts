import { plainAddress } from '../address.ts';
import { IPV4_WORDS, IPV6_WORDS, socketAddressOf } from './socket-address.ts';

/**
 * Where datagrams go. Keeps its form for the kernel, so that this is made once however much is sent there; that of IPv4 as
 * two numbers of its own, since thousands of targets do not stay in the processor's nearest caches: each object that is
 * touched has to be fetched.
 */
export class DatagramTarget {
  /** IP address, as the socket tells and takes it. */
  readonly address: string;
  readonly port: number;
  #family: 4 | 6 | 0 | undefined;
  #portWord = 0;
  #addressWord = 0;
  #words: readonly number[] | undefined;

  constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
  }

  /** Of its form for the kernel; 0: it has none (see {@link socketAddressOf}). */
  get family(): 4 | 6 | 0 {
    return this.#family ?? this.#form();
  }

  /** Put it where the kernel reads it, from this word on. Nothing is done when it has no form for it. */
  put(into: Int32Array, at: number): void {
    if (this.family === 4) {
      into[at] = this.#portWord;
      into[at + 1] = this.#addressWord;
      return;
    }
    const words = this.#words ?? [];
    for (let index = 0; index < words.length; index += 1) into[at + index] = words[index]!;
  }

  #form(): 4 | 6 | 0 {
    const words = socketAddressOf(this.address, this.port);
    if (words.length === IPV4_WORDS) {
      this.#portWord = words[0]!;
      this.#addressWord = words[1]!;
      this.#family = 4;
    } else {
      this.#words = words;
      this.#family = words.length === IPV6_WORDS ? 6 : 0;
    }
    return this.#family;
  }
}

/** Where a datagram came from, and where answers go. */
export interface DatagramSource {
  readonly target: DatagramTarget;
  /** The IP address in the form that is compared and counted. */
  readonly ip: string;
  readonly port: number;
  /** `ip|port`: who it is, as far as a wire without connections can tell. */
  readonly key: string;
}

export function datagramSource(address: string, port: number): DatagramSource {
  const ip = plainAddress(address);
  return { target: new DatagramTarget(address, port), ip, port, key: `${ip}|${port}` };
}
