import type { TcrpRequest } from '@confab/wire/tcrp';
import { ClientError } from '../../errors.ts';
import type { ConnectOptions, Connector, Session } from '../../session.ts';
import { requestToken } from './control.ts';
import { UcrpSession } from './session.ts';
import { parseUcrpUrl, type UcrpFlavour } from './target.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const SEND_TIMEOUT_MS = 3000;
const EVENTS_MAX = 10_000;
/** Between "join, it does not exist" and "create, it exists" others may come and go; more often than this is no accident. */
const ENTRY_ATTEMPTS = 4;

/** The hybrid wire: TCRP for the token, UCRP for the chat. */
export const ucrpConnector: Connector = {
  scheme: 'ucrp',
  example: 'ucrp://127.0.0.1:9090/lobby',
  connect: openUcrp,
};

async function openUcrp(url: URL, options: ConnectOptions): Promise<Session> {
  const target = parseUcrpUrl(url);
  const { user, signal } = options;
  if (target.flavour === 'string' && options.password !== undefined) {
    throw new ClientError('URL_INVALID', 'The string dialect cannot carry a password; leave out dialect=string');
  }
  const request = requestFor(target.flavour, options);
  const attempt = async (operation: 'create' | 'join') => {
    const answer = await requestToken({
      host: target.host,
      port: target.tcpPort,
      operation,
      room: target.room,
      request,
      timeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      signal,
      onPhase: (phase) => options.onPhase?.(phase),
    });
    return { ...answer, operation };
  };
  const { grant, serverAddress, operation } = await enter(options.entry ?? 'join-or-create', attempt);
  signal?.throwIfAborted();
  const session = await UcrpSession.open({
    serverAddress,
    udpPort: target.udpPort,
    room: target.room,
    user,
    token: grant.token,
    role: operation === 'create' ? 'host' : 'member',
    host: grant.hostUser,
    dialect: grant.chatDialect ?? request.dialect,
    hasEcho: grant.echo ?? request.dialect === 'object',
    hasNotices: grant.notices ?? false,
    sendTimeoutMs: options.sendTimeoutMs ?? SEND_TIMEOUT_MS,
    eventsMax: options.eventsMax ?? EVENTS_MAX,
  });
  options.onPhase?.({ phase: 'data-open', localAddress: session.localAddress });
  return session;
}

/**
 * `auto` asks for the object dialect's answers, which carry reasons and passwords, and for the string dialect's datagrams,
 * which can register and leave, with notices and with our own messages sent back as their confirmation. A server that does
 * not know these wishes ignores them, and its answer tells.
 */
function requestFor(flavour: UcrpFlavour, { user, password }: ConnectOptions): TcrpRequest {
  switch (flavour) {
    case 'string':
      return { dialect: 'string', user, options: {} };
    case 'object':
      return { dialect: 'object', user, password, options: {} };
    case 'auto':
      return { dialect: 'object', user, password, options: { chatDialect: 'string', notices: true, echo: true } };
  }
}

async function enter<Answer>(
  entry: NonNullable<ConnectOptions['entry']>,
  attempt: (operation: 'create' | 'join') => Promise<Answer>,
): Promise<Answer> {
  if (entry !== 'join-or-create') return attempt(entry);
  for (let round = 1; ; round += 1) {
    try {
      return await attempt('join');
    } catch (error) {
      if (!hasCode(error, 'ROOM_NOT_FOUND')) throw error;
    }
    try {
      return await attempt('create');
    } catch (error) {
      if (!hasCode(error, 'ROOM_EXISTS') || round === ENTRY_ATTEMPTS) throw error;
    }
  }
}

function hasCode(error: unknown, code: ClientError['code']): boolean {
  return error instanceof ClientError && error.code === code;
}
