import { type Config, listSettings } from '@confab/config';

/** What a reload did, by the settings' dotted paths. */
export interface Reloaded {
  /** In effect from now on. */
  readonly applied: readonly string[];
  /** Differ from what the server runs with and take effect when it is started again. */
  readonly needsRestart: readonly string[];
}

/**
 * Settings besides `limits` that are read each time they are needed, so that a running server can take them over: from then
 * on, or for connections, members and peers that come from then on. docs/operations.md lists them.
 */
export const changeableSettings: ReadonlySet<string> = new Set([
  'hybrid.notices',
  'hybrid.bind_token_to_address',
  'hybrid.request_timeout_ms',
  'hybrid.member_timeout_ms',
  'hybrid.payload_bytes_max',
  'stage1.member_timeout_ms',
  'stage1.unproven_bytes.per_second',
  'stage1.unproven_bytes.burst',
  'json_lines.request_timeout_ms',
  'json_lines.stalled_timeout_ms',
  'json_datagrams.base_delay_ms',
  'json_datagrams.max_retries',
  'json_datagrams.unacked_max',
  'json_datagrams.ids_max',
  'json_datagrams.unproven_bytes.per_second',
  'json_datagrams.unproven_bytes.burst',
  'bridge.request_timeout_ms',
  'http.api_requests.per_second',
  'http.api_requests.burst',
  'link.guests',
  'link.handshake_timeout_ms',
  'link.session_grace_ms',
  'link.resume_window_ms',
  'link.sessions_max',
  'link.address_sessions_max',
  'link.requests.per_second',
  'link.requests.burst',
  'link.ephemerals.per_second',
  'link.ephemerals.burst',
  'older_wires.edits',
  'older_wires.reactions',
  'log.level',
  'log.conversation',
  'trace.enabled',
  'trace.tcp_port',
  'trace.secrets',
]);

/** Settings that mean nothing to a server. */
const clientSection = 'client';

export function isChangeable(path: string): boolean {
  return path.startsWith('limits.') || changeableSettings.has(path);
}

type Tree = Record<string, unknown>;

/**
 * Put those settings that can change into the configuration that the server runs with. Its sections stay the same objects,
 * so whoever holds one sees the new values.
 */
export function overwriteConfig(live: Config, next: Config): Reloaded {
  const applied: string[] = [];
  const needsRestart: string[] = [];
  for (const { path } of listSettings()) {
    if (path[0] === clientSection) continue;
    const names = path.map(camelCase);
    const last = names.pop()!;
    const [target, source] = [live, next].map((config) =>
      names.reduce((tree, name) => tree[name] as Tree, config as unknown as Tree),
    );
    if (target![last] === source![last]) continue;
    const key = path.join('.');
    if (isChangeable(key)) {
      target![last] = source![last];
      applied.push(key);
    } else {
      needsRestart.push(key);
    }
  }
  return { applied, needsRestart };
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
