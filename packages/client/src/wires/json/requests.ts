import { CodecError } from '@confab/wire';
import { encodeJsonRequest, type JsonEvent, type JsonRequest } from '@confab/wire/json';
import { ClientError } from '../../errors.ts';
import { withSignal } from '../../with-signal.ts';
import { refusalOf } from './refusals.ts';

/** What a session asks of a server. */
export type AskedRequest = Extract<JsonRequest, { type: 'message' | 'join' | 'rooms' | 'who' | 'search' }>;

/** What answers a question. */
export type JsonAnswer = Extract<JsonEvent, { type: 'rooms' | 'users' | 'found' }>;

export interface AskOptions {
  /** What is tried, for errors, such as `Cannot send`. */
  readonly action: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when the request has its place among the others, before it is sent. */
  readonly onPlaced?: () => void;
}

/** A request that the server has been sent and has not answered. */
export interface PendingRequest {
  readonly request: AskedRequest;
  /** Nobody waits for the answer any more. */
  isAbandoned: boolean;
  /** @param event the answer to a question; a message or a join has none besides its echo */
  readonly answer: (event?: JsonAnswer) => void;
  /** @param text the error line's text */
  readonly refuse: (text: string) => void;
  readonly fail: (error: ClientError) => void;
}

/**
 * Requests in the order they were sent, which is the order of their answers: an error line names no request, so it belongs
 * to the oldest one. Who stops waiting leaves its request in its place.
 */
export class Requests {
  readonly #send: (line: string) => void;
  #pending: PendingRequest[] = [];

  constructor(send: (line: string) => void) {
    this.#send = send;
  }

  get oldest(): PendingRequest | undefined {
    return this.#pending[0];
  }

  /** The oldest request is answered. */
  shift(): PendingRequest | undefined {
    return this.#pending.shift();
  }

  /**
   * Send a request and wait for its answer, which a question has.
   * @throws {ClientError} what the server refused with; SEND_UNCERTAIN (a message) or CONNECT_TIMEOUT (anything else) when
   *   no answer came in time; the signal's reason
   */
  async ask(
    request: AskedRequest,
    { action, timeoutMs, signal, onPlaced }: AskOptions,
  ): Promise<JsonAnswer | undefined> {
    const line = encode(request, action);
    const { promise, resolve, reject } = Promise.withResolvers<JsonAnswer | undefined>();
    const timer = setTimeout(() => {
      reject(
        request.type === 'message'
          ? new ClientError('SEND_UNCERTAIN', `Not confirmed within ${timeoutMs} ms; it may be lost`)
          : new ClientError('CONNECT_TIMEOUT', `${action}: no answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
    const pending: PendingRequest = {
      request,
      isAbandoned: false,
      answer: resolve,
      refuse: (text) => reject(refusalOf(text, action)),
      fail: reject,
    };
    this.#pending.push(pending);
    onPlaced?.();
    this.#send(line);
    try {
      return await withSignal(promise, signal);
    } finally {
      clearTimeout(timer);
      pending.isAbandoned = true;
      // It may fail later, when nobody waits for it any more.
      promise.catch(() => {});
    }
  }

  /** The session is over: nothing is answered any more. */
  failAll(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { request, fail } of pending) {
      fail(
        request.type === 'message'
          ? new ClientError('SEND_UNCERTAIN', 'Not confirmed before the session was over; it may be lost')
          : new ClientError('SESSION_CLOSED', 'The session is over'),
      );
    }
  }
}

function encode(request: AskedRequest, action: string): string {
  try {
    return encodeJsonRequest(request);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new ClientError('REFUSED', `${action}: ${cause.message}`, { cause });
  }
}
