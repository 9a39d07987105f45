import type { LinkPath, LinkReadout, LinkTuning } from './api.ts';
import type { Datagrams } from './datagrams.ts';
import { MTU_BASE_BYTES } from './mtu.ts';
import type { PathControl } from './path-control.ts';
import type { StreamPath } from './stream-path.ts';

type PathState = 'up' | 'probing' | 'down' | 'off';

/** How good the link is, from what the units measured. */
export function readoutOf(
  paths: PathControl,
  stream: StreamPath,
  datagrams: Datagrams | undefined,
  tuning: LinkTuning,
  nowMs: number,
): LinkReadout {
  const flight = datagrams?.flight;
  const rtt = flight?.rtt;
  const hasRtt = rtt?.latestMs !== undefined;
  return {
    path: paths.current,
    paths: { tcp: streamState(paths, stream), udp: datagramState(paths, datagrams, tuning, nowMs) },
    rttMs: hasRtt ? rtt.smoothedMs : undefined,
    rttMinMs: hasRtt ? rtt.recentMinMs : undefined,
    jitterMs: hasRtt ? rtt.varMs : undefined,
    lossOut: flight?.lossRate.share,
    lossIn: datagrams?.lossIn.share,
    mtuBytes: flight?.mtuBytes ?? MTU_BASE_BYTES,
    confirmedMs: latest(flight?.confirmedMs, stream.isUp ? stream.heardMs : undefined),
    copies: flight?.copyCount ?? 0,
    retransmissions: flight?.retransmissions ?? 0,
    packetsSent: datagrams?.path.packetsSent ?? 0,
    packetsReceived: datagrams?.packetsReceived ?? 0,
    bytesSent: datagrams?.path.bytesSent ?? 0,
    bytesReceived: datagrams?.bytesReceived ?? 0,
    dropped: datagrams?.dropped ?? {},
  };
}

function streamState(paths: PathControl, stream: StreamPath): PathState {
  if (stream.isUp) return 'up';
  return paths.mode === 'udp' ? 'off' : 'down';
}

function datagramState(
  paths: PathControl,
  datagrams: Datagrams | undefined,
  tuning: LinkTuning,
  nowMs: number,
): PathState {
  if (datagrams === undefined || paths.isDatagramOff) return 'off';
  if (!paths.isSocketUp) return 'down';
  const current: LinkPath = paths.current;
  if (current === 'udp' && datagrams.failure(nowMs) === undefined) return 'up';
  return datagrams.heardMs !== undefined && nowMs - datagrams.heardMs < tuning.probeIntervalMsMax ? 'probing' : 'down';
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}
