import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterwards, CleanUps, type WithCleanUp } from './clean-up.ts';
import { processEnvironment } from './process-environment.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The program that `npx confab` runs. */
export const confabProgram = fileURLToPath(new URL('../../cli/bin/confab.js', import.meta.url));

/** How long tests wait for what should happen at once; generous, since machines are busy. ms */
const WAIT_LIMIT_MS = 20_000;

export interface RunOptions {
  /** Standard input, to its end; none: it stays open. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments for Node itself. */
  readonly nodeArgs?: readonly string[];
  readonly cwd?: string;
}

/** `confab` as a process of its own; killed after the test at the latest. */
export class ConfabProcess {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<number>;

  constructor(context: WithCleanUp, args: readonly string[], { input, env, nodeArgs = [], cwd }: RunOptions = {}) {
    this.child = spawn(process.execPath, [...nodeArgs, confabProgram, ...args], {
      env: processEnvironment(env),
      cwd,
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.child.stdin.on('error', () => {});
    if (input !== undefined) this.child.stdin.end(input);
    this.#ended = once(this.child, 'close').then(([code]) => (code as number | null) ?? -1);
    afterwards(context, () => this.close());
  }

  /** Kill it. Harmless when it has ended. */
  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }

  type(text: string): void {
    this.child.stdin.write(text);
  }

  /** Wait until an output holds what is looked for. */
  async sees(pattern: RegExp, output: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const deadlineMs = performance.now() + WAIT_LIMIT_MS;
    for (;;) {
      const match = pattern.exec(this[output]);
      if (match !== null) return match;
      if (performance.now() > deadlineMs || (this.child.exitCode !== null && this.child[output].readableEnded)) {
        throw new Error(`${output} does not match ${pattern}:\n${this.stdout}\n--- stderr\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Wait for the end; fulfils with the exit code, -1 for a process that a signal ended. */
  async end(): Promise<number> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`confab does not end:\n${this.stdout}\n--- stderr\n${this.stderr}`)),
      WAIT_LIMIT_MS,
    );
    try {
      return await Promise.race([this.#ended, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
}

export interface ConfabServer {
  readonly process: ConfabProcess;
  readonly data: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  /** URL of a room on it. */
  url(room: string): string;
}

/** `confab serve` on free ports and an empty data folder. */
export async function startConfabServer(
  context: WithCleanUp,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<ConfabServer> {
  const { path: data } = temporaryDirectory(context);
  const ports = ['--tcp-port', '0', '--udp-port', '0', '--set', 'hybrid.alternate.enabled=false'];
  const server = new ConfabProcess(context, ['serve', ...ports, '--data', data, ...args], options);
  await server.sees(/Ctrl\+C/);
  const tcpPort = Number((await server.sees(/TCRP +tcp +\S+:(\d+)/))[1]);
  const udpPort = Number((await server.sees(/UCRP +udp +\S+:(\d+)/))[1]);
  const url = (room: string): string => `ucrp://127.0.0.1:${tcpPort}/${encodeURIComponent(room)}?udp=${udpPort}`;
  return { process: server, data, tcpPort, udpPort, url };
}

/** One server for all tests of a file, which keep to rooms of their own: a server takes a second of processor time to start. */
export function sharedConfabServer(): () => ConfabServer {
  const cleanUps = new CleanUps();
  let server: ConfabServer | undefined;
  before(async () => {
    server = await startConfabServer(cleanUps);
  });
  after(() => cleanUps.run());
  return () => server!;
}
