import type { Transferable, Worker } from 'node:worker_threads';
import { CoreError } from '@confab/core';
import { reasonOf, storeFailed } from '../failure.ts';
import type { WorkerAnswer, WorkerCall, WorkerCalls } from './protocol.ts';

interface Pending {
  resolve(answer: unknown): void;
  reject(error: CoreError): void;
}

/** Requests to the store's thread and their answers. Every request settles, also when the thread dies. */
export class WorkerConnection {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #death: CoreError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: WorkerAnswer) => this.#settle(message));
    worker.on('error', (error) => this.#die(`The store's thread failed: ${reasonOf(error)}`, error));
    worker.on('messageerror', (error) => this.#die(`An answer of the store was lost: ${reasonOf(error)}`, error));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#die(`The store's thread ended, with exit code ${code}`);
        resolve();
      });
    });
  }

  /** @throws {CoreError} what the thread answered, or STORE_FAILED when it is dead or dies before it answers */
  request<Call extends WorkerCall>(
    call: Call,
    ask: WorkerCalls[Call]['ask'],
    transfer: readonly Transferable[] = [],
  ): Promise<WorkerCalls[Call]['answer']> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      // Sent first: what cannot be sent throws, and then there is nothing to wait for.
      this.#worker.postMessage({ id, call, ask }, transfer);
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
    });
  }

  /** Fulfils when the thread is gone; see to it that it is going. */
  exited(): Promise<void> {
    return this.#exited;
  }

  /** End the thread at once, whatever it is doing. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(message: WorkerAnswer): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    if ('error' in message) pending.reject(new CoreError(message.error.code, message.error.message));
    else pending.resolve(message.answer);
  }

  #die(message: string, cause?: unknown): void {
    this.#death ??= storeFailed(message, cause);
    for (const { reject } of this.#pending.values()) reject(this.#death);
    this.#pending.clear();
  }
}
