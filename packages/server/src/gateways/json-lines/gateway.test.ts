import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { RawLines } from '@confab/testing/raw/json-lines';
import { eventually } from '@confab/testing/raw/wait';
import { startTestServer, type TestServer } from '@confab/testing/test-server';

type Settings = Readonly<Record<string, string | number | boolean>>;

interface World {
  readonly server: TestServer;
  readonly port: number;
  /** A connection, greeted; closed after the test. */
  open(): Promise<RawLines>;
  /** … that says nothing and to which nothing has been listened yet. */
  connect(): Promise<RawLines>;
}

async function serve(context: TestContext, settings: Settings = {}, data?: string): Promise<World> {
  const options = { wires: ['json_lines'], settings, ...(data === undefined ? {} : { data }) } as const;
  const server = await startTestServer(context, options);
  const port = server.ports.port('jsonl', 'tcp');
  const keep = (lines: RawLines): RawLines => {
    context.after(() => lines.close());
    return lines;
  };
  return {
    server,
    port,
    open: async () => keep(await RawLines.open(port)),
    connect: async () => keep(await RawLines.connect(port)),
  };
}

test('the page, byte for byte: greeting, joins, messages, rooms, errors, leaves', async (context) => {
  const { connect } = await serve(context);
  const ann = await connect();
  assert.equal(
    await ann.next(),
    '{"type":"system","text":"Welcome! Join a room to start chatting.","room":"system","seq":0}',
  );
  ann.say('{"type":"message","text":"too early"}');
  assert.equal(await ann.next(), '{"type":"error","text":"Join a room first","seq":0}');
  ann.say('{"type": "join", "user": "Ann", "room": "lobby", "color": "red"}');
  assert.equal(await ann.next(), '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":1}');
  ann.say('{"type":"join","room":"lobby","user":"Ann"}');
  assert.equal(await ann.next(), '{"type":"error","text":"Already in that room","seq":1}');
  ann.write('{"type":"message","text":"Gr\\u00fc\\u00dfe \\ud83c\\udf89"}\r\n\n\r\n');
  assert.equal(await ann.next(), '{"type":"message","room":"lobby","user":"Ann","text":"Grüße 🎉","seq":2}');

  const bob = await connect();
  assert.match(await bob.next(), /"seq":2}$/);
  bob.say('{"type":"join","room":"lobby","user":"Bob"}');
  assert.deepEqual(await bob.take(3), [
    '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":1}',
    '{"type":"message","room":"lobby","user":"Ann","text":"Grüße 🎉","seq":2}',
    '{"type":"system","room":"lobby","user":"system","text":"Bob joined","seq":3}',
  ]);
  bob.say('{"type":"join","room":"Zoo","user":"Bob"}');
  assert.equal(await bob.next(), '{"type":"system","room":"Zoo","user":"system","text":"Bob joined","seq":5}');
  bob.say('{"type":"rooms"}');
  assert.equal(await bob.next(), '{"type":"rooms","rooms":["Zoo","lobby"],"seq":5}');
  bob.say('{"type":"dance"}');
  assert.equal(await bob.next(), '{"type":"error","text":"Unknown message type: dance","seq":5}');
  assert.deepEqual(await ann.take(2), [
    '{"type":"system","room":"lobby","user":"system","text":"Bob joined","seq":3}',
    '{"type":"system","room":"lobby","user":"system","text":"Bob left","seq":4}',
  ]);
  bob.say('{"type":"leave"}');
  bob.say('{"type":"message","text":"gone"}');
  // Its leave may be in the log by now, or not.
  assert.match(await bob.next(), /^{"type":"error","text":"Join a room first","seq":[56]}$/);
});

test('bad input of every kind is an error line each, and the connection stays', async (context) => {
  const { open } = await serve(context);
  const ann = await open();
  ann.say('nonsense');
  ann.say('[1]');
  ann.say('{"type":"join","room":"lobby"}');
  ann.say('{"type":"join","room":7,"user":"Ann"}');
  ann.say('{"room":"lobby"}');
  ann.write(Buffer.from([0x7b, 0xff, 0x7d, 0x0a]));
  ann.say('{"type":"message","text":"\\ud800"}');
  ann.write(Buffer.alloc(65_537, 'x'));
  ann.write(Buffer.alloc(1_000_000, 'y'));
  ann.write('\n');
  ann.say('{"type":"rooms"}');
  assert.deepEqual(
    (await ann.take(9)).map((line) => (JSON.parse(line) as { text?: string; type: string }).text ?? 'rooms'),
    [
      'Invalid JSON',
      'Not a JSON object',
      'Missing field: user',
      'Field room must be a string',
      'Missing field: type',
      'Invalid UTF-8',
      'Field text holds a lone surrogate',
      'Request too long: the limit is 65536 bytes',
      'rooms',
    ],
  );
});

test('a request may come byte by byte, and many in one segment', async (context) => {
  const { open } = await serve(context);
  const ann = await open();
  for (const byte of Buffer.from('{"type":"join","room":"lobby","user":"Ännchen"}\n')) ann.write(Uint8Array.of(byte));
  assert.match(await ann.next(), /Ännchen joined/);
  const lines = Array.from({ length: 200 }, (_, index) => `{"type":"message","text":"${index}"}\n`);
  ann.write(lines.join(''));
  const heard = await ann.take(200);
  assert.deepEqual(
    heard.map((line) => Number((JSON.parse(line) as { text: string }).text)),
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test('over max_connections: an error, and closed', async (context) => {
  const { open, connect } = await serve(context, { 'json_lines.max_connections': 2 });
  const [ann] = [await open(), await open()];
  const third = await connect();
  const { lines, end } = await third.ended();
  assert.deepEqual(lines, ['{"type":"error","text":"Server busy, try again later","seq":0}']);
  assert.equal(end, 'closed');
  ann.close();
  await eventually(() => ann.socket.closed, 'the first is gone');
  // Its place is free when the server has heard of it.
  for (;;) {
    const again = await connect();
    if ((await again.next()).includes('Welcome!')) break;
  }
});

test('one address has a limit of its own', async (context) => {
  const { port, open, connect } = await serve(context, { 'json_lines.address_connections_max': 1 });
  await open();
  assert.deepEqual((await (await connect()).ended()).lines, [
    '{"type":"error","text":"Server busy, try again later","seq":0}',
  ]);
  const other = await RawLines.open(port, { localAddress: '127.0.0.2' });
  context.after(() => other.close());
});

test('a connection in no room is closed in time, and one in a room is not', async (context) => {
  const { open } = await serve(context, { 'json_lines.join_timeout_ms': 50 });
  const ann = await open();
  await ann.join('lobby', 'Ann');
  const idle = await open();
  const { lines } = await idle.ended();
  assert.deepEqual(lines, ['{"type":"error","text":"Join a room first","seq":1}']);
  ann.say({ type: 'message', text: 'still here' });
  assert.match(await ann.next(), /still here/);
});

test('a line that does not end in time ends the connection', async (context) => {
  const { open, server } = await serve(context, { 'json_lines.request_timeout_ms': 50 });
  const ann = await open();
  await ann.join('lobby', 'Ann');
  ann.write('{"type":"message",');
  const { lines } = await ann.ended();
  assert.deepEqual(lines, ['{"type":"error","text":"Request timed out","seq":1}']);
  await eventually(() => server.running.hub.memberCount === 0, 'she has left');
});

test('who half-closes is answered to the end', async (context) => {
  const { open } = await serve(context);
  const ann = await open();
  ann.socket.end('{"type":"join","room":"lobby","user":"Ann"}\n{"type":"message","text":"last, without a line feed"}');
  const { lines, end } = await ann.ended();
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { text: string }).text),
    ['Ann joined', 'last, without a line feed'],
  );
  assert.equal(end, 'closed');
});

test('closing the connection is a leave, and a reset is one, too', async (context) => {
  const { open } = await serve(context);
  const [ann, bob, eve] = [await open(), await open(), await open()];
  await ann.join('lobby', 'Ann');
  await bob.join('lobby', 'Bob');
  await eve.join('lobby', 'Eve');
  bob.close();
  await ann.until('"Bob left"');
  eve.socket.resetAndDestroy();
  await ann.until('"Eve left"');
});

test('a member that does not read is closed when it takes nothing for too long; the others hear everything', async (context) => {
  const { open, port } = await serve(context, {
    'json_lines.send_buffer_bytes': 1000,
    // Long enough for Ann, who reads, not to count as stalled on a busy machine.
    'json_lines.stalled_timeout_ms': 1500,
  });
  const ann = await open();
  await ann.join('lobby', 'Ann');
  const stalled = await RawLines.connect(port, { isStalled: true });
  context.after(() => stalled.close());
  stalled.say({ type: 'join', room: 'lobby', user: 'Stalled' });
  await ann.until('"Stalled joined"');
  const padding = 'x'.repeat(4000);
  let lines = 0;
  // The system's buffers are large, and nobody says how large.
  for (let isGone = false; !isGone; ) {
    for (let count = 0; count < 50; count += 1) ann.say({ type: 'message', text: `${padding} ${count}` });
    for (let count = 0; count < 50; count += 1) {
      const line = await ann.next();
      if (line.includes('"Stalled left"')) isGone = true;
      else lines += 1;
    }
    // One more is under way when the leave was among them.
    if (isGone) await ann.next();
    assert.ok(lines < 100_000, 'it is closed some time');
  }
});

test('history keeps its numbers across a restart, and new numbers are higher', async (context) => {
  const { path } = temporaryDirectory(context);
  const first = await serve(context, {}, path);
  const ann = await first.open();
  await ann.join('lobby', 'Ann');
  ann.say({ type: 'message', text: 'before' });
  const said = await ann.next();
  await first.server.stop();
  const { lines } = await ann.ended();
  assert.deepEqual(lines, [
    '{"type":"system","room":"lobby","user":"system","text":"Server is shutting down","seq":3}',
  ]);

  const second = await serve(context, {}, path);
  const bob = await second.connect();
  assert.match(await bob.next(), /"seq":3}$/);
  bob.say({ type: 'join', room: 'lobby', user: 'Bob' });
  assert.deepEqual(await bob.take(4), [
    '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":1}',
    said,
    '{"type":"system","room":"lobby","user":"system","text":"Ann left","seq":3}',
    '{"type":"system","room":"lobby","user":"system","text":"Bob joined","seq":4}',
  ]);
});

test('no more than the configured history is sent, the newest of it', async (context) => {
  const { open } = await serve(context);
  const ann = await open();
  await ann.join('lobby', 'Ann');
  for (let count = 0; count < 150; count += 1) ann.say({ type: 'message', text: `${count}` });
  await ann.take(150);
  const bob = await open();
  bob.say({ type: 'join', room: 'lobby', user: 'Bob' });
  const lines = await bob.take(101);
  assert.match(lines[0]!, /"text":"50","seq":52}$/);
  assert.match(lines[99]!, /"text":"149","seq":151}$/);
  assert.match(lines[100]!, /"Bob joined","seq":152}$/);
});

test('a port that is taken is refused in one line', async (context) => {
  const other = createServer().listen(0, '127.0.0.1');
  context.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await assert.rejects(
    startTestServer(context, { wires: ['json_lines'], settings: { 'json_lines.tcp_port': port } }),
    /the port is busy; stop the program that uses it or set json_lines\.tcp_port to another/,
  );
});

test('the server says where it listens', async (context) => {
  const { server, port } = await serve(context);
  assert.deepEqual(server.running.endpoints, [
    {
      wire: 'JSON lines',
      scheme: 'jsonl',
      protocol: 'tcp',
      address: '127.0.0.1',
      port,
      purpose: 'chat, one JSON object a line',
      isPlaintext: true,
      isAlternate: false,
    },
  ]);
});
