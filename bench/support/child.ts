import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** How long a process is given to end by itself, ms. */
const STOP_TIMEOUT_MS = 10_000;

export interface ChildOptions {
  /** Program file and its arguments. */
  readonly args: readonly string[];
  /** Core to run on, if any. */
  readonly core?: string | undefined;
  /** Arguments for Node itself. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a child answers. */
type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/** A Node process of its own, on a core of its own. It dies with this one. */
export class Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #lastId = 0;
  #output = '';

  constructor({ args, core, nodeArgs = [], env = {} }: ChildOptions) {
    const command = [process.execPath, ...nodeArgs, ...args];
    if (core !== undefined) command.unshift('taskset', '-c', core);
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    });
    running.add(child);
    this.#process = child;
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-8192);
      });
    }
    this.#exited = once(child, 'exit').then(
      () => void running.delete(child),
      () => void running.delete(child),
    );
  }

  /** The end of what it printed. */
  get output(): string {
    return this.#output;
  }

  get hasExited(): boolean {
    return !running.has(this.#process);
  }

  /** Ask the process for something, see `serveRequests`. */
  async ask<Result>(request: unknown): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Result>((resolve, reject) => {
      const take = (answer: Answer): void => {
        if (answer.id !== id) return;
        this.#process.off('message', take);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer.value as Result);
      };
      this.#process.on('message', take);
    });
    const died = this.#exited.then((): never => {
      throw new Error(`A process of the benchmark ended too early\n${this.#output}`);
    });
    this.#process.send({ id, request });
    return Promise.race([answered, died]);
  }

  /** Let it end as a user would end it, and wait until it has. */
  async stop(): Promise<void> {
    if (this.hasExited) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** In a child: answer what its parent asks, one thing at a time, until the parent is gone. */
export function serveRequests<Request>(handle: (request: Request) => unknown): void {
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ id, request }: { id: number; request: Request }) => {
    try {
      process.send?.({ id, value: await handle(request) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
}
