import type { Socket } from 'node:dgram';
import { addressText, DatagramAddresses } from '@confab/link';
import { closeDatagramSocket, type DatagramSocketOptions, openDatagramSocket } from '../datagram-socket.ts';

export interface LinkDatagramsOptions extends DatagramSocketOptions {
  /** @param from as `send` takes it */
  readonly onDatagram: (bytes: Uint8Array, from: string) => void;
  readonly onUnsent: () => void;
  readonly onError: (error: Error) => void;
}

/** The UDP socket that all sessions share. */
export class LinkDatagrams {
  readonly port: number;
  readonly #socket: Socket;
  readonly #addresses = new DatagramAddresses();
  readonly #onSent: (error: Error | null) => void;
  #isClosed = false;

  /** @throws {ServerError} when it cannot listen */
  static async open(options: LinkDatagramsOptions): Promise<LinkDatagrams> {
    return new LinkDatagrams(await openDatagramSocket(options), options);
  }

  private constructor(socket: Socket, { onDatagram, onUnsent, onError }: LinkDatagramsOptions) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.#onSent = (error) => {
      if (error !== null) onUnsent();
    };
    socket.on('error', onError);
    socket.on('message', (bytes, { address, port }) => onDatagram(bytes, addressText(address, port)));
  }

  send(bytes: Uint8Array, to: string): void {
    if (this.#isClosed) return;
    const { address, port } = this.#addresses.parse(to);
    this.#socket.send(bytes, port, address, this.#onSent);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await closeDatagramSocket(this.#socket);
  }
}
