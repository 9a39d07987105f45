import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { TestServer } from '../support/server-process.ts';
import { RawMember } from '../support/ucrp.ts';
import { eventually, within } from '../support/wait.ts';

/** A server in a process of its own, and where it says that HTTP is. */
async function start(data: string): Promise<{ server: TestServer; host: string }> {
  const server = await TestServer.start({ data, settings: { 'http.enabled': true, 'http.tcp_port': 0 } });
  const host = (): string | undefined => /HTTP +tcp +(127\.0\.0\.1:\d+)/.exec(server.process.stdout)?.[1];
  await eventually(() => host() !== undefined, 'the address is printed');
  return { server, host: host()! };
}

/** Ten lines, as a bot would have them: Node's own WebSocket, and what came. */
async function chat(host: string, room: string, user: string) {
  const socket = new WebSocket(`ws://${host}/ws`);
  const heard: { type: string; user: string; text: string; seq: number }[] = [];
  socket.addEventListener('message', ({ data }) => heard.push(JSON.parse(String(data))));
  const hears = (text: string): Promise<void> =>
    eventually(() => heard.some((event) => event.text === text), `${user} hears "${text}"`);
  await hears('Welcome! Join a room to start chatting.');
  socket.send(JSON.stringify({ type: 'join', room, user }));
  await hears(`${user} joined`);
  return { socket, heard, hears, say: (text: string) => socket.send(JSON.stringify({ type: 'message', text })) };
}

test('a bot in ten lines talks with somebody at a terminal from the nineties', async (context) => {
  const folder = temporaryDirectory(context);
  const { server, host } = await start(folder.path);
  folder.closing(server);
  const human = await RawMember.create(server, { room: 'lobby', user: 'Ann', dialect: 'object' });
  const bot = await chat(host, 'lobby', 'Bot');
  context.after(() => bot.socket.close());
  await human.send('are you there?');
  await bot.hears('are you there?');
  bot.say('I am');
  await bot.hears('I am');
  const rooms = await (await fetch(`http://${host}/api/rooms`)).json();
  assert.deepEqual(rooms, { rooms: [{ name: 'lobby', kind: 'hosted', members: 2, hasPassword: false }], more: 0 });
  const metrics = await (await fetch(`http://${host}/metrics`)).text();
  assert.match(metrics, /^confab_members 2$/m);
  assert.match(metrics, /^confab_direct_writes\{reason="[^"]*"\} [01]$/m);
  assert.match(metrics, /^confab_ring_writes [01]$/m);
  assert.match(metrics, /^confab_datagram_batching\{reason="[^"]*"\} [01]$/m);
  assert.match(metrics, /^confab_received_total\{wire="ucrp"\} [1-9]/m);
  assert.match(metrics, /^confab_deliveries_total\{wire="websocket"\} [1-9]/m);
});

test('health, readiness and the page answer; a foreign page is refused; a stop closes in good order', async (context) => {
  const folder = temporaryDirectory(context);
  const { server, host } = await start(folder.path);
  folder.closing(server);
  for (const path of ['/', '/healthz', '/readyz']) assert.equal((await fetch(`http://${host}${path}`)).status, 200);
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const { request } = await import('node:http');
  const asked = request(`http://${host}/ws`, { headers: { ...upgrade, Origin: 'http://evil.example' } }).end();
  const [refused] = await within(once(asked, 'response'), 'an answer to the foreign page');
  assert.equal(refused.statusCode, 403);

  // The handshake of RFC 6455 §1.3, byte for byte what it says.
  const granted = request(`http://${host}/ws`, { headers: { ...upgrade, Origin: `http://${host}` } }).end();
  const [response, socket] = await within(once(granted, 'upgrade'), 'the upgrade');
  assert.equal(response.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(response.headers['sec-websocket-extensions'], undefined, 'no compression unless it is configured');
  socket.destroy();

  const ann = await chat(host, 'lobby', 'Ann');
  const closed = once(ann.socket, 'close');
  assert.deepEqual(await server.process.end('SIGTERM'), { code: 0, signal: null });
  const [event] = await within(closed, 'the connection to be closed');
  assert.equal((event as CloseEvent).code, 1013);
  assert.equal(ann.heard.at(-1)?.text, 'Server is shutting down');
});
