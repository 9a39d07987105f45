import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wireSettings } from '@confab/testing/wire-settings';
import { Child } from './child.ts';
import { listening } from './listening.ts';
import { freeTcpPort, freeUdpPort } from './ports.ts';

const program = fileURLToPath(new URL('../../packages/cli/bin/confab.js', import.meta.url));

export interface ServerOptions {
  readonly core?: string | undefined;
  /** Settings by dotted path, on top of those for a benchmark. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly nodeArgs?: readonly string[];
}

/** A Confab server as its users run it: a process of its own, and a new data folder that goes with it. */
export interface BenchServer {
  readonly pid: number;
  readonly tcpPort: number;
  readonly udpPort: number;
  /** The end of what it printed. */
  readonly output: string;
  stop(): Promise<void>;
}

/** What is unlike a user's server: free ports, and limits that a load generator on one address would run into. */
const benchSettings = {
  host: '127.0.0.1',
  'hybrid.alternate.enabled': false,
  'limits.member_messages.per_second': 1_000_000,
  'limits.member_messages.burst': 1_000_000,
  'limits.address_requests.per_second': 1_000_000,
  'limits.address_requests.burst': 1_000_000,
  'log.level': 'warn',
};

export async function startBenchServer({ core, settings = {}, nodeArgs = [] }: ServerOptions): Promise<BenchServer> {
  const data = await mkdtemp(join(tmpdir(), 'confab-bench-'));
  const tcpPort = await freeTcpPort();
  const udpPort = await freeUdpPort();
  const all = {
    ...wireSettings('hybrid'),
    ...benchSettings,
    data,
    'hybrid.tcp_port': tcpPort,
    'hybrid.udp_port': udpPort,
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
  const child = new Child({ args: [program, 'serve', ...flags], core, nodeArgs });
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(data, { recursive: true, force: true });
  };
  try {
    await listening(child, tcpPort);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid,
    tcpPort,
    udpPort,
    get output() {
      return child.output;
    },
    stop,
  };
}
