import { plainAddress } from '../address.ts';
import { socketAddressOf } from './socket-address.ts';

/** Where datagrams go. Keeps its form for the kernel, so that this is made once however much is sent there. */
export class DatagramTarget {
  /** IP address, as the socket tells and takes it. */
  readonly address: string;
  readonly port: number;
  #words: readonly number[] | undefined;

  constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
  }

  /** See {@link socketAddressOf}. */
  get words(): readonly number[] {
    this.#words ??= socketAddressOf(this.address, this.port);
    return this.#words;
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
