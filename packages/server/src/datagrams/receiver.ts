import type { DatagramCalls } from './calls.ts';
import { ReceiveBatch } from './receive-batch.ts';
import { type DatagramSource, datagramSource } from './source.ts';
import { SourceCache } from './source-cache.ts';

/** Datagrams read by one call. */
const MESSAGES_MAX = 64;
/** Datagrams read in batches in one turn of the event loop; the other sockets, and what goes out, have their turn then. */
const TURN_MAX = 256;

export interface ReceiverOptions {
  readonly calls: DatagramCalls;
  /** The socket's file descriptor, see `descriptorOf`. */
  readonly descriptor: () => number | undefined;
  /** The bytes are good until it returns. */
  readonly onDatagram: (bytes: Uint8Array, source: DatagramSource) => void;
}

/**
 * Reads an IPv4 socket's datagrams, many at a time while there are many. `node:dgram` says that one has come, and brings it;
 * what stands behind it is read here. Where they come one by one, that would be a system call in vain for each.
 */
export class BatchReceiver {
  readonly #options: ReceiverOptions;
  readonly #batch: ReceiveBatch;
  readonly #sources = new SourceCache();
  readonly #endTurn = (): void => {
    this.#wasBusy = this.#heard > 1;
    this.#heard = 0;
    this.#read = 0;
  };
  /** Datagrams of this turn that `node:dgram` brought, and those that were read here. */
  #heard = 0;
  #read = 0;
  /** Whether there were several in the last turn. */
  #wasBusy = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#batch = new ReceiveBatch(options.calls, MESSAGES_MAX);
  }

  /** `node:dgram` has brought a datagram. */
  take(bytes: Uint8Array, address: string, port: number): void {
    const { onDatagram } = this.#options;
    if (this.#heard === 0) setImmediate(this.#endTurn);
    this.#heard += 1;
    onDatagram(bytes, datagramSource(address, port));
    if ((this.#wasBusy || this.#heard > 1) && this.#read < TURN_MAX) this.#readMore();
  }

  #readMore(): void {
    const { descriptor, onDatagram } = this.#options;
    const open = descriptor();
    if (open === undefined) return;
    const count = this.#batch.receive(open);
    this.#heard += count;
    this.#read += count;
    for (let index = 0; index < count; index += 1) {
      const { bytes, portWord, addressWord } = this.#batch.at(index);
      onDatagram(bytes, this.#sources.get(portWord, addressWord));
    }
  }
}
