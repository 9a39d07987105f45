import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { connectTls, type DeviceKey, type ExporterValues, type Trust } from '@confab/link';
import {
  encodeHandshake,
  HandshakeDecoder,
  type HandshakeRead,
  LINK_DATAGRAM_BYTES_MAX,
  type Welcome,
} from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import { clientErrorOf, LinkRefusal } from './refusals.ts';

/** What this library calls itself in HELLO. */
export const LINK_AGENT = 'confab/0.1.0';
/**
 * The largest datagram that is sent: what an Ethernet frame carries (1500 − 20 − 8 bytes). The system would cut larger ones, and
 * so make it look as if they passed.
 */
export const DATAGRAM_BYTES_MAX = 1472;

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly trust: Trust;
  readonly user: string;
  /** Undefined: as a guest. */
  readonly deviceKey: DeviceKey | undefined;
  readonly wantsUdp: boolean;
  /** Of the session to go on with. */
  readonly ticket?: Uint8Array | undefined;
  /** For TCP and TLS, and for WELCOME, ms each. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** TLS stands and the server is trusted; nothing was sent yet. */
  readonly onTrusted?: ((fingerprint: string, isFirstUse: boolean, socket: TLSSocket) => void) | undefined;
}

/** A connection on which HELLO and WELCOME are done; the socket is paused. */
export interface Dialled {
  readonly socket: TLSSocket;
  readonly exporters: ExporterValues;
  readonly fingerprint: string;
  readonly isFirstUse: boolean;
  readonly welcome: Welcome;
  /** Bytes behind WELCOME. */
  readonly early: Uint8Array;
}

/**
 * Connect, judge the server's key, and say who we are.
 * @throws {ClientError} CONNECT_FAILED, CONNECT_TIMEOUT, PIN_MISMATCH, CERTIFICATE_UNTRUSTED, KNOWN_SERVERS_UNUSABLE,
 *   PROTOCOL_BROKEN, or what the server refused with ({@link LinkRefusal})
 * @throws the signal's reason
 */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { host, port, trust, user, deviceKey, wantsUdp, ticket, timeoutMs, signal } = options;
  const connection = await connectTls({ host, port, trust, timeoutMs, signal }).catch((error: unknown) => {
    throw clientErrorOf(error);
  });
  const { socket, exporters, fingerprint, isFirstUse } = connection;
  socket.on('error', () => {});
  try {
    options.onTrusted?.(fingerprint, isFirstUse, socket);
    socket.write(
      encodeHandshake({
        type: 'hello',
        user,
        agent: LINK_AGENT,
        wantsUdp,
        datagramBytesMax: LINK_DATAGRAM_BYTES_MAX,
        ...(deviceKey === undefined ? {} : { device: deviceKey.prove(exporters.device) }),
        ...(ticket === undefined ? {} : { ticket }),
      }),
    );
    const { frame, rest } = await firstFrame(socket, timeoutMs, `${host}:${port}`, signal);
    if (frame?.type === 'refuse') {
      throw new LinkRefusal(frame.code, 'The server refuses', frame.text, 'USER_NAME_INVALID');
    }
    if (frame?.type !== 'welcome') {
      const what =
        frame?.type === 'other-version' ? `it speaks version ${frame.version} of link` : 'it says no WELCOME';
      throw new ClientError('PROTOCOL_BROKEN', `Cannot speak with ${host}:${port}: ${what}`);
    }
    return { socket, exporters, fingerprint, isFirstUse, welcome: frame, early: rest?.slice() ?? new Uint8Array(0) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function firstFrame(
  socket: TLSSocket,
  timeoutMs: number,
  place: string,
  signal: AbortSignal | undefined,
): Promise<HandshakeRead> {
  const decoder = new HandshakeDecoder();
  const { promise, resolve, reject } = Promise.withResolvers<HandshakeRead>();
  const onData = (chunk: Uint8Array): void => {
    const read = decoder.push(chunk);
    if (read.error !== undefined) {
      const message = `Cannot speak with ${place}: ${read.error.message}`;
      reject(new ClientError('PROTOCOL_BROKEN', message, { cause: read.error }));
    } else if (read.frame !== undefined) {
      socket.pause();
      resolve(read);
    }
  };
  const settled = new AbortController();
  const timer = setTimeout(() => {
    reject(new ClientError('CONNECT_TIMEOUT', `Cannot connect to ${place}: no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  socket.on('data', onData);
  once(socket, 'close', { signal: settled.signal }).then(
    () => reject(new ClientError('CONNECT_FAILED', `Cannot connect to ${place}: the connection was closed`)),
    () => {},
  );
  try {
    signal?.throwIfAborted();
    return await promise;
  } finally {
    clearTimeout(timer);
    settled.abort();
    signal?.removeEventListener('abort', onAbort);
    socket.off('data', onData);
  }
}
