import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { ClientError } from './errors.ts';
import { unreachableReason } from './session-base.ts';

/**
 * A UDP socket that is connected: only the server's datagrams come in, and the system tells us when nobody listens there. A
 * name that has both kinds of address (as `localhost` mostly has) means the IPv4 one, which is where servers listen.
 * @param host name or IP address, without brackets
 * @throws {ClientError} CONNECT_FAILED
 */
export async function connectDatagramSocket(host: string, port: number): Promise<Socket> {
  const address = await resolve(host);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause) => {
      socket.close();
      reject(
        new ClientError('CONNECT_FAILED', `Cannot connect to ${place(host, port)}: ${unreachableReason(cause)}`, {
          cause,
        }),
      );
    });
    socket.connect(port, address, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
  return socket;
}

/** The socket's own address, `ip:port`. */
export function localAddressOf(socket: Socket): string {
  const { address, port } = socket.address();
  return place(address, port);
}

/** `host:port` as in a URL. */
export function place(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const found = await lookup(host, { all: true });
    const chosen = found.find(({ family }) => family === 4) ?? found[0];
    if (chosen !== undefined) return chosen.address;
  } catch (cause) {
    throw new ClientError('CONNECT_FAILED', `Cannot connect to "${host}": the host name does not resolve`, { cause });
  }
  throw new ClientError('CONNECT_FAILED', `Cannot connect to "${host}": the host name does not resolve`);
}
