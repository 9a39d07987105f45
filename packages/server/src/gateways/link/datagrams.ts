import { addressText, parseAddressText } from '@confab/link';
import { DatagramSocket, type DatagramSocketOptions } from '../../datagrams/socket.ts';
import { DatagramTarget } from '../../datagrams/source.ts';

export interface LinkDatagramsOptions extends Omit<DatagramSocketOptions, 'onDatagram'> {
  /** The bytes are good until it returns. @param from as `send` takes it */
  readonly onDatagram: (bytes: Uint8Array, from: string) => void;
}

/** What an Ethernet frame carries over IPv4: 1500 − 20 − 8. */
const WHOLE_BYTES_MAX = 1472;
/** Addresses that are remembered in the form that is sent to; beyond it they are made anew. */
const TARGETS_MAX = 16_384;

/** The UDP socket that all sessions share. */
export class LinkDatagrams {
  readonly #socket: DatagramSocket;
  readonly #targets = new Map<string, DatagramTarget>();

  /** @throws {ServerError} when it cannot listen */
  static async open({ onDatagram, ...options }: LinkDatagramsOptions): Promise<LinkDatagrams> {
    // Sources that come again are mostly the same object.
    const texts = new WeakMap<DatagramTarget, string>();
    const textOf = (target: DatagramTarget): string => {
      const known = texts.get(target);
      if (known !== undefined) return known;
      const text = addressText(target.address, target.port);
      texts.set(target, text);
      return text;
    };
    const socket = await DatagramSocket.open({
      ...options,
      isUnfragmented: true,
      onDatagram: (bytes, { target }) => onDatagram(bytes, textOf(target)),
    });
    return new LinkDatagrams(socket);
  }

  private constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  /**
   * The largest datagram that may be tried, bytes: where the system would cut it and not say so, none that Ethernet does not
   * carry whole.
   */
  bytesMax(wanted: number): number {
    return this.#socket.isUnfragmented ? wanted : Math.min(wanted, WHOLE_BYTES_MAX);
  }

  get port(): number {
    return this.#socket.port;
  }

  /** @param bytes good until this returns */
  send(bytes: Uint8Array, to: string): void {
    this.#socket.queue(this.#targets.get(to) ?? this.#remember(to), bytes, true);
  }

  /** Hand what was queued to the system now. */
  flush(): void {
    this.#socket.flush();
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  #remember(to: string): DatagramTarget {
    const { address, port } = parseAddressText(to);
    if (this.#targets.size >= TARGETS_MAX) this.#targets.clear();
    const target = new DatagramTarget(address, port);
    this.#targets.set(to, target);
    return target;
  }
}
