import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TokenBucket } from '@confab/core';
import { RelayPipe } from './relay-pipe.ts';

const RATE = { perSecond: 1000, burst: 1000 };

/** Two clients, each connected to one end of a pipe. */
async function openPipe(context: TestContext, timeoutMs = 60_000) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pair = async (): Promise<[Socket, Socket]> => {
    const client = connect({ port, host: '127.0.0.1', noDelay: true });
    const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
    client.on('error', () => {});
    return [client, accepted as Socket];
  };
  const [left, leftEnd] = await pair();
  const [right, rightEnd] = await pair();
  const world = { nowMs: 0, passed: 0, closed: 0 };
  const pipe = new RelayPipe({
    ends: [leftEnd, rightEnd],
    bucket: new TokenBucket(RATE, 0),
    bytesPerSecond: RATE.perSecond,
    timeoutMs,
    nowMs: () => world.nowMs,
    onPassed: (bytes) => {
      world.passed += bytes;
    },
    onClosed: () => {
      world.closed += 1;
    },
  });
  context.after(() => {
    pipe.close();
    left.destroy();
    right.destroy();
    server.close();
  });
  return { left, right, world, pipe };
}

async function read(socket: Socket, bytes: number): Promise<string> {
  let text = '';
  while (text.length < bytes) text += String(((await once(socket, 'data')) as [Buffer])[0]);
  return text;
}

test('what one end says the other hears, both ways, and an end is passed on', async (context) => {
  const { left, right, world } = await openPipe(context);
  left.write('hello');
  assert.equal(await read(right, 5), 'hello');
  right.write('hi');
  assert.equal(await read(left, 2), 'hi');
  left.end('bye');
  assert.equal(await read(right, 3), 'bye');
  await once(right, 'end');
  right.end();
  if (!left.destroyed) await once(left, 'close');
  assert.equal(world.passed, 10);
  assert.equal(world.closed, 1);
});

test('what is above the rate waits until there is room for it', async (context) => {
  const { left, right, world } = await openPipe(context);
  let heard = 0;
  right.on('data', (chunk: Buffer) => {
    heard += chunk.length;
  });
  left.write('x'.repeat(900));
  while (heard < 900) await once(right, 'data');
  left.write('x'.repeat(900));
  // The other way shares the bucket: what passes here was tried after what waits.
  right.write('y'.repeat(50));
  assert.equal((await read(left, 50)).length, 50);
  assert.equal(heard, 900);
  world.nowMs = 900;
  while (heard < 1800) await once(right, 'data');
});

test('a silent pipe is closed', async (context) => {
  const { left, right, world } = await openPipe(context, 50);
  left.resume();
  right.resume();
  await Promise.all([once(left, 'close'), once(right, 'close')]);
  assert.equal(world.closed, 1);
});

test('closing lets go of both ends', async (context) => {
  const { left, right, pipe, world } = await openPipe(context);
  left.resume();
  right.resume();
  pipe.close();
  pipe.close();
  await Promise.all([once(left, 'close'), once(right, 'close')]);
  assert.equal(world.closed, 1);
});
