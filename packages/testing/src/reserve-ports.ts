import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range from which systems take ports for connections … */
const FIRST_PORT = 20_000;
/** … a stretch for each of so many processes that run at the same time, by their ids, which follow one another. */
const STRETCHES = 600;
const STRETCH_PORTS = 20;

export interface ReservedPorts {
  readonly tcpPort: number;
  /** The one behind it. */
  readonly udpPort: number;
}

let given = 0;

/**
 * A TCP and a UDP port that are free and stay so: nobody gets them by accident while a server that used them is being started
 * again, as happens to a port that the system chose when other tests open connections by the thousand; and no other process
 * of these tests looks there.
 */
export async function reservePorts(): Promise<ReservedPorts> {
  for (;;) {
    const stretch = (process.pid + Math.floor(given / STRETCH_PORTS)) % STRETCHES;
    const tcpPort = FIRST_PORT + stretch * STRETCH_PORTS + (given % STRETCH_PORTS);
    given += 2;
    if ((await isFreeTcp(tcpPort)) && (await isFreeUdp(tcpPort + 1))) return { tcpPort, udpPort: tcpPort + 1 };
  }
}

async function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
