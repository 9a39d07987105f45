import {
  encodeEvent,
  encodeOwnEvent,
  encodePost,
  type LinkEvent,
  type LinkOwnEventBefore,
  type LinkTuning,
} from '@confab/wire/link';
import { LinkPair } from './link-pair.ts';
import { DATAGRAM_HEADER_BYTES } from './sim-network.ts';

/** The largest datagram on an Ethernet: 1500 bytes of IP, less the headers. */
const ETHERNET_BYTES = 1_472;

export interface LatencyOptions {
  readonly seed: number;
  /** Of each leg and direction, 0–1. */
  readonly loss: number;
  readonly gapMs: number;
  readonly messages: number;
  /** One way, ms. */
  readonly delayMs?: number;
  /** What a packet takes longer than that at most: no network, and no process at its end, is exact. */
  readonly jitterMs?: number;
  readonly textBytes?: number;
  /** What the server takes between a post and its event: its store's commit. */
  readonly commitMs?: number;
  readonly tuning?: Partial<LinkTuning>;
}

export interface LatencyReport {
  /** Of each message that came, sorted, ms. */
  readonly took: readonly number[];
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  /** IPv4 bytes of both legs and directions for each message. */
  readonly bytesPerMessage: number;
  readonly missing: number;
  readonly moves: number;
  /** For each message, of which leg and direction: packets, and IP bytes; then of the connections; copies; retransmissions. */
  readonly detail: string;
}

/**
 * A posts, the server makes it an event, B gets it: both legs over a link of their own. Times in virtual ms from the post to
 * B's hearing it, in order.
 */
export function measureLatency(options: LatencyOptions): LatencyReport {
  const { loss, gapMs, messages, delayMs = 20, jitterMs = 0.5, textBytes = 100, commitMs = 1 } = options;
  const lane = { loss: 0, delayMs, jitterMs, mtuBytes: ETHERNET_BYTES };
  const make = (seed: number): LinkPair =>
    new LinkPair({
      seed,
      faults: { up: lane, down: lane, streamUp: { delayMs }, streamDown: { delayMs } },
      ...(options.tuning === undefined ? {} : { tuning: options.tuning }),
    });
  const a = make(options.seed * 2 + 1);
  const b = make(options.seed * 2 + 2);
  for (const pair of [a, b]) {
    pair.start(2_000);
    pair.wire.up.faults.loss = loss;
    pair.wire.down.faults.loss = loss;
  }
  const legs = [a, b];
  const before = legs.map(bytesOf);
  const postedMs: number[] = [];
  const took: number[] = [];
  const isRecord = (event: LinkEvent) => event.type === 'record' && event.channel === 1;
  let moves = 0;
  const body = new Uint8Array(textBytes);
  const atServer: number[] = [];
  a.onEvent = (side, event) => {
    if (event.type === 'path') moves += 1;
    if (side === 'server' && isRecord(event)) atServer.push(a.network.nowMs);
  };
  b.onEvent = (side, event) => {
    if (event.type === 'path') moves += 1;
    if (side === 'client' && isRecord(event)) took.push(b.network.nowMs - postedMs[took.length]!);
  };
  const startMs = a.network.nowMs;
  for (let index = 0; index < messages; index += 1) {
    const atMs = startMs + index * gapMs;
    postedMs.push(atMs);
    a.network.at(atMs, () => a.send('client', encodePost({ kind: 0, outbox: index + 1, body }, index)));
  }
  const endMs = startMs + messages * gapMs;
  // The two networks keep the same time, a little at a time: what A's leg brings goes out on both.
  let handled = 0;
  let lastOwn: LinkOwnEventBefore | undefined;
  for (let nowMs = startMs; nowMs < endMs + 5_000; nowMs += 0.5) {
    a.network.runUntil(nowMs);
    for (; handled < atServer.length; handled += 1) {
      const timeMs = Math.round(atServer[handled]!);
      const outbox = handled + 1;
      const atMs = nowMs + commitMs;
      const own = encodeOwnEvent({ kind: 0, timeMs, outbox }, lastOwn);
      lastOwn = { timeMs, outbox };
      a.network.at(atMs, () => a.send('server', own));
      const event = encodeEvent({ kind: 0, timeMs, isVerified: true, user: 'ann', body });
      b.network.at(atMs, () => b.send('server', event));
    }
    b.network.runUntil(nowMs);
    if (nowMs > endMs && took.length === messages) break;
  }
  const bytes = legs.reduce((sum, pair, index) => sum + bytesOf(pair) - before[index]!, 0);
  took.sort((one, other) => one - other);
  const quantile = (share: number): number =>
    took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return {
    took,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    p999: quantile(0.999),
    bytesPerMessage: bytes / messages,
    missing: messages - took.length,
    moves,
    detail: legs.map((pair) => detailOf(pair, messages)).join(' | '),
  };
}

/** Datagrams with their headers; of the connection what IPv4 and TCP take with an acknowledgement for each segment. */
function bytesOf({ wire }: LinkPair): number {
  let bytes = 0;
  for (const { counts } of [wire.up, wire.down]) bytes += counts.bytes + counts.datagrams * DATAGRAM_HEADER_BYTES;
  for (const pipe of [wire.pipeUp, wire.pipeDown]) bytes += (pipe?.bytes ?? 0) + (pipe?.segments ?? 0) * (52 + 22 + 52);
  return bytes;
}

function detailOf({ wire, client, server }: LinkPair, messages: number): string {
  const lane = ({ counts }: { readonly counts: { readonly datagrams: number; readonly bytes: number } }): string =>
    `${(counts.datagrams / messages).toFixed(2)} packets of ${Math.round((counts.bytes + counts.datagrams * DATAGRAM_HEADER_BYTES) / counts.datagrams)} bytes`;
  const stream = ((wire.pipeUp?.bytes ?? 0) + (wire.pipeDown?.bytes ?? 0)) / messages;
  const sides = [client.session.readout, server.session.readout]
    .map(
      ({ copies, retransmissions }) =>
        `${(copies / messages).toFixed(2)} copies, ${(retransmissions / messages).toFixed(3)} again`,
    )
    .join('; ');
  return `up ${lane(wire.up)}, down ${lane(wire.down)}, stream ${stream.toFixed(1)} bytes (${sides})`;
}
