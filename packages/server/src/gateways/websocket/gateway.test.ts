import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { type TestContext, test } from 'node:test';
import { prng } from '@confab/testing';
import { RawLines } from '@confab/testing/raw/json-lines';
import { eventually, within } from '@confab/testing/raw/wait';
import { startTestServer, type TestServer } from '@confab/testing/test-server';
import { type ClientOptions, WebSocket } from 'ws';

type Settings = Readonly<Record<string, string | number | boolean>>;

/** A WebSocket that keeps what comes until it is asked for. */
class Peer {
  readonly socket: WebSocket;
  readonly #frames: string[] = [];
  #wake: () => void = () => {};
  /** The code it was closed with. */
  readonly closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.#frames.push(String(data));
      this.#wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  say(value: object | string): void {
    this.socket.send(typeof value === 'string' ? value : JSON.stringify(value));
  }

  async next(): Promise<string> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(arrival, 'a frame');
    }
  }

  async until(text: string): Promise<string[]> {
    const frames: string[] = [];
    do frames.push(await this.next());
    while (!frames.at(-1)!.includes(text));
    return frames;
  }

  async join(room: string, user: string): Promise<void> {
    this.say({ type: 'join', room, user });
    await this.until(JSON.stringify(`${user} joined`));
  }
}

interface World {
  readonly server: TestServer;
  readonly port: number;
  readonly url: string;
  /** Connected; the greeting has not been taken. */
  connect(options?: ClientOptions): Promise<Peer>;
  open(options?: ClientOptions): Promise<Peer>;
}

async function serve(context: TestContext, settings: Settings = {}, wires: ('http' | 'json_lines')[] = ['http']) {
  const server = await startTestServer(context, { wires, settings });
  const port = server.ports.port('ws', 'tcp');
  const connect = async (options: ClientOptions = {}): Promise<Peer> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, options);
    context.after(() => socket.terminate());
    const peer = new Peer(socket);
    await once(socket, 'open');
    return peer;
  };
  const open = async (options: ClientOptions = {}): Promise<Peer> => {
    const peer = await connect(options);
    await peer.next();
    return peer;
  };
  return { server, port, url: `http://127.0.0.1:${port}`, connect, open } satisfies World;
}

/** The status and body with which an upgrade is refused. */
async function refusal(url: string, options: ClientOptions = {}): Promise<{ status: number; code: string }> {
  const socket = new WebSocket(url, options);
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  let body = '';
  for await (const chunk of response) body += String(chunk);
  socket.terminate();
  return { status: response.statusCode, code: (JSON.parse(body) as { code: string }).code };
}

test('one JSON object in each text frame, as on JSON lines', async (context) => {
  const { connect } = await serve(context);
  const ann = await connect();
  assert.equal(
    await ann.next(),
    '{"type":"system","text":"Welcome! Join a room to start chatting.","room":"system","seq":0}',
  );
  ann.say('{"type":"message","text":"too early"}');
  assert.equal(await ann.next(), '{"type":"error","text":"Join a room first","seq":0}');
  ann.say('{"type":"join","room":"lobby","user":"Ann"}');
  assert.equal(await ann.next(), '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":1}');
  ann.say('{"type":"message","text":"Grüße 🎉"}');
  assert.equal(await ann.next(), '{"type":"message","room":"lobby","user":"Ann","text":"Grüße 🎉","seq":2}');
  ann.say('{"type":"rooms"}');
  assert.equal(await ann.next(), '{"type":"rooms","rooms":["lobby"],"seq":2}');
});

test('a late comer gets the history a frame each, and messages of all lengths come whole', async (context) => {
  const { open } = await serve(context);
  const ann = await open();
  await ann.join('lobby', 'Ann');
  const texts = ['', 'x'.repeat(60), 'y'.repeat(200), 'z'.repeat(4096), '\u0001'.repeat(4096)];
  for (const text of texts) ann.say({ type: 'message', text });
  const bob = await open();
  await ann.until(JSON.stringify(texts.at(-1)));
  bob.say({ type: 'join', room: 'lobby', user: 'Bob' });
  const frames = await bob.until('"Bob joined"');
  assert.deepEqual(
    frames.slice(1, -1).map((frame) => (JSON.parse(frame) as { text: string }).text),
    texts,
  );
});

test('people with lines and people with frames are in the same rooms', async (context) => {
  const { open, server } = await serve(context, {}, ['http', 'json_lines']);
  const ann = await open();
  await ann.join('lobby', 'Ann');
  const bob = await RawLines.open(server.ports.port('jsonl', 'tcp'));
  context.after(() => bob.close());
  await bob.join('lobby', 'Bob');
  assert.match(await ann.next(), /Bob joined/);
  bob.say({ type: 'message', text: 'by line' });
  assert.equal(await ann.next(), await bob.next());
  ann.say({ type: 'message', text: 'by frame' });
  assert.equal(await bob.next(), await ann.next());
});

test('bad frames: binary and bad JSON are errors, what breaks the protocol closes the connection', async (context) => {
  const { open } = await serve(context);
  const ann = await open();
  ann.socket.send(Buffer.from('{"type":"rooms"}'));
  assert.equal(await ann.next(), '{"type":"error","text":"Binary frames are not accepted","seq":0}');
  ann.say('nonsense');
  assert.equal(await ann.next(), '{"type":"error","text":"Invalid JSON","seq":0}');
  ann.say('');
  assert.equal(await ann.next(), '{"type":"error","text":"Invalid JSON","seq":0}');
  ann.say('x'.repeat(65_536));
  assert.equal(await ann.next(), '{"type":"error","text":"Invalid JSON","seq":0}');
  ann.say('x'.repeat(65_537));
  assert.equal(await ann.closed, 1009);

  const bob = await open();
  // A text frame that is no UTF-8 (RFC 6455 §8.1).
  bob.socket.send(Buffer.from([0xff]), { binary: false });
  assert.equal(await bob.closed, 1007);
});

test('a member that goes has left, however it goes', async (context) => {
  const { open } = await serve(context);
  const [ann, bob, eve] = [await open(), await open(), await open()];
  await ann.join('lobby', 'Ann');
  await bob.join('lobby', 'Bob');
  await eve.join('lobby', 'Eve');
  bob.socket.close();
  await ann.until('"Bob left"');
  eve.socket.terminate();
  await ann.until('"Eve left"');
});

/** GET with any `Host`, which fetch does not let one choose. */
async function get(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  const asked = request({ host: '127.0.0.1', port, path, headers });
  asked.end();
  const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, body };
}

test('a page that has given its own name this address (DNS rebinding) gets nothing', async (context) => {
  const { url, port, open } = await serve(context, {
    'http.hosts': 'chat.example.org',
    'http.origins': 'https://app.example',
  });
  const rebound = { host: `evil.example:${port}` };
  for (const path of ['/', '/api/rooms', '/metrics', '/nothing', '/ws']) {
    const { status, body } = await get(port, path, rebound);
    assert.deepEqual(
      [status, JSON.parse(body)],
      [421, { code: 'HOST_REFUSED', message: 'This server is not known by that name; see http.hosts' }],
    );
  }
  const ws = `${url.replace('http', 'ws')}/ws`;
  const same = { origin: `http://${rebound.host}`, headers: rebound };
  assert.deepEqual(await refusal(ws, same), { status: 403, code: 'ORIGIN_REFUSED' });

  // Names that are known, addresses, health, programs without an origin, and pages that are configured.
  for (const host of ['chat.example.org', 'localhost:1', '192.0.2.1', '[::1]']) {
    assert.equal((await get(port, '/api/rooms', { host })).status, 200, host);
  }
  for (const path of ['/healthz', '/readyz']) assert.equal((await get(port, path, rebound)).status, 200);
  assert.equal((await get(port, '/api/rooms', { ...rebound, origin: 'https://app.example' })).status, 200);
  await open({ headers: rebound });
  await open({ origin: 'https://app.example', headers: rebound });
  await open({ origin: 'https://chat.example.org', headers: { host: 'chat.example.org' } });
});

test('pages of other origins are refused, those of this one and configured ones are not', async (context) => {
  const { url, open, port } = await serve(context, { 'http.origins': 'https://chat.example.org' });
  const ws = `${url.replace('http', 'ws')}/ws`;
  assert.deepEqual(await refusal(ws, { origin: 'http://evil.example' }), { status: 403, code: 'ORIGIN_REFUSED' });
  await open({ origin: 'https://chat.example.org' });
  await open({ origin: `http://127.0.0.1:${port}` });
  const answer = await fetch(`${url}/api/rooms`, { headers: { Origin: 'https://chat.example.org' } });
  assert.equal(answer.headers.get('access-control-allow-origin'), 'https://chat.example.org');
  const foreign = await fetch(`${url}/api/rooms`, { headers: { Origin: 'http://evil.example' } });
  assert.equal(foreign.headers.get('access-control-allow-origin'), null);
});

test('there is no WebSocket anywhere else', async (context) => {
  const { url } = await serve(context);
  assert.deepEqual(await refusal(`${url.replace('http', 'ws')}/other`), { status: 404, code: 'NOT_FOUND' });
});

test('over the limit of connections: an error, and closed', async (context) => {
  const { open, connect } = await serve(context, { 'http.max_connections': 1 });
  await open();
  const second = await connect();
  assert.equal(await second.next(), '{"type":"error","text":"Server busy, try again later","seq":0}');
  assert.equal(await second.closed, 1013);
});

test('a connection in no room is closed in time', async (context) => {
  const { open } = await serve(context, { 'http.join_timeout_ms': 50 });
  const idle = await open();
  assert.equal(await idle.next(), '{"type":"error","text":"Join a room first","seq":0}');
  assert.equal(await idle.closed, 1013);
});

test('a peer that does not answer pings is gone, one that does stays', async (context) => {
  const { open } = await serve(context, { 'http.ping_interval_ms': 100 });
  const ann = await open();
  await ann.join('lobby', 'Ann');
  const deaf = await open({ autoPong: false });
  deaf.say({ type: 'join', room: 'lobby', user: 'Deaf' });
  await ann.until('"Deaf left"');
  ann.say({ type: 'message', text: 'still here' });
  await ann.until('still here');
});

for (const compression of [false, true]) {
  test(`a slow reader pauses and catches up without a gap, compression ${compression ? 'on' : 'off'}`, async (context) => {
    const { open, server } = await serve(context, {
      'http.send_buffer_bytes': 20_000,
      'http.compression': compression,
      'limits.member_messages.per_second': 100_000,
      'limits.member_messages.burst': 100_000,
    });
    const ann = await open();
    await ann.join('lobby', 'Ann');
    const slow = await open({ perMessageDeflate: compression });
    assert.equal(slow.socket.extensions !== '', compression);
    await slow.join('lobby', 'Slow');
    await ann.until('"Slow joined"');
    slow.socket.pause();
    const member = [...server.running.hub.members()].find(({ user }) => user === 'Slow');
    // What compression makes no shorter by much.
    const random = prng(1);
    let count = 0;
    while (member?.reader?.state !== 'paused') {
      assert.ok(count < 20_000, 'its buffers are full some time');
      for (let line = 0; line < 50; line += 1, count += 1) {
        ann.say({ type: 'message', text: `${count} ${Buffer.from(random.bytes(3000)).toString('base64')}` });
      }
      await ann.until(`"${count - 1} `);
    }
    slow.socket.resume();
    for (let expected = 0; expected < count; expected += 1) {
      const frame = await slow.next();
      assert.ok(frame.includes(`"text":"${expected} `), `line ${expected} is next, not ${frame.slice(0, 80)}`);
    }
  });
}

test('the HTTP API tells rooms, kinds, members and passwords, a page at a time', async (context) => {
  const { url, open, server } = await serve(context);
  const ann = await open();
  await ann.join('lobby', 'Ann');
  const { hub } = server.running;
  const entry = { user: 'Host', address: '192.0.2.1', token: { prefix: '', bytes: 16 } };
  await hub.create({ ...entry, room: 'secret', password: 'sesame' });
  await hub.create({ ...entry, room: 'Zoo' });
  const rooms = await fetch(`${url}/api/rooms`);
  assert.equal(rooms.status, 200);
  assert.match(rooms.headers.get('content-type') ?? '', /^application\/json/);
  assert.deepEqual(await rooms.json(), {
    rooms: [
      { name: 'Zoo', kind: 'hosted', members: 1, hasPassword: false },
      { name: 'lobby', kind: 'open', members: 1, hasPassword: false },
      { name: 'secret', kind: 'hosted', members: 1, hasPassword: true },
    ],
    more: 0,
  });
  const page = (await (await fetch(`${url}/api/rooms?limit=1&after=Zoo`)).json()) as { rooms: { name: string }[] };
  assert.deepEqual([page.rooms.map(({ name }) => name), (page as unknown as { more: number }).more], [['lobby'], 1]);
  for (const limit of ['0', '1001', '1.5', 'x']) {
    assert.equal((await fetch(`${url}/api/rooms?limit=${limit}`)).status, 400);
  }
});

test('health, readiness, the page, and errors as JSON, all with headers that protect', async (context) => {
  const { url } = await serve(context);
  const statuses: [path: string, method: string, status: number, code?: string][] = [
    ['/healthz', 'GET', 200],
    ['/readyz', 'GET', 200],
    ['/', 'GET', 200],
    ['/', 'HEAD', 200],
    ['/metrics', 'GET', 200],
    ['/ws', 'GET', 426, 'UPGRADE_REQUIRED'],
    ['/nothing', 'GET', 404, 'NOT_FOUND'],
    ['/api/rooms', 'POST', 405, 'METHOD_NOT_ALLOWED'],
  ];
  for (const [path, method, status, code] of statuses) {
    const answer = await fetch(`${url}${path}`, { method });
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(answer.headers.get('x-frame-options'), 'DENY', path);
    assert.match(answer.headers.get('content-security-policy') ?? '', /^default-src 'none'/, path);
    if (code !== undefined) assert.equal(((await answer.json()) as { code: string }).code, code);
    else await answer.text();
  }
});

test('the page does not trust the host it is asked by', async (context) => {
  const { port } = await serve(context, { 'http.hosts': '*' });
  const asked = request({ port, host: '127.0.0.1', path: '/', headers: { Host: 'a.example:1' } }).end();
  const [response] = await once(asked, 'response');
  let body = '';
  for await (const chunk of response) body += String(chunk);
  assert.match(body, /ws:\/\/a\.example:1\/lobby/);
  const evil = request({ port, host: '127.0.0.1', path: '/', headers: { Host: 'a"><script>' } }).end();
  const [refused] = await once(evil, 'response');
  let text = '';
  for await (const chunk of refused) text += String(chunk);
  assert.ok(!text.includes('<script>'), text);
});

test('metrics tell Prometheus of members, rooms, events, latency, deliveries and drops', async (context) => {
  const { url, open } = await serve(context);
  const ann = await open();
  await ann.join('lobby', 'Ann');
  ann.say({ type: 'message', text: 'hi' });
  await ann.next();
  ann.say('nonsense');
  await ann.next();
  const answer = await fetch(`${url}/metrics`);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  const lines = new Set(text.split('\n'));
  for (const line of [
    'confab_members 1',
    'confab_rooms 1',
    'confab_position 2',
    'confab_events_total 2',
    'confab_store_commits_total 2',
    'confab_publish_latency_seconds_count 2',
    'confab_connections{wire="websocket"} 1',
    'confab_received_total{wire="websocket"} 3',
    'confab_deliveries_total{wire="websocket"} 2',
    'confab_drops_total{wire="websocket",reason="unreadable"} 1',
    'confab_faults_total 0',
  ]) {
    assert.ok(lines.has(line), `${line} is missing in\n${text}`);
  }
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
  ]) {
    assert.match(text, new RegExp(`^${name} `, 'm'));
  }
});

test('metrics can be turned off', async (context) => {
  const { url } = await serve(context, { 'http.metrics': false });
  assert.equal((await fetch(`${url}/metrics`)).status, 404);
});

test('who asks too often is told to wait, health is always told', async (context) => {
  const { url, open } = await serve(context, {
    'http.api_requests.per_second': 0.001,
    'http.api_requests.burst': 2,
  });
  assert.equal((await fetch(`${url}/api/rooms`)).status, 200);
  assert.equal((await fetch(`${url}/api/rooms`)).status, 200);
  const third = await fetch(`${url}/api/rooms`);
  assert.equal(third.status, 429);
  assert.equal(third.headers.get('retry-after'), '1');
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  // Connections have limits of their own: many may be behind one address.
  await open();
});

test('a request that does not arrive in time is closed, and so is the oldest of too many connections', async (context) => {
  const { port } = await serve(context, { 'http.request_timeout_ms': 100, 'http.idle_connections_max': 2 });
  const half = connectTcp(port, '127.0.0.1').on('error', () => {});
  half.resume();
  half.write('GET / HTTP/1.1\r\nHost: x\r\n');
  await within(once(half, 'close'), 'the half request to be closed');
  const first = connectTcp(port, '127.0.0.1').on('error', () => {});
  await once(first, 'connect');
  const others = [connectTcp(port, '127.0.0.1'), connectTcp(port, '127.0.0.1')];
  context.after(() => {
    for (const socket of [first, ...others]) socket.destroy();
  });
  first.resume();
  await within(once(first, 'close'), 'the oldest to be closed');
});

test('a stop tells everybody, and closes in good order', async (context) => {
  const { server, open } = await serve(context);
  const [ann, bob] = [await open(), await open()];
  await ann.join('lobby', 'Ann');
  await server.stop();
  assert.equal(
    await ann.next(),
    '{"type":"system","room":"lobby","user":"system","text":"Server is shutting down","seq":2}',
  );
  assert.match(await bob.next(), /"room":"system".*Server is shutting down/);
  assert.equal(await ann.closed, 1013);
  await eventually(() => server.running.hub.memberCount === 0, 'nobody is left');
});
