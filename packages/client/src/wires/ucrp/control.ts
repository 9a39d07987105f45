import { createConnection, isIPv6, type Socket } from 'node:net';
import { CodecError } from '@confab/wire';
import {
  decodeTcrpGrant,
  decodeTcrpVerdict,
  encodeTcrpFrame,
  encodeTcrpRequest,
  TcrpAnswerDecoder,
  type TcrpFrame,
  type TcrpGrant,
  TcrpOperation,
  type TcrpRequest,
  TcrpStatus,
  type TcrpVerdictRead,
} from '@confab/wire/tcrp';
import { ClientError, type ClientErrorCode } from '../../errors.ts';
import type { ConnectPhase } from '../../session.ts';

export interface ControlRequest {
  readonly host: string;
  readonly port: number;
  readonly operation: 'create' | 'join';
  readonly room: string;
  readonly request: TcrpRequest;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onPhase: (phase: ConnectPhase) => void;
}

export interface ControlAnswer {
  readonly grant: TcrpGrant;
  /** IP address of the server, as TCP found it: where the datagrams go, too. */
  readonly serverAddress: string;
}

const refusalCodes: Readonly<Record<number, ClientErrorCode>> = {
  [TcrpStatus.ROOM_EXISTS]: 'ROOM_EXISTS',
  [TcrpStatus.ROOM_NOT_FOUND]: 'ROOM_NOT_FOUND',
  [TcrpStatus.ROOM_FULL]: 'ROOM_FULL',
  [TcrpStatus.USER_NAME_INVALID]: 'USER_NAME_INVALID',
  [TcrpStatus.ROOM_NAME_INVALID]: 'ROOM_NAME_INVALID',
  [TcrpStatus.SERVER_ERROR]: 'SERVER_ERROR',
  [TcrpStatus.UNAUTHORIZED]: 'UNAUTHORIZED',
};

/**
 * One TCRP exchange: connect, ask, read both answers, close.
 * @throws {ClientError} CONNECT_FAILED, CONNECT_TIMEOUT, PROTOCOL_BROKEN, or what the server refused with; or the signal's
 *   reason
 */
export async function requestToken(options: ControlRequest): Promise<ControlAnswer> {
  const { host, port, timeoutMs, signal, onPhase } = options;
  const place = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const socket = createConnection({ host, port, noDelay: true });
  try {
    const serverAddress = await connected(socket, stop);
    onPhase({ phase: 'control-connected', address: place });
    socket.write(
      encodeTcrpFrame({
        layout: 'header32',
        operation: options.operation === 'create' ? TcrpOperation.CREATE : TcrpOperation.JOIN,
        state: 0,
        room: options.room,
        payload: encodeTcrpRequest(options.request),
      }),
    );
    const grant = await readAnswers(socket, stop, options);
    const role = options.operation === 'create' ? 'host' : 'member';
    onPhase({ phase: 'admitted', role, token: grant.token, participantCount: grant.participantCount });
    return { grant, serverAddress };
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    if (deadline.aborted) {
      throw new ClientError('CONNECT_TIMEOUT', `Cannot enter a room at ${place}: no answer within ${timeoutMs} ms`, {
        cause,
      });
    }
    if (cause instanceof ClientError) throw cause;
    if (cause instanceof CodecError) {
      throw new ClientError('PROTOCOL_BROKEN', `Cannot understand the answer of ${place}: ${cause.message}`, { cause });
    }
    throw new ClientError('CONNECT_FAILED', `Cannot reach ${place}: ${reasonOf(cause)}`, { cause });
  } finally {
    const wasOpen = socket.remoteAddress !== undefined;
    socket.destroy();
    if (wasOpen) onPhase({ phase: 'control-disconnected' });
  }
}

async function connected(socket: Socket, stop: AbortSignal): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(stop.reason);
    if (stop.aborted) abort();
    stop.addEventListener('abort', abort, { once: true });
    socket.once('connect', resolve);
    socket.on('error', reject);
  });
  return socket.remoteAddress ?? '';
}

async function readAnswers(socket: Socket, stop: AbortSignal, options: ControlRequest): Promise<TcrpGrant> {
  const decoder = new TcrpAnswerDecoder();
  const abort = (): void => void socket.destroy(stop.reason);
  stop.addEventListener('abort', abort, { once: true });
  let verdict: TcrpVerdictRead | undefined;
  try {
    for await (const chunk of socket) {
      const { frames, error } = decoder.push(chunk as Uint8Array);
      for (const frame of frames) {
        if (verdict === undefined) {
          verdict = readVerdict(frame);
          if (!verdict.accepted) throw refusal(verdict, options);
        } else {
          return decodeTcrpGrant(frame.payload);
        }
      }
      if (error !== undefined) throw error;
    }
  } finally {
    stop.removeEventListener('abort', abort);
  }
  throw new ClientError('PROTOCOL_BROKEN', 'The server closed the connection in the middle of its answer');
}

function readVerdict(frame: TcrpFrame): TcrpVerdictRead {
  if (frame.state !== 1) {
    throw new ClientError('PROTOCOL_BROKEN', `The server answered with state ${frame.state}, expected 1`);
  }
  return decodeTcrpVerdict(frame.payload);
}

function refusal(verdict: TcrpVerdictRead, { operation, room }: ControlRequest): ClientError {
  const { statusCode } = verdict;
  // The string dialect says only no, and there is one common reason for each operation.
  const code =
    statusCode === undefined
      ? operation === 'create'
        ? 'ROOM_EXISTS'
        : 'ROOM_NOT_FOUND'
      : (refusalCodes[statusCode] ?? 'REFUSED');
  const reason =
    verdict.message ??
    (operation === 'create' ? 'it exists, or the server refused' : 'it does not exist, or the server refused');
  return new ClientError(code, `Cannot ${operation} room ${JSON.stringify(room)}: ${reason}`);
}

function reasonOf(cause: unknown): string {
  const error = cause as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  switch (error.code ?? error.errors?.[0]?.code) {
    case 'ECONNREFUSED':
      return 'connection refused; is the server running, and is this its TCP port?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name does not resolve';
    case 'ECONNRESET':
      return 'the connection was closed by the server';
    default:
      return error.message;
  }
}
