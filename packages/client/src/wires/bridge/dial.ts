import { createConnection, isIPv6, type Socket } from 'node:net';
import { ClientError } from '../../errors.ts';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A TCP connection, or why there is none.
 * @throws {ClientError} CONNECT_FAILED, CONNECT_TIMEOUT, or the signal's reason
 */
export async function dialSocket({ host, port, timeoutMs, signal }: DialOptions): Promise<Socket> {
  signal?.throwIfAborted();
  const place = hostPort(host, port);
  const socket = createConnection({ host, port, noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new ClientError('CONNECT_TIMEOUT', `Cannot reach ${place}: no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  socket.once('connect', () => resolve());
  // It stays: what happens to the socket later shows as its close.
  socket.on('error', (cause) => {
    reject(new ClientError('CONNECT_FAILED', `Cannot reach ${place}: ${reasonOf(cause)}`, { cause }));
  });
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** `ip:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** In a few words. */
export function reasonOf(cause: unknown): string {
  const error = cause as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  switch (error.code ?? error.errors?.[0]?.code) {
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name does not resolve';
    default:
      return error.message;
  }
}
