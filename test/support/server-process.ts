import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '@confab/testing/process-environment';
import { within } from './wait.ts';

export { reservePorts } from '@confab/testing/reserve-ports';

const command = fileURLToPath(new URL('../../packages/cli/bin/confab.js', import.meta.url));

export interface ServerOptions {
  /** Data folder. */
  readonly data: string;
  readonly host?: string;
  /** Default 0: any free one. */
  readonly tcpPort?: number;
  readonly udpPort?: number;
  /** Settings by dotted path; the alternate pair of ports is off unless set here. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Further arguments of `confab serve`. */
  readonly args?: readonly string[];
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Where a server listens for TCRP and UCRP. */
export interface HybridAddress {
  readonly address: string;
  readonly tcpPort: number;
  readonly udpPort: number;
}

/** Every process that is still running, so that none outlives its test, however that ends. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

/** `confab serve` in a process of its own. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<ExitStatus>;
  #stdout = '';
  #stderr = '';
  #onOutput: () => void = () => {};

  /** Run the command and do not wait for anything. */
  static spawn(options: ServerOptions): ServerProcess {
    const settings = { 'hybrid.alternate.enabled': false, ...options.settings };
    return new ServerProcess([
      ...['--host', options.host ?? '127.0.0.1'],
      ...['--data', options.data],
      ...['--tcp-port', String(options.tcpPort ?? 0)],
      ...['--udp-port', String(options.udpPort ?? 0)],
      ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
      ...(options.args ?? []),
    ]);
  }

  /** Run the command with these arguments only. */
  static spawnWith(args: readonly string[]): ServerProcess {
    return new ServerProcess(args);
  }

  private constructor(args: readonly string[]) {
    const child = spawn(process.execPath, [command, 'serve', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: processEnvironment(),
    });
    this.#child = child;
    running.add(child);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#onOutput();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#exited = once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      this.#onOutput();
      return { code, signal } as ExitStatus;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isRunning(): boolean {
    return running.has(this.#child);
  }

  /** How it ended, and all its output is here. */
  exited(): Promise<ExitStatus> {
    return within(this.#exited, `process ${this.pid} to end`);
  }

  /** Send a signal and wait for the end. */
  async end(signal: NodeJS.Signals): Promise<ExitStatus> {
    if (this.isRunning) process.kill(this.pid, signal);
    return this.exited();
  }

  /** Waits until it has printed the addresses it listens on. */
  async listening(pairs: number): Promise<HybridAddress[]> {
    const printed = new Promise<HybridAddress[]>((resolve, reject) => {
      this.#onOutput = () => {
        const found = readAddresses(this.#stdout);
        if (found.length >= pairs) resolve(found);
        else if (!this.isRunning) reject(new Error(`The server ended: ${this.#stderr}${this.#stdout}`));
      };
      this.#onOutput();
    });
    return within(printed, 'the server to listen').catch((error: unknown) => {
      throw new Error(`${String(error)}\nstdout: ${this.#stdout}\nstderr: ${this.#stderr}`);
    });
  }

  /** Kill it. Harmless when it has ended. */
  async close(): Promise<void> {
    await this.end('SIGKILL');
  }
}

/** A server that listens. */
export class TestServer implements HybridAddress {
  readonly process: ServerProcess;
  readonly address: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  /** The second pair of ports, where it is on. */
  readonly alternate: HybridAddress | undefined;

  static async start(options: ServerOptions): Promise<TestServer> {
    const server = ServerProcess.spawn(options);
    try {
      const pairs = await server.listening(options.settings?.['hybrid.alternate.enabled'] === true ? 2 : 1);
      return new TestServer(server, pairs);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  private constructor(server: ServerProcess, [main, alternate]: HybridAddress[]) {
    this.process = server;
    this.address = main!.address;
    this.tcpPort = main!.tcpPort;
    this.udpPort = main!.udpPort;
    this.alternate = alternate;
  }

  /** URL for a client library. */
  url(room: string, query: Readonly<Record<string, string>> = {}): string {
    const search = new URLSearchParams({ udp: String(this.udpPort), ...query });
    return `ucrp://${this.address}:${this.tcpPort}/${encodeURIComponent(room)}?${search}`;
  }

  /** Kill it. Harmless when it has ended. */
  async close(): Promise<void> {
    await this.process.close();
  }
}

/** One server for all tests of a file; each test keeps to rooms of its own. */
export function sharedServer(settings: NonNullable<ServerOptions['settings']> = {}): () => TestServer {
  let data: string | undefined;
  let server: TestServer | undefined;
  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'confab-'));
    server = await TestServer.start({ data, settings });
  });
  after(async () => {
    await server?.close();
    if (data !== undefined) rmSync(data, { recursive: true, force: true });
  });
  return () => server!;
}

/** From lines that name a wire and an address, such as `TCRP … 127.0.0.1:9090`; the alternate pair comes second. */
function readAddresses(output: string): HybridAddress[] {
  const found = { TCRP: [] as [string, number][], UCRP: [] as [string, number][] };
  for (const line of output.split('\n').slice(0, -1)) {
    const match = /\b(TCRP|UCRP)\b.*?(\d+\.\d+\.\d+\.\d+):(\d+)/.exec(line);
    if (match !== null) found[match[1] as 'TCRP' | 'UCRP'].push([match[2]!, Number(match[3])]);
  }
  return found.UCRP.slice(0, found.TCRP.length).map(([address, udpPort], index) => {
    return { address, tcpPort: found.TCRP[index]![1], udpPort };
  });
}
