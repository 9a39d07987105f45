import { connectDatagramSocket, place } from '../../datagram-socket.ts';
import { ClientError } from '../../errors.ts';
import type { ConnectOptions, Connector, Session } from '../../session.ts';
import { JsonuSession } from './session.ts';
import { parseJsonuUrl } from './target.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const BASE_DELAY_MS = 500;
const MAX_RETRIES = 5;
const EVENTS_MAX = 10_000;

/** JSON datagrams: chat over UDP, acknowledged both ways. */
export const jsonuConnector: Connector = {
  scheme: 'jsonu',
  example: 'jsonu://127.0.0.1:8766/lobby',
  connect: openJsonu,
};

async function openJsonu(url: URL, options: ConnectOptions): Promise<Session> {
  const { host, port, room } = parseJsonuUrl(url);
  if (options.entry === 'create') {
    throw new ClientError('NOT_SUPPORTED', 'Cannot create a room: jsonu:// makes rooms by joining them');
  }
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const socket = await connectDatagramSocket(host, port);
  const session = new JsonuSession(socket, {
    user: options.user,
    baseDelayMs: options.baseDelayMs ?? BASE_DELAY_MS,
    maxRetries: options.maxRetries ?? MAX_RETRIES,
    eventsMax: options.eventsMax ?? EVENTS_MAX,
  });
  try {
    await session.join(room, { password: options.password, signal });
  } catch (error) {
    await session.leave();
    options.signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw new ClientError('CONNECT_TIMEOUT', `No answer from ${place(host, port)} within ${timeoutMs} ms`, {
      cause: error,
    });
  }
  options.onPhase?.({ phase: 'data-open', localAddress: session.localAddress });
  return session;
}
