/*
 * Floods a port, in a process of its own so that those who measure are not held up by it:
 * `node flooder.ts udp PORT DATAGRAMS` or `node flooder.ts tcp PORT CONNECTIONS HALF`, where HALF is the base64url of half a request.
 * Says `flooding` when it begins and `flooded` when all of it was sent; holds its sockets until its input ends.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { prng } from '@confab/testing/prng';

const ADDRESS = '127.0.0.1';
const SOURCES = 20;
/** As many datagrams as surely fit a receive buffer of the usual size. */
const DATAGRAMS_AT_ONCE = 100;
const DATAGRAM_BYTES_MAX = 300;
const CONNECTIONS_AT_ONCE = 50;

const [protocol, port, count, half] = process.argv.slice(2);
process.stdout.write('flooding\n');
const sockets =
  protocol === 'udp'
    ? await floodDatagrams(Number(port), Number(count))
    : await floodConnections(Number(port), Number(count), Buffer.from(half!, 'base64url'));
process.stdout.write('flooded\n');
process.stdin.resume();
await once(process.stdin, 'end');
for (const socket of sockets) socket();

type Release = () => void;

async function floodDatagrams(port: number, count: number): Promise<Release[]> {
  const random = prng(4711);
  const sources: UdpSocket[] = [];
  for (let index = 0; index < SOURCES; index += 1) {
    const socket = createSocket('udp4').bind(0, ADDRESS);
    await once(socket, 'listening');
    sources.push(socket);
  }
  for (let sent = 0; sent < count; sent += DATAGRAMS_AT_ONCE) {
    const burst = Array.from(
      { length: Math.min(DATAGRAMS_AT_ONCE, count - sent) },
      (_, index) =>
        new Promise<void>((resolve, reject) => {
          const junk = random.bytes(random.int(1, DATAGRAM_BYTES_MAX));
          sources[index % SOURCES]!.send(junk, port, ADDRESS, (error) => (error === null ? resolve() : reject(error)));
        }),
    );
    await Promise.all(burst);
    // Lets the process that reads them have the processor.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sources.map((source) => () => void source.close());
}

async function floodConnections(port: number, count: number, half: Uint8Array): Promise<Release[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const opening = Array.from({ length: Math.min(CONNECTIONS_AT_ONCE, count - sockets.length) }, async () => {
      const socket = connect({ host: ADDRESS, port });
      sockets.push(socket);
      await new Promise<void>((resolve) => {
        socket.once('connect', () => resolve());
        // Refused or evicted is as good: it is the server's to decide.
        socket.on('error', () => resolve());
      });
      socket.write(half);
    });
    await Promise.all(opening);
  }
  return sockets.map((socket) => () => void socket.destroy());
}
