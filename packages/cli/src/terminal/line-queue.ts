/** Lines on their way from an input to the one who asks for them. */
export class LineQueue {
  readonly #lines: string[] = [];
  #isEnded = false;
  #waiter: ((line: string | undefined) => void) | undefined;

  get length(): number {
    return this.#lines.length;
  }

  /** Whether somebody waits for the next line. */
  get isAwaited(): boolean {
    return this.#waiter !== undefined;
  }

  /** Lines that nobody has taken yet. */
  get untaken(): readonly string[] {
    return this.#lines;
  }

  push(line: string): void {
    if (this.#isEnded) return;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#lines.push(line);
    else waiter(line);
  }

  /** Nothing follows; what has arrived can still be taken. */
  end(): void {
    this.#isEnded = true;
    this.#waiter?.(undefined);
    this.#waiter = undefined;
  }

  /** Nothing follows, and what was not taken is not wanted any more. */
  discard(): void {
    this.#lines.length = 0;
    this.end();
  }

  /** The next line; undefined when there will be none. One caller at a time. */
  next(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#isEnded) return Promise.resolve(line);
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }
}
