import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { requestEntry } from '@confab/testing/raw/tcrp';
import { startTestServer } from '@confab/testing/test-server';

test('junk in TCP mode keeps nobody at its IP address from joining a room with a password', async (context) => {
  const { ports, running } = await startTestServer(context, {
    wires: ['hybrid', 'bridge'],
    settings: { 'limits.address_faults.burst': 3, 'limits.address_faults.per_second': 0.001 },
  });
  const server = { address: ports.address, tcpPort: ports.port('ucrp', 'tcp'), udpPort: ports.port('ucrp', 'udp') };
  const entry = { room: 'vault', user: 'Ann', dialect: 'object', password: 'sesame' } as const;
  assert.ok((await requestEntry(server, 1, entry)).isAccepted);
  for (const junk of [
    'junk\r\n\r\n',
    'CHAT\r\nclientID1: a\r\nclientID2: b',
    'RELAY\r\n\r\n',
    'x'.repeat(2000),
    'a\r\n\r\n',
  ]) {
    const socket = connect(ports.port('bridge', 'tcp'), ports.address);
    socket.on('error', () => {});
    socket.resume();
    socket.end(junk);
    await once(socket, 'close');
  }
  assert.equal(running.hub.isIgnored(ports.address), false);
  assert.ok((await requestEntry(server, 2, { ...entry, user: 'Bob' })).isAccepted);
  // Wrong passwords do count.
  for (let times = 0; times < 3; times += 1) {
    assert.equal((await requestEntry(server, 2, { ...entry, user: 'Eve', password: 'guess' })).isAccepted, false);
  }
  assert.equal(running.hub.isIgnored(ports.address), true);
});
