import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How long a process is given to end by itself, ms. */
const STOP_TIMEOUT_MS = 10_000;
/** Of what it printed, characters kept. */
const OUTPUT_MAX = 8192;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program of any kind, on a core of its own, that is told and answers lines. It dies with this one. */
export class Program {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting: ((line: string) => void)[] = [];
  #output = '';

  constructor(command: readonly string[], options: { core: string | undefined; cwd?: string }) {
    const whole = options.core === undefined ? command : ['taskset', '-c', options.core, ...command];
    this.#child = spawn(whole[0]!, whole.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], cwd: options.cwd });
    running.add(this.#child);
    this.#exited = once(this.#child, 'close').then(
      () => running.delete(this.#child),
      () => running.delete(this.#child),
    );
    // Gone before it has read all: what it printed says why.
    this.#child.stdin!.on('error', () => {});
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#keep(`${line}\n`);
      this.#waiting.shift()?.(line);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasExited(): boolean {
    return !running.has(this.#child);
  }

  /** The end of what it printed. */
  get output(): string {
    return this.#output;
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Tell it something, and wait for the line that answers it. */
  ask(line: string): Promise<string> {
    const answered = new Promise<string>((resolve) => this.#waiting.push(resolve));
    this.tell(line);
    const died = this.#exited.then((): never => {
      throw new Error(`A program of the benchmark ended too early:\n${this.#output}`);
    });
    return Promise.race([answered, died]);
  }

  async stop(): Promise<void> {
    if (this.hasExited) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_MAX);
  }
}
