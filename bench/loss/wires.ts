import type { WireSection } from '@confab/testing/wire-settings';
import type { Settings } from './agent/protocol.ts';

/** A wire that the benchmark can run: one line here is all that a new one needs. */
export interface LossWire {
  /** Scheme of its URLs. */
  readonly name: string;
  /** Its section in the server's configuration. */
  readonly section: WireSection;
  readonly settings: Settings;
  /** TCP port that tells that the server is up. */
  readonly port: number;
  /** What a firewall has to block to take away its fast path, or, where it has one path only, all. */
  readonly path: 'tcp' | 'udp';
  /** Whether it is held to the targets of docs/wires/link.md, or is what those are compared with. */
  readonly isJudged: boolean;
  url(host: string, room: string): string;
}

export const lossWires: readonly LossWire[] = [
  {
    name: 'confab',
    section: 'link',
    settings: { 'link.tcp_port': 9443, 'link.udp_port': 9443 },
    port: 9443,
    path: 'udp',
    isJudged: true,
    url: (host, room) => `confab://${host}:9443/${room}`,
  },
  {
    name: 'jsonl',
    section: 'json_lines',
    // A member who comes back reads what it missed.
    settings: { 'json_lines.tcp_port': 8765, 'json_lines.history': 1000, 'json_lines.stalled_timeout_ms': 600_000 },
    port: 8765,
    path: 'tcp',
    isJudged: false,
    url: (host, room) => `jsonl://${host}:8765/${room}`,
  },
  {
    name: 'ws',
    section: 'http',
    settings: { 'http.tcp_port': 8080, 'http.history': 1000, 'http.ping_interval_ms': 600_000 },
    port: 8080,
    path: 'tcp',
    isJudged: false,
    url: (host, room) => `ws://${host}:8080/${room}`,
  },
];

/** @throws {Error} a name that is none of them */
export function wireNamed(name: string): LossWire {
  const wire = lossWires.find((candidate) => candidate.name === name);
  if (wire === undefined) {
    throw new Error(`--wires: "${name}" is none of ${lossWires.map((known) => known.name).join(', ')}`);
  }
  return wire;
}
