import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';

type Signal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

/** Output that keeps what is written to it, and can be held up or broken off by the test. */
export class FakeOutput extends Writable {
  readonly isTTY: boolean;
  columns: number | undefined;
  rows: number | undefined;
  text = '';
  #isHeld = false;
  #continue: (() => void) | undefined;

  constructor({ isTTY = false, columns, rows }: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
    super({ decodeStrings: false, highWaterMark: 1024 });
    this.isTTY = isTTY;
    this.columns = columns;
    this.rows = rows;
    this.on('error', () => {});
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.#isHeld) this.#continue = done;
    else done();
  }

  /** A reader that takes nothing more, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    const proceed = this.#continue;
    this.#continue = undefined;
    proceed?.();
  }

  /** A reader that has gone. */
  break(): void {
    this.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  }
}

export interface FakeIoOptions {
  /** What standard input holds, to its end; none: it stays open for `type`. */
  readonly input?: string;
  /** A terminal of this size on all three streams. */
  readonly terminal?: { readonly columns: number; readonly rows: number };
  readonly env?: Readonly<Record<string, string>>;
}

/** The streams and signals of a command under test, in this process. */
export class FakeIo {
  readonly stdin: PassThrough & { isTTY?: boolean; setRawMode?(isRaw: boolean): void };
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the command wanted to end the process with at once. */
  readonly exits: number[] = [];
  isRaw = false;
  readonly #signals = new EventEmitter();

  constructor({ input, terminal, env = {} }: FakeIoOptions = {}) {
    const size = terminal === undefined ? {} : { isTTY: true, ...terminal };
    this.stdin = Object.assign(new PassThrough(), terminal === undefined ? {} : { isTTY: true });
    if (terminal !== undefined) {
      this.stdin.setRawMode = (isRaw) => {
        this.isRaw = isRaw;
      };
    }
    this.stdout = new FakeOutput(size);
    this.stderr = new FakeOutput(size);
    this.env = env;
    if (input !== undefined) this.stdin.end(input);
  }

  type(text: string): void {
    this.stdin.write(text);
  }

  onSignal(signal: Signal, handler: () => void): () => void {
    this.#signals.on(signal, handler);
    return () => this.#signals.off(signal, handler);
  }

  signal(signal: Signal): void {
    this.#signals.emit(signal);
  }

  exit(code: number): void {
    this.exits.push(code);
  }
}
