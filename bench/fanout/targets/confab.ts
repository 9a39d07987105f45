import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wireSettings } from '@confab/testing/wire-settings';
import { listening } from '../../support/listening.ts';
import { freeTcpPort, freeUdpPort } from '../../support/ports.ts';
import { hasOpenSsl } from '../native/build.ts';
import { Program } from '../process.ts';
import type { LoadWire } from '../wire.ts';
import { jsonLines, linkDatagrams, linkStream, ucrp, webSocket } from '../wires.ts';
import type { Running, Target } from './target.ts';

const program = fileURLToPath(new URL('../../../packages/cli/bin/confab.js', import.meta.url));

const NO_OPENSSL = 'link: the generator needs the headers of OpenSSL (Debian: apt-get install libssl-dev)';

/** The search index looks once a second for what is new, and lets those who speak go first, ms. */
const INDEX_BEGINS_MS = 3_000;

export type StoreKind = 'sqlite' | 'memory';

export interface ConfabOptions {
  readonly store?: StoreKind;
  readonly nodeArgs?: readonly string[];
  /** Settings by dotted path, on top of those for a benchmark. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** A data folder that stays; none: a new one, which goes with the server. */
  readonly data?: string;
}

/** What is unlike a user's server: limits that a generator on one address would run into, and one wire alone. */
const benchSettings = {
  host: '127.0.0.1',
  'limits.member_messages.per_second': 100_000_000,
  'limits.member_messages.burst': 100_000_000,
  'limits.address_requests.per_second': 1_000_000,
  'limits.address_requests.burst': 1_000_000,
  'limits.address_rooms.per_second': 1_000_000,
  'limits.address_rooms.burst': 1_000_000,
  'log.level': 'warn',
};

/** A Confab server as its users run it, speaking one of its wires. */
export function confab(wire: LoadWire, options: ConfabOptions = {}): Target {
  const { store = 'sqlite' } = options;
  const kept = store === 'sqlite' ? 'durable' : 'in memory';
  return {
    name: `confab ${wire.name}, ${kept}`,
    kind: 'confab',
    wire,
    ...(store === 'sqlite' ? { putsOffMs: INDEX_BEGINS_MS } : {}),
    missing: () => (wire.isLink !== true || hasOpenSsl() ? undefined : NO_OPENSSL),
    start: (core) => start(wire, options, core),
  };
}

async function start(wire: LoadWire, options: ConfabOptions, core: string | undefined): Promise<Running> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'confab-bench-')));
  const tcpPort = await freeTcpPort();
  const udpPort = await freeUdpPort();
  const all = {
    ...benchSettings,
    ...portsOf(wire, tcpPort, udpPort),
    data,
    'store.kind': options.store ?? 'sqlite',
    ...options.settings,
  };
  const flags = Object.entries(all).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
  const command = [process.execPath, ...(options.nodeArgs ?? []), program, 'serve', ...flags];
  const server = new Program(command, { core });
  const stop = async (): Promise<void> => {
    await server.stop();
    if (options.data === undefined) await rm(data, { recursive: true, force: true });
  };
  try {
    await listening(server, tcpPort);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: server.pid, port: wire === ucrp ? udpPort : tcpPort, controlPort: tcpPort, stop };
}

function portsOf(wire: LoadWire, tcpPort: number, udpPort: number): Record<string, string | number | boolean> {
  if (wire === jsonLines) return { ...wireSettings('json_lines'), 'json_lines.tcp_port': tcpPort };
  // The generator answers no pings.
  if (wire === webSocket) {
    return { ...wireSettings('http'), 'http.tcp_port': tcpPort, 'http.ping_interval_ms': 86_400_000 };
  }
  if (wire === ucrp) return { ...wireSettings('hybrid'), 'hybrid.tcp_port': tcpPort, 'hybrid.udp_port': udpPort };
  if (wire === linkStream || wire === linkDatagrams) {
    return { ...wireSettings('link'), 'link.tcp_port': tcpPort, 'link.udp_port': udpPort };
  }
  throw new Error(`Confab does not speak ${wire.name}`);
}
