/** The wires that a server can show, by their names in the trace. */
export const traceWires = [
  'tcrp',
  'ucrp',
  'stage1',
  'json-lines',
  'json-datagrams',
  'bridge',
  'websocket',
  'link-tcp',
  'link-udp',
] as const;

/** Bytes as they passed a socket of the server: a datagram, or a stretch of a stream. */
export interface TraceRecord {
  /** ISO 8601. */
  readonly time: string;
  readonly wire: string;
  /** Seen from the server. */
  readonly direction: 'in' | 'out';
  /** `ip:port`. */
  readonly peer: string;
  readonly bytes: Uint8Array;
  /** The stream is over. */
  readonly isEnd: boolean;
}

/** A line of the trace. */
export type TraceLine =
  | { readonly kind: 'hello'; readonly secrets: boolean }
  | { readonly kind: 'record'; readonly record: TraceRecord }
  /** We were too slow for so many records. */
  | { readonly kind: 'lost'; readonly count: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** Read a line; undefined for what is none of ours. */
export function parseTraceLine(line: string): TraceLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { confab, secrets, lost, error, time, wire, direction, peer, bytes, end } = value as Record<string, unknown>;
  if (confab === 'trace') return { kind: 'hello', secrets: secrets === true };
  if (typeof lost === 'number') return { kind: 'lost', count: lost };
  if (typeof error === 'string') return { kind: 'refused', reason: error };
  if (typeof time !== 'string' || typeof wire !== 'string' || typeof peer !== 'string' || typeof bytes !== 'string') {
    return undefined;
  }
  if (direction !== 'in' && direction !== 'out') return undefined;
  const record = { time, wire, direction, peer, bytes: Buffer.from(bytes, 'base64'), isEnd: end === true } as const;
  return { kind: 'record', record };
}
