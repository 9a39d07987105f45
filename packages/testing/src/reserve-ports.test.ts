import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { reservePorts } from './reserve-ports.ts';

test('no port is reserved twice, none that the system gives to connections, and none that is in use', async (context) => {
  const first = await reservePorts();
  // The next one of this process.
  const busy = createServer().listen(first.tcpPort + 2, '127.0.0.1');
  context.after(() => void busy.close());
  await once(busy, 'listening');
  const reserved = [first];
  for (let count = 0; count < 30; count += 1) reserved.push(await reservePorts());
  const ports = reserved.flatMap(({ tcpPort, udpPort }) => [tcpPort, udpPort]);
  assert.equal(new Set(ports).size, ports.length);
  assert.ok(ports.every((port) => port >= 20_000 && port < 32_768));
  assert.equal(ports.includes(first.tcpPort + 2), false);
});
