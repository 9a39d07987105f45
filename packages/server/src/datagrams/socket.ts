import type { Socket } from 'node:dgram';
import { BatchSender } from './batch-sender.ts';
import type { Batching } from './calls.ts';
import { descriptorOf, forbidFragments } from './descriptor.ts';
import { DirectSender } from './direct-sender.ts';
import { closeDatagramSocket, type ListenOptions, openDatagramSocket } from './open.ts';
import { BatchReceiver } from './receiver.ts';
import type { DatagramSender } from './sender.ts';
import { type DatagramSource, type DatagramTarget, datagramSource } from './source.ts';

export interface DatagramSocketOptions extends ListenOptions {
  /** Undefined: datagrams are sent and read one by one. */
  readonly batching?: Batching | undefined;
  /** The bytes are good until it returns: copy what is to be kept. */
  readonly onDatagram: (bytes: Uint8Array, source: DatagramSource) => void;
  /** A datagram did not go out; why is told where it is known. */
  readonly onUnsent: (error: Error | undefined) => void;
  /** Datagrams are to go out whole or not at all; where that cannot be had, `isUnfragmented` says so. */
  readonly isUnfragmented?: boolean;
  /** Hear of each one that did not, at some cost, and not only of those that are dropped here. */
  readonly isThorough?: () => boolean;
  readonly onError: (error: Error) => void;
}

/** A UDP socket that listens, with room for bursts. */
export class DatagramSocket implements DatagramSender {
  readonly address: string;
  readonly port: number;
  /** Whether one system call moves many datagrams. */
  readonly isBatched: boolean;
  /** Whether the system lets no datagram out in fragments. */
  readonly isUnfragmented: boolean;
  readonly #socket: Socket;
  readonly #sender: DatagramSender;
  #closing: Promise<void> | undefined;

  /** @throws {ServerError} when it cannot listen */
  static async open(options: DatagramSocketOptions): Promise<DatagramSocket> {
    return new DatagramSocket(await openDatagramSocket(options), options);
  }

  private constructor(socket: Socket, options: DatagramSocketOptions) {
    const { batching, onDatagram, onUnsent, isThorough, onError } = options;
    this.#socket = socket;
    const { address, port, family } = socket.address();
    this.address = address;
    this.port = port;
    socket.on('error', onError);
    const calls = batching?.calls;
    const descriptor = calls === undefined ? undefined : descriptorOf(socket, calls);
    this.isBatched = descriptor !== undefined;
    const open = options.isUnfragmented === true ? descriptor?.() : undefined;
    this.isUnfragmented =
      calls !== undefined && open !== undefined && forbidFragments(open, family === 'IPv6' ? 6 : 4, calls);
    if (calls === undefined || descriptor === undefined) {
      socket.on('message', (datagram, from) => onDatagram(datagram, datagramSource(from.address, from.port)));
      this.#sender = new DirectSender(socket, { onUnsent, isThorough: isThorough ?? (() => false) });
      return;
    }
    const receiver = family === 'IPv4' ? new BatchReceiver({ calls, descriptor, onDatagram }) : undefined;
    socket.on('message', (datagram, from) => {
      if (receiver === undefined) onDatagram(datagram, datagramSource(from.address, from.port));
      else receiver.take(datagram, from.address, from.port);
    });
    // What the batch hands on is the exception, so it may cost a callback.
    const direct = new DirectSender(socket, { onUnsent, isThorough: () => true });
    const batchFamily = family === 'IPv6' ? 6 : 4;
    this.#sender = new BatchSender({ calls, family: batchFamily, descriptor, direct, onUnsent });
  }

  queue(target: DatagramTarget, bytes: Uint8Array, isBorrowed = false): void {
    if (this.#closing === undefined) this.#sender.queue(target, bytes, isBorrowed);
  }

  flush(): void {
    this.#sender.flush();
  }

  /** Fulfils when what was queued was handed to the system, and the socket is closed. Nothing is taken after the call. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#sender.close();
    await closeDatagramSocket(this.#socket);
  }
}
