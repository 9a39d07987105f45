import { encodeUtf8 } from '@confab/wire';
import { connectDatagramSocket, place } from '../../datagram-socket.ts';
import { ClientError } from '../../errors.ts';
import type { ConnectOptions, Connector, Session } from '../../session.ts';
import { Stage1Session } from './session.ts';
import { parseStage1Url } from './target.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const EVENTS_MAX = 10_000;
const USER_BYTES_MAX = 255;

/** Stage 1: plain broadcast chat over UDP. */
export const stage1Connector: Connector = {
  scheme: 'stage1',
  example: 'stage1://127.0.0.1:12345',
  connect: openStage1,
};

async function openStage1(url: URL, options: ConnectOptions): Promise<Session> {
  const { host, port, room } = parseStage1Url(url);
  if (options.entry === 'create') {
    throw new ClientError('NOT_SUPPORTED', 'Cannot create a room: stage1:// has one room, which is there');
  }
  if (options.password !== undefined && options.password !== '') {
    throw new ClientError('NOT_SUPPORTED', 'Cannot join with a password: stage1:// carries none');
  }
  judgeUser(options.user);
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const socket = await connectDatagramSocket(host, port);
  const session = new Stage1Session(socket, { room, user: options.user, eventsMax: options.eventsMax ?? EVENTS_MAX });
  try {
    await session.enter(signal);
  } catch (error) {
    await session.leave();
    options.signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    const answer = session.isAnswered ? 'it answers, but does not let us in' : 'no answer';
    throw new ClientError('CONNECT_TIMEOUT', `Cannot join at ${place(host, port)} within ${timeoutMs} ms: ${answer}`, {
      cause: error,
    });
  }
  options.onPhase?.({ phase: 'data-open', localAddress: session.localAddress });
  return session;
}

/** The server refuses bad names in silence, so they are judged here. */
function judgeUser(user: string): void {
  const fault =
    user === '' || user.trim() !== user
      ? 'it is empty, or begins or ends with white space'
      : !user.isWellFormed() || /\p{Cc}/u.test(user)
        ? 'it holds characters that are not allowed'
        : /^system$/iu.test(user)
          ? 'it is reserved for the server'
          : encodeUtf8(user).length > USER_BYTES_MAX
            ? `it exceeds ${USER_BYTES_MAX} bytes`
            : undefined;
  if (fault === undefined) return;
  throw new ClientError('USER_NAME_INVALID', `Cannot join as ${JSON.stringify(user.slice(0, 40))}: ${fault}`);
}
