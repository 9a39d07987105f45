import { type Io, type OutputStream, write } from '../io.ts';
import { LineQueue } from './line-queue.ts';
import { LineSplitter } from './line-splitter.ts';
import type { Screen } from './screen.ts';

/** Lines read ahead; beyond it input is left where it is. */
const LINES_AHEAD_MAX = 256;

/** Pipes, files, or a terminal whose other half is one: lines in, lines out, nothing drawn. */
export class PipedScreen implements Screen {
  readonly isInteractive = false;
  readonly #io: Pick<Io, 'stdin' | 'stdout' | 'stderr'>;
  readonly #splitter = new LineSplitter();
  readonly #lines = new LineQueue();
  #isClosed = false;

  constructor(io: Pick<Io, 'stdin' | 'stdout' | 'stderr'>) {
    this.#io = io;
    io.stdin.on('data', this.#onData);
    io.stdin.on('end', this.#onEnd);
    // Closed or unreadable input is at its end.
    io.stdin.on('close', this.#onEnd);
    io.stdin.on('error', this.#onEnd);
  }

  nextLine(): Promise<string | undefined> {
    const line = this.#lines.next();
    if (this.#lines.length === 0 && !this.#isClosed) this.#io.stdin.resume();
    return line;
  }

  /** Nobody is looking for one: questions are printed, see `ask`. */
  setPrompt(): void {}

  print(text: string): Promise<boolean> {
    return this.#write(this.#io.stdout, text);
  }

  async printStatus(text: string): Promise<void> {
    await this.#write(this.#io.stderr, text);
  }

  restoreLine(): boolean {
    return false;
  }

  onLineChange(): () => void {
    return () => {};
  }

  onInterrupt(): () => void {
    return () => {};
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { stdin } = this.#io;
    stdin.off('data', this.#onData);
    stdin.pause();
    this.#lines.discard();
  }

  #write(output: OutputStream, text: string): Promise<boolean> {
    return write(output, `${text}\n`);
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    for (const line of this.#splitter.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk))
      this.#lines.push(line);
    if (this.#lines.length >= LINES_AHEAD_MAX) this.#io.stdin.pause();
  };

  readonly #onEnd = (): void => {
    for (const line of this.#splitter.end()) this.#lines.push(line);
    this.#lines.end();
  };
}
