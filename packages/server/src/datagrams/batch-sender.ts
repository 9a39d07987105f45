import type { DatagramCalls } from './calls.ts';
import { UDP_PAYLOAD_BYTES_MAX } from './direct-sender.ts';
import { SendBatch } from './send-batch.ts';
import type { DatagramSender, SenderOptions, SingleSender } from './sender.ts';
import type { DatagramTarget } from './source.ts';

/** Datagrams handed to the system at a time: by then the call itself is a hundredth of the cost. */
const MESSAGES_MAX = 128;
/** After several datagrams for one target were refused as one message, so many go out one by one. */
const SINGLES_AFTER_REFUSAL = 65_536;
/** Room for their bytes; more than one datagram of the largest size. */
const BYTES_MAX = 131_072;

export interface BatchSenderOptions extends SenderOptions {
  readonly calls: DatagramCalls;
  readonly family: 4 | 6;
  /** The socket's file descriptor; undefined when it has none, or is closed. Asked each time, lest it be another's by then. */
  readonly descriptor: () => number | undefined;
  /** Takes over what the batch cannot send. */
  readonly direct: SingleSender;
}

/**
 * Sends what a turn of the event loop brings in as few system calls as will do. Whatever the system refuses is handed to
 * `node:dgram`, one by one: it tells the error, or waits for room in the send buffer. As long as something waits there, all
 * that comes goes behind it.
 */
export class BatchSender implements DatagramSender {
  readonly #descriptor: BatchSenderOptions['descriptor'];
  readonly #direct: SingleSender;
  readonly #onUnsent: BatchSenderOptions['onUnsent'];
  readonly #batch: SendBatch;
  /** Where each message of the batch goes. */
  readonly #targets: DatagramTarget[] = [];
  readonly #flushScheduled = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
  #isScheduled = false;
  #singlesLeft = 0;

  constructor({ calls, family, descriptor, direct, onUnsent }: BatchSenderOptions) {
    this.#descriptor = descriptor;
    this.#direct = direct;
    this.#onUnsent = onUnsent;
    this.#batch = new SendBatch(calls, family, { messagesMax: MESSAGES_MAX, bytesMax: BYTES_MAX });
  }

  queue(target: DatagramTarget, bytes: Uint8Array, isBorrowed = false): void {
    if (target.port === 0 || bytes.length > UDP_PAYLOAD_BYTES_MAX) {
      this.#onUnsent(undefined);
      return;
    }
    if (!this.#batch.takes(target)) {
      // Of the other family, or with a scope: always sent this way, so what goes to it stays in order.
      this.#direct.queue(target, bytes, isBorrowed);
      return;
    }
    if (!this.#batch.add(target, bytes, isBorrowed)) {
      this.flush();
      this.#batch.add(target, bytes, isBorrowed);
    }
    this.#targets[this.#batch.count - 1] = target;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flushScheduled);
  }

  flush(): void {
    const batch = this.#batch;
    const { count } = batch;
    if (count === 0) return;
    let done = 0;
    while (done < count) {
      const descriptor = this.#direct.isWaiting ? undefined : this.#descriptor();
      const sent = descriptor === undefined ? 0 : batch.send(descriptor, done);
      if (sent > 0) {
        done += sent;
        continue;
      }
      const datagrams = batch.datagramsOf(done);
      for (const datagram of datagrams) this.#direct.queue(this.#targets[done]!, datagram);
      // It may be that the way there does not take several at once.
      if (datagrams.length > 1 && descriptor !== undefined) this.#singlesLeft = SINGLES_AFTER_REFUSAL;
      done += 1;
    }
    this.#singlesLeft = Math.max(0, this.#singlesLeft - count);
    batch.isSegmenting = this.#singlesLeft === 0;
    batch.clear();
    this.#targets.length = 0;
  }

  close(): Promise<void> {
    this.flush();
    return this.#direct.close();
  }
}
