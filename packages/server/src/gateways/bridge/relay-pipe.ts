import type { Socket } from 'node:net';
import type { TokenBucket } from '@confab/core';

export interface RelayPipeOptions {
  readonly ends: readonly [Socket, Socket];
  /** Of both ways together, bytes. */
  readonly bucket: TokenBucket;
  readonly bytesPerSecond: number;
  /** Silence after which it is closed, ms. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  /** Bytes have passed. */
  readonly onPassed: (bytes: number) => void;
  /** Called once. */
  readonly onClosed: () => void;
}

/** Two connections that lead into each other, at a bounded rate. What is above it waits with its sender. */
export class RelayPipe {
  readonly #options: RelayPipeOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(options: RelayPipeOptions) {
    this.#options = options;
    const [left, right] = options.ends;
    this.#lead(left, right);
    this.#lead(right, left);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const end of this.#options.ends) end.destroy();
    this.#options.onClosed();
  }

  #lead(from: Socket, to: Socket): void {
    from.setTimeout(this.#options.timeoutMs, () => this.close());
    from.on('data', (chunk: Uint8Array) => {
      from.pause();
      this.#pass(chunk, from, to);
    });
    // What was said before the end is still delivered.
    from.on('end', () => to.end());
    from.on('close', () => this.close());
    from.resume();
  }

  #pass(chunk: Uint8Array, from: Socket, to: Socket): void {
    if (this.#isClosed) return;
    const { bucket, bytesPerSecond, nowMs, onPassed } = this.#options;
    if (!bucket.take(nowMs(), chunk.length)) {
      const waitMs = Math.max(10, Math.min(1000, (chunk.length / bytesPerSecond) * 1000));
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#pass(chunk, from, to);
      }, waitMs);
      this.#timers.add(timer);
      return;
    }
    onPassed(chunk.length);
    if (to.write(chunk)) from.resume();
    else to.once('drain', () => from.resume());
  }
}
