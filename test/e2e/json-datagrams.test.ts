/** JSON datagrams with real processes; the raw client is written from docs/wires/json-datagrams.md alone. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ConnectOptions, connect, type Session } from '@confab/client';
import { temporaryDirectory } from '@confab/testing';
import { reservePorts, sharedServer, TestServer } from '../support/server-process.ts';
import { UdpPeer } from '../support/ucrp.ts';
import { eventually } from '../support/wait.ts';

const ON = { 'json_datagrams.enabled': true, 'json_datagrams.udp_port': 0 };
const server = sharedServer(ON);

function portOf({ process }: TestServer): number {
  const port = /JSON datagrams +udp +\S+:(\d+)/.exec(process.stdout)?.[1];
  assert.ok(port !== undefined, process.stdout);
  return Number(port);
}

/** As the existing program: one counter of ids, and it acknowledges nothing unless told to. */
class RawUser {
  readonly user: string;
  readonly #peer: UdpPeer;
  readonly #port: number;
  #lastId = 0;
  sentBytes = 0;
  heardBytes = 0;

  static async open(context: TestContext, port: number, user: string): Promise<RawUser> {
    const peer = await UdpPeer.open();
    context.after(() => peer.close());
    return new RawUser(user, peer, port);
  }

  private constructor(user: string, peer: UdpPeer, port: number) {
    this.user = user;
    this.#peer = peer;
    this.#port = port;
  }

  async send(request: object): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(request));
    this.sentBytes += bytes.length;
    await this.#peer.send(bytes, { address: '127.0.0.1', udpPort: this.#port });
  }

  /** A request with the next id, and its acknowledgement, which must be what comes next. */
  async ask(request: object): Promise<void> {
    this.#lastId += 1;
    await this.send({ ...request, id: this.#lastId });
    assert.deepEqual(await this.hear(), { type: 'ack', id: this.#lastId });
  }

  async hear(): Promise<Record<string, unknown>> {
    const bytes = await this.#peer.next();
    this.heardBytes += bytes.length;
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  }

  async hears(...texts: string[]): Promise<void> {
    for (const text of texts) assert.equal((await this.hear()).text, text, this.user);
  }
}

/** A session that is left after the test. */
async function enter(context: TestContext, url: string, options: ConnectOptions): Promise<Session> {
  const session = await connect(url, options);
  context.after(() => session.leave());
  return session;
}

function listen(session: Session): string[] {
  const shown: string[] = [];
  void (async () => {
    for await (const event of session.events()) {
      if (event.type === 'message') shown.push(`${event.user}: ${event.text}${event.isHistory ? ' (before)' : ''}`);
      else if ('text' in event) shown.push(event.text);
    }
  })();
  return shown;
}

test('a raw client and ours talk; history, echo, another room, leaving', async (context) => {
  const port = portOf(server());
  const ann = await RawUser.open(context, port, 'Ann');
  await ann.ask({ type: 'join', room: 'lobby', user: 'Ann' });
  await ann.hears('Ann joined');
  await ann.ask({ type: 'message', text: 'first' });
  const echo = await ann.hear();
  assert.deepEqual({ ...echo, seq: 0 }, { type: 'message', room: 'lobby', user: 'Ann', text: 'first', seq: 0 });

  const bob = await enter(context, `jsonu://127.0.0.1:${port}/lobby`, { user: 'Bob' });
  const shown = listen(bob);
  await ann.hears('Bob joined');
  assert.deepEqual(await bob.send('hello 🎉'), { status: 'accepted' });
  await ann.hears('hello 🎉');
  await ann.ask({ type: 'message', text: 'welcome' });
  await ann.hears('welcome');
  await eventually(() => shown.includes('Ann: welcome'), 'Bob hears Ann');
  assert.deepEqual(shown, ['Ann joined', 'Ann: first (before)', 'Bob joined', 'Bob: hello 🎉', 'Ann: welcome']);

  await bob.join('hall');
  assert.equal(bob.room, 'hall');
  await ann.hears('Bob left');
  await bob.send('alone');
  await bob.join('lobby');
  await ann.hears('Bob joined');
  await eventually(() => shown.filter((line) => line === 'Ann: first (before)').length === 2, 'history again');
  await bob.leave();
  await ann.hears('Bob left');
  await assert.rejects(bob.send('too late'), { code: 'SESSION_CLOSED' });
  await ann.ask({ type: 'leave' });
  await ann.send({ type: 'message', text: 'gone', id: 99 });
  await ann.hears('Join first');
});

test('an address that has proved nothing is sent no more than three times what it sent', async (context) => {
  const port = portOf(server());
  const otto = await enter(context, `jsonu://127.0.0.1:${port}/history`, { user: 'Otto' });
  for (let line = 0; line < 60; line += 1) await otto.send(`line ${line} ${'x'.repeat(200)}`);
  const ann = await RawUser.open(context, port, 'Ann');
  await ann.ask({ type: 'join', room: 'history', user: 'Ann', padding: 'x'.repeat(400) });
  // What waits for a proof lets live chat pass after a moment.
  let last = await ann.hear();
  const seqs: unknown[] = [];
  for (; last.text !== 'Ann joined'; last = await ann.hear()) seqs.push(last.seq);
  const historyBytes = ann.heardBytes - JSON.stringify(last).length;
  assert.ok(historyBytes <= 3 * ann.sentBytes, `${historyBytes} bytes for ${ann.sentBytes}`);
  assert.ok(seqs.length >= 3 && seqs.length < 50, `${seqs.length} events`);
  // An acknowledgement is a proof: the rest comes, each with its own number.
  await ann.send({ type: 'ack', seq: seqs[0] });
  while (seqs.length < 50) seqs.push((await ann.hear()).seq);
  assert.deepEqual(
    seqs,
    seqs.toSorted((left, right) => Number(left) - Number(right)),
  );
  assert.equal(new Set(seqs).size, 50);
});

test('a server that is killed and started again is joined again, and nothing is said twice or lost', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const { udpPort } = await reservePorts();
  const settings = { 'json_datagrams.enabled': true, 'json_datagrams.udp_port': udpPort };
  const first = await TestServer.start({ data, settings });
  context.after(() => first.close());
  const url = `jsonu://127.0.0.1:${udpPort}/lobby`;
  const ann = await enter(context, url, { user: 'Ann', baseDelayMs: 50, maxRetries: 9 });
  const bob = await enter(context, url, { user: 'Bob', baseDelayMs: 50, maxRetries: 9 });
  const shown = listen(bob);
  await ann.send('before');
  await eventually(() => shown.includes('Ann: before'), 'Bob hears Ann');
  await first.process.end('SIGKILL');
  const meanwhile = ann.send('meanwhile');
  await eventually(() => shown.length > 0, 'something was shown');
  const second = await TestServer.start({ data, settings });
  context.after(() => second.close());
  assert.deepEqual(await meanwhile, { status: 'accepted' });
  assert.deepEqual(await bob.send('and Bob'), { status: 'accepted' });
  await eventually(() => shown.includes('Bob: and Bob'), 'Bob hears himself');
  const said = shown.filter((line) => /^(Ann|Bob): /.test(line)).map((line) => line.replace(' (before)', ''));
  assert.deepEqual(said, ['Ann: before', 'Ann: meanwhile', 'Bob: and Bob']);
});

test('without an answer a message is uncertain, and a connection fails', async (context) => {
  const own = await UdpPeer.open();
  context.after(() => own.close());
  own.hearFrom('anywhere');
  // A server that acknowledges the join and nothing else.
  own.onDatagram = ({ bytes, port }) => {
    const request = JSON.parse(bytes.toString()) as { type: string; id?: number };
    if (request.type !== 'join') return;
    void own.send(Buffer.from(JSON.stringify({ type: 'ack', id: request.id })), {
      address: '127.0.0.1',
      udpPort: port,
    });
  };
  const options = { user: 'Ann', baseDelayMs: 5, maxRetries: 2 };
  const ann = await connect(`jsonu://127.0.0.1:${own.port}/lobby`, options);
  await assert.rejects(ann.send('hello'), { code: 'SEND_UNCERTAIN', message: 'Message delivery uncertain (no ACK)' });
  own.onDatagram = () => {};
  await ann.leave();
  const silent = connect(`jsonu://127.0.0.1:${own.port}/lobby`, { user: 'Ann', connectTimeoutMs: 100 });
  await assert.rejects(silent, { code: 'CONNECT_TIMEOUT' });
  const { udpPort } = await reservePorts();
  await assert.rejects(connect(`jsonu://127.0.0.1:${udpPort}/lobby`, { user: 'Ann' }), { code: 'CONNECT_FAILED' });
});

test('refusals are told by their codes', async (context) => {
  const port = portOf(server());
  const join = (room: string, user: string) => connect(`jsonu://127.0.0.1:${port}/${room}`, { user });
  await assert.rejects(join('%20x', 'Ann'), { code: 'ROOM_NAME_INVALID' });
  await assert.rejects(join('lobby', 'System'), { code: 'USER_NAME_INVALID' });
  await assert.rejects(connect(`jsonu://127.0.0.1:${port}`, { user: 'Ann' }), { code: 'URL_INVALID' });
  const ann = await join('x', 'Ann');
  context.after(() => ann.leave());
  await assert.rejects(ann.send('x'.repeat(4097)), { code: 'MESSAGE_TOO_LONG' });
  await assert.rejects(ann.send('\ud800'), { code: 'MESSAGE_RESERVED' });
  await assert.rejects(ann.rooms(), { code: 'NOT_SUPPORTED' });
  assert.deepEqual(await ann.users(), ['Ann']);
});
