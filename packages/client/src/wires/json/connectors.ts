import { ClientError } from '../../errors.ts';
import type { ConnectOptions, Connector, Session } from '../../session.ts';
import { unreachableReason } from '../../session-base.ts';
import type { JsonChannel } from './channel.ts';
import { LinesChannel } from './lines-channel.ts';
import { JsonSession } from './session.ts';
import { parseJsonLinesUrl, parseWebSocketUrl } from './target.ts';
import { WebSocketChannel } from './websocket-channel.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const SEND_TIMEOUT_MS = 3000;
const EVENTS_MAX = 10_000;

/** JSON lines over TCP. */
export const jsonLinesConnector: Connector = {
  scheme: 'jsonl',
  example: 'jsonl://127.0.0.1:8765/lobby',
  connect: (url, options) => {
    const { host, port, room } = parseJsonLinesUrl(url);
    const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return enter(place, room, 'jsonl', options, (signal) => LinesChannel.open(host, port, signal));
  },
};

/** The same objects over WebSocket. */
export const webSocketConnector: Connector = webSocketConnectorFor('ws', 'ws://127.0.0.1:8080/lobby');
/** … with TLS, which a proxy in front of the server adds. */
export const secureWebSocketConnector: Connector = webSocketConnectorFor('wss', 'wss://chat.example.org/lobby');

function webSocketConnectorFor(scheme: string, example: string): Connector {
  return {
    scheme,
    example,
    connect: (url, options) => {
      const { endpoint, room } = parseWebSocketUrl(url);
      return enter(endpoint.host, room, scheme, options, (signal) => WebSocketChannel.open(endpoint, signal));
    },
  };
}

async function enter(
  place: string,
  room: string,
  scheme: string,
  options: ConnectOptions,
  open: (signal: AbortSignal) => Promise<JsonChannel>,
): Promise<Session> {
  if (options.entry === 'create') {
    throw new ClientError('NOT_SUPPORTED', `Cannot create a room: ${scheme}:// makes rooms by joining them`);
  }
  const { signal } = options;
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  let session: JsonSession | undefined;
  try {
    const channel = await open(stop);
    options.onPhase?.({ phase: 'control-connected', address: place });
    session = new JsonSession({
      scheme,
      channel,
      user: options.user,
      answerTimeoutMs: timeoutMs,
      sendTimeoutMs: options.sendTimeoutMs ?? SEND_TIMEOUT_MS,
      eventsMax: options.eventsMax ?? EVENTS_MAX,
    });
    await session.enter(room, { password: options.password, mustExist: options.entry === 'join', signal: stop });
    options.onPhase?.({ phase: 'data-open', localAddress: session.localAddress });
    return session;
  } catch (cause) {
    await session?.leave();
    if (signal?.aborted === true) throw signal.reason;
    if (deadline.aborted) {
      throw new ClientError('CONNECT_TIMEOUT', `Cannot enter a room at ${place}: no answer within ${timeoutMs} ms`, {
        cause,
      });
    }
    if (cause instanceof ClientError) throw cause;
    throw new ClientError('CONNECT_FAILED', `Cannot reach ${place}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  const error = cause as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  switch (error.code ?? error.errors?.[0]?.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name does not resolve';
    default:
      return unreachableReason(error.errors?.[0] ?? error);
  }
}
