import { addressText, parseAddressText } from '@confab/link';
import { DatagramSocket, type DatagramSocketOptions } from '../../datagrams/socket.ts';
import { DatagramTarget } from '../../datagrams/source.ts';

export interface LinkDatagramsOptions extends Omit<DatagramSocketOptions, 'onDatagram'> {
  /** The bytes are good until it returns. @param from as `send` takes it */
  readonly onDatagram: (bytes: Uint8Array, from: string) => void;
}

/** Addresses that are remembered in the form that is sent to; beyond it they are made anew. */
const TARGETS_MAX = 16_384;

/** The UDP socket that all sessions share. */
export class LinkDatagrams {
  readonly #socket: DatagramSocket;
  readonly #targets = new Map<string, DatagramTarget>();

  /** @throws {ServerError} when it cannot listen */
  static async open({ onDatagram, ...options }: LinkDatagramsOptions): Promise<LinkDatagrams> {
    const socket = await DatagramSocket.open({
      ...options,
      onDatagram: (bytes, { target }) => onDatagram(bytes, addressText(target.address, target.port)),
    });
    return new LinkDatagrams(socket);
  }

  private constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  get port(): number {
    return this.#socket.port;
  }

  send(bytes: Uint8Array, to: string): void {
    this.#socket.queue(this.#targets.get(to) ?? this.#remember(to), bytes);
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
