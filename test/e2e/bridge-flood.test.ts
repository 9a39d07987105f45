import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { openBridge } from '@confab/client';
import { prng } from '@confab/testing';
import { PROBE, RawUdp, sharedBridge } from '../support/bridge.ts';
import { eventually } from '../support/wait.ts';

const DATAGRAMS = 20_000;
const CONNECTIONS = 2000;
const server = sharedBridge();

test('under junk, half-open connections and floods of packets, those who talk through the server lose nothing', async (context) => {
  const { tcpPort, udpPort } = server();
  const url = `bridge://127.0.0.1:${udpPort}`;
  const [ann, bob] = [await openBridge(url, { path: 'relay' }), await openBridge(url, { path: 'relay' })];
  context.after(() => Promise.all([ann.close(), bob.close()]));
  await ann.register('ann');
  await ann.bridge();
  await bob.register('bob');
  await bob.bridge();
  await bob.chat();

  const random = prng(20_261_121);
  const junk = Array.from({ length: 8 }, () => Buffer.from(random.bytes(300)));
  const sources = await Promise.all(Array.from({ length: 20 }, () => RawUdp.open()));
  const sockets: Socket[] = [];
  context.after(() => {
    for (const source of sources) source.close();
    for (const socket of sockets) socket.destroy();
  });
  const flood = async (): Promise<void> => {
    for (let sent = 0; sent < DATAGRAMS; sent += 1) {
      const packet = sent % 3 === 0 ? junk[sent % junk.length]! : sent % 3 === 1 ? Buffer.alloc(60, 0xff) : PROBE;
      sources[sent % sources.length]!.send(udpPort, packet);
      if (sent % (DATAGRAMS / CONNECTIONS) === 0) {
        const socket = connect({ host: '127.0.0.1', port: tcpPort });
        socket.on('error', () => {});
        socket.resume();
        socket.write('REGISTER\r\n');
        sockets.push(socket);
      }
      if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  let isFlooding = true;
  const flooding = flood().finally(() => {
    isFlooding = false;
  });
  const said: string[] = [];
  while (isFlooding || said.length < 50) {
    const text = `line ${said.length}`;
    said.push(text);
    assert.deepEqual(await bob.send(text), { status: 'accepted' });
  }
  await flooding;
  const heard: string[] = [];
  for await (const event of ann.events()) {
    if (event.type === 'message') heard.push(event.text);
    if (heard.length === said.length) break;
  }
  assert.deepEqual(heard, said);
  await eventually(() => sockets.filter(({ destroyed }) => !destroyed).length <= 256, 'connections are within bounds');
  // Sources of floods are ignored.
  const answered = sources.reduce((sum, source) => sum + source.untaken, 0);
  assert.ok(answered <= 10 * sources.length, `${answered} answers`);
});
