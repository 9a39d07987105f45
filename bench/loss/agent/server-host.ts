import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readProcess, readText } from '../../support/proc.ts';
import type { ServeCall, Usage } from './protocol.ts';

const program = fileURLToPath(new URL('../../../packages/cli/bin/confab.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 10;
const OUTPUT_CHARACTERS = 4096;

/** `confab serve` as a child of the agent in the server's namespace, with a data folder that goes with the agent. */
export class ServerHost {
  #process: ChildProcess | undefined;
  #output = '';
  #folder: string | undefined;

  constructor() {
    process.on('exit', () => this.#process?.kill('SIGKILL'));
  }

  /** Fulfils when it listens. */
  async serve({ settings, port }: ServeCall): Promise<void> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'confab-loss-'));
    const flags = Object.entries({ data: this.#folder, ...settings }).flatMap(([path, value]) => [
      '--set',
      `${path}=${value}`,
    ]);
    const child = spawn(process.execPath, [program, 'serve', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS);
      });
    }
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`The server did not start:\n${this.#output}`);
      if (performance.now() > deadlineMs) throw new Error(`The server does not listen:\n${this.#output}`);
      await sleep(POLL_MS);
    }
  }

  /** `kill -9`, as a power switch would. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Leave nothing behind. */
  async clear(): Promise<void> {
    await this.kill();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  usage(): Usage {
    const pid = this.#process?.pid ?? 0;
    const waitNs = Number(readText(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0);
    return { cpuSeconds: readProcess(pid).cpuSeconds, waitSeconds: waitNs / 1e9 };
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const settle = (isOpen: boolean) => (): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', settle(true)).once('error', settle(false));
  });
}
