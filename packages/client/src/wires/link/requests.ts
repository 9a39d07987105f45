import { type ControlMessage, encodeControl } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import { withSignal } from '../../with-signal.ts';
import { LinkRefusal } from './refusals.ts';

/** Requests that wait for an answer; with more, further ones are refused here. */
const REQUESTS_MAX = 64;

export interface AskOptions {
  /** What failed if it fails, such as `Cannot list rooms`. */
  readonly action: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called in the turn in which the answer comes, before whatever comes after it. */
  readonly onAnswer?: (answer: ControlMessage) => void;
}

interface Pending extends AskOptions {
  readonly resolve: (answer: ControlMessage) => void;
  readonly reject: (error: Error) => void;
}

/** Requests on the control channel, and their answers. */
export class LinkRequests {
  readonly #send: (record: Uint8Array) => void;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(send: (record: Uint8Array) => void) {
    this.#send = send;
  }

  /**
   * @throws {ClientError} what the server refuses with; SERVER_ERROR: no answer in time; CONNECT_FAILED: the session ended
   * @throws the signal's reason
   */
  async ask(messageOf: (request: number) => ControlMessage, options: AskOptions): Promise<ControlMessage> {
    const { action, timeoutMs, signal } = options;
    signal?.throwIfAborted();
    if (this.#pending.size >= REQUESTS_MAX) {
      throw new ClientError('SERVER_ERROR', `${action}: ${REQUESTS_MAX} requests wait for answers already`);
    }
    this.#last += 1;
    const request = this.#last;
    const record = encodeControl(messageOf(request));
    const { promise, resolve, reject } = Promise.withResolvers<ControlMessage>();
    this.#pending.set(request, { ...options, resolve, reject });
    const timer = setTimeout(() => {
      reject(new ClientError('CONNECT_TIMEOUT', `${action}: no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      this.#send(record);
      return await withSignal(promise, signal);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(request);
    }
  }

  answer(request: number, message: ControlMessage): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    if (message.type === 'failed') {
      pending.reject(new LinkRefusal(message.code, pending.action, message.text));
      return;
    }
    pending.onAnswer?.(message);
    pending.resolve(message);
  }

  failAll(reason: string): void {
    for (const { action, reject } of this.#pending.values()) {
      reject(new ClientError('CONNECT_FAILED', `${action}: ${reason}`));
    }
    this.#pending.clear();
  }
}
