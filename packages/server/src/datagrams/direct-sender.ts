import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SenderOptions, SingleSender } from './sender.ts';
import type { DatagramTarget } from './source.ts';

/** Largest UDP payload over IPv4, bytes. */
export const UDP_PAYLOAD_BYTES_MAX = 65_507;
/** Bytes that wait for room in the socket's send buffer; beyond it datagrams are dropped, as a network would. */
export const WAITING_BYTES_MAX = 4_194_304;
/** How long what waits may hold up the closing, ms, and how often it is looked at. */
const CLOSE_WAIT_MS = 500;
const CLOSE_POLL_MS = 10;

export interface DirectSenderOptions extends SenderOptions {
  /** Whether to hear of every datagram that was not sent: a callback for each costs a tenth of sending it. Asked each time. */
  readonly isThorough: () => boolean;
}

/** Sends one by one, by `node:dgram`: everywhere, and in place of a batch where that does not get on. */
export class DirectSender implements SingleSender {
  readonly #socket: Socket;
  readonly #onUnsent: DirectSenderOptions['onUnsent'];
  readonly #isThorough: DirectSenderOptions['isThorough'];
  readonly #onSent: (error: Error | null) => void;

  constructor(socket: Socket, { onUnsent, isThorough }: DirectSenderOptions) {
    this.#socket = socket;
    this.#onUnsent = onUnsent;
    this.#isThorough = isThorough;
    this.#onSent = (error) => void (error !== null && onUnsent(error));
  }

  get isWaiting(): boolean {
    return this.#socket.getSendQueueCount() > 0;
  }

  queue({ address, port }: DatagramTarget, bytes: Uint8Array, isBorrowed = false): void {
    // Nobody is at port 0, though a forged datagram may say it comes from there; `node:dgram` would throw.
    const isSendable = port > 0 && bytes.length <= UDP_PAYLOAD_BYTES_MAX;
    if (isSendable && this.#socket.getSendQueueSize() <= WAITING_BYTES_MAX) {
      this.#socket.send(
        isBorrowed ? bytes.slice() : bytes,
        port,
        address,
        this.#isThorough() ? this.#onSent : undefined,
      );
    } else {
      this.#onUnsent(undefined);
    }
  }

  flush(): void {}

  async close(): Promise<void> {
    for (let waitedMs = 0; this.isWaiting && waitedMs < CLOSE_WAIT_MS; waitedMs += CLOSE_POLL_MS)
      await sleep(CLOSE_POLL_MS);
  }
}
