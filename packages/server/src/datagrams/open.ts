import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { listenError } from '../address.ts';

export interface ListenOptions {
  /** IP address to listen on. */
  readonly address: string;
  /** 0: one that the system chooses. */
  readonly port: number;
  /** The setting to change when the port cannot be had. */
  readonly portKey: string;
  /** What the system is asked for; it may allow less. */
  readonly receiveBufferBytes: number;
}

/**
 * A UDP socket that listens, with room for bursts. The caller hears its `error` and `message` events.
 * @throws {ServerError} when it cannot listen
 */
export async function openDatagramSocket(options: ListenOptions): Promise<Socket> {
  const { address, port, portKey, receiveBufferBytes } = options;
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Addresses are always numeric here, and of the socket's own family: nothing to look up, and nothing to wait for.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause) => {
      socket.close();
      reject(listenError(cause, 'udp', address, port, portKey));
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
  socket.setRecvBufferSize(receiveBufferBytes);
  return socket;
}

/** Fulfils when the socket is closed and what it was given has been handed to the system. */
export function closeDatagramSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve));
}
