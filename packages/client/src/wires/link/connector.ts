import { serverName } from '@confab/link';
import type { LinkEntry } from '@confab/wire/link';
import { place } from '../../datagram-socket.ts';
import { ClientError } from '../../errors.ts';
import type { ConnectOptions, Connector, Session } from '../../session.ts';
import { type Dialled, type DialOptions, dial } from './dial.ts';
import { deviceKeyOf, HISTORY_EVENTS, knownServersOf, outboxOf } from './options.ts';
import { LinkChatSession } from './session.ts';
import { parseLinkUrl, trustOfUrl } from './target.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const SEND_TIMEOUT_MS = 3000;
const EVENTS_MAX = 10_000;
const READOUT_INTERVAL_MS = 5000;

const entries = {
  create: 'create-hosted',
  join: 'join-only',
  'join-or-create': 'join-or-make',
} as const satisfies Record<NonNullable<ConnectOptions['entry']>, LinkEntry>;

/** Confab's own wire: docs/wires/link.md. Rooms that nobody has made yet are open ones, unless they are to be created. */
export const linkConnector: Connector = {
  scheme: 'confab',
  example: 'confab://chat.example.org/lobby',
  connect: (url, options) => enter(url, options),
};

async function enter(url: URL, options: ConnectOptions): Promise<Session> {
  const { user, signal, onPhase, link = {} } = options;
  const { host, port, room, path } = parseLinkUrl(url);
  const trust = trustOfUrl(url, knownServersOf(link));
  const deviceKey = deviceKeyOf(link);
  const mode = link.path ?? path ?? 'auto';
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const dialling = { host, port, trust, user, deviceKey, timeoutMs };
  const wanted = { room, entry: entries[options.entry ?? 'join-or-create'], password: options.password ?? '' };
  let session: LinkChatSession | undefined;
  try {
    const first = await dialOrNot(
      {
        ...dialling,
        wantsUdp: mode !== 'tcp',
        signal: stop,
        onTrusted: (fingerprint, isFirstUse) => {
          onPhase?.({ phase: 'control-connected', address: place(host, port) });
          if (isFirstUse) link.onFirstUse?.(fingerprint);
        },
      },
      { mayStartOffline: link.startOffline === true && signal?.aborted !== true, deadline, signal },
    );
    const isReached = !('reason' in first);
    if (isReached && mode === 'udp' && first.welcome.udpPort === undefined) {
      first.socket.destroy();
      throw new ClientError('NOT_SUPPORTED', `Cannot use UDP alone: ${place(host, port)} offers none`);
    }
    const { outbox, isOurs } = openOutbox(isReached ? first.socket : undefined, () => outboxOf(link, host, port, user));
    session = new LinkChatSession({
      first: isReached ? first : undefined,
      offline: isReached ? undefined : { wanted, reason: first.reason },
      connection: { dialling, mode, tuning: link.tuning, random: link.random },
      outbox,
      isOutboxOurs: isOurs,
      answerTimeoutMs: timeoutMs,
      sendTimeoutMs: options.sendTimeoutMs ?? SEND_TIMEOUT_MS,
      eventsMax: options.eventsMax ?? EVENTS_MAX,
      history: link.history ?? HISTORY_EVENTS,
      readoutIntervalMs: link.readoutIntervalMs ?? READOUT_INTERVAL_MS,
    });
    if (!isReached) return session;
    await session.enter(wanted, stop);
    onPhase?.({ phase: 'data-open', localAddress: session.localAddress });
    return session;
  } catch (cause) {
    await session?.leave();
    if (signal?.aborted === true) throw signal.reason;
    if (deadline.aborted) {
      const message = `Cannot enter a room at ${place(host, port)}: no answer within ${timeoutMs} ms`;
      throw new ClientError('CONNECT_TIMEOUT', message, { cause });
    }
    throw cause;
  }
}

/** Why a server was not reached, for people. */
interface NotReached {
  readonly reason: string;
}

/** A connection; or why there is none, where a session may begin without one. */
async function dialOrNot(
  options: DialOptions,
  offline: {
    readonly mayStartOffline: boolean;
    readonly deadline: AbortSignal;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Dialled | NotReached> {
  try {
    return await dial(options);
  } catch (error) {
    const { mayStartOffline, deadline, signal } = offline;
    if (!mayStartOffline || signal?.aborted === true || !isKnown(options)) throw error;
    if (deadline.aborted) return { reason: `no answer within ${options.timeoutMs} ms` };
    const isUnreachable = error instanceof ClientError && ['CONNECT_FAILED', 'CONNECT_TIMEOUT'].includes(error.code);
    if (!isUnreachable) throw error;
    return { reason: error.message.replace(/^Cannot connect to \S+: /, '') };
  }
}

/** Whether it is certain which server is meant: with a wrong name in the URL one would wait for ever. */
function isKnown({ trust, host, port }: DialOptions): boolean {
  if (trust.kind === 'pin') return true;
  return trust.kind === 'known' && trust.servers.find(serverName(host, port)) !== undefined;
}

function openOutbox<Result>(socket: { destroy(): void } | undefined, open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    socket?.destroy();
    throw error;
  }
}
