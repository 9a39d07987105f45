/** Stage 1 with real processes; the raw clients are written from docs/wires/stage1.md alone. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ConnectOptions, connect, type Session, type SessionEvent } from '@confab/client';
import { temporaryDirectory } from '@confab/testing';
import { reservePorts, sharedServer, TestServer } from '../support/server-process.ts';
import { CREATE, requestEntry } from '../support/tcrp.ts';
import { RawMember, UdpPeer } from '../support/ucrp.ts';
import { eventually } from '../support/wait.ts';

const ON = { 'stage1.enabled': true, 'stage1.udp_port': 0 };
const server = sharedServer(ON);

const [CHAT, JOIN, SYSTEM, HEARTBEAT, DISCONNECT, PING] = [0, 1, 2, 3, 4, 5] as const;
const TIMED_OUT =
  '⛔️ You have been disconnected from the chat due to being inactive for too log.\n' +
  " Please enter 'join' to rejoin the chat.";
const SHUTDOWN = '🛑 Server is shutting down. Please wait until it comes back.';

function portOf({ process }: TestServer): number {
  const port = /Stage 1 +udp +\S+:(\d+)/.exec(process.stdout)?.[1];
  assert.ok(port !== undefined, process.stdout);
  return Number(port);
}

function typed(type: number, user: string, text = ''): Buffer {
  return Buffer.concat([Buffer.from([type, Buffer.byteLength(user)]), Buffer.from(user), Buffer.from(text)]);
}

class RawUser {
  readonly user: string;
  readonly #peer: UdpPeer;
  readonly #port: number;

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

  say(type: number, text = ''): Promise<void> {
    return this.send(typed(type, this.user, text));
  }

  send(datagram: Uint8Array): Promise<void> {
    return this.#peer.send(datagram, { address: '127.0.0.1', udpPort: this.#port });
  }

  async hears(...datagrams: Buffer[]): Promise<void> {
    for (const datagram of datagrams) {
      const heard = await this.#peer.next();
      assert.equal(heard.toString('hex'), datagram.toString('hex'), `${this.user} hears ${heard.toString()}`);
    }
  }

  hearsSystem(...texts: string[]): Promise<void> {
    return this.hears(...texts.map((text) => typed(SYSTEM, 'SYSTEM', text)));
  }
}

/** A session that is left after the test. */
async function enter(context: TestContext, url: string, options: ConnectOptions): Promise<Session> {
  const session = await connect(url, options);
  context.after(() => session.leave());
  return session;
}

/** What a session is shown, in short. */
function listen(session: Session): string[] {
  const shown: string[] = [];
  void (async () => {
    for await (const event of session.events()) shown.push(inShort(event));
  })();
  return shown;
}

function inShort(event: SessionEvent): string {
  switch (event.type) {
    case 'message':
      return `${event.user}: ${event.text}`;
    case 'missed':
      return `missed ${event.count}`;
    case 'reachability':
      return event.isReachable ? 'reachable' : event.text;
    default:
      return 'text' in event ? event.text : event.type;
  }
}

test('raw clients, our client and a member of the hybrid wire are in one room', async (context) => {
  const port = portOf(server());
  const ann = await RawUser.open(context, port, 'Ann');
  await ann.say(CHAT, 'too early');
  await ann.say(PING);
  await ann.hearsSystem('pong');
  await ann.say(JOIN);
  await ann.hearsSystem('🎉 Ann has joined the chat');

  const bob = await enter(context, `stage1://127.0.0.1:${port}`, { user: 'Bob' });
  assert.deepEqual([bob.room, bob.isConfirming, bob.role], ['stage1', false, 'member']);
  const shown = listen(bob);
  await ann.hearsSystem('🎉 Bob has joined the chat');
  assert.deepEqual(await bob.send('hello 🎉'), { status: 'sent' });
  await ann.hears(typed(CHAT, 'Bob', 'hello 🎉'));

  const cid = await RawMember.join(server(), { room: 'stage1', user: 'Cid' });
  await ann.hearsSystem('🎉 Cid has joined the chat');
  await cid.send('from another wire');
  await ann.hears(typed(CHAT, 'Cid', 'from another wire'));
  await ann.say(CHAT, 'to all');
  await cid.expectChat('Ann', 'to all');
  await eventually(() => shown.includes('Ann: to all'), 'Bob hears Ann');

  const plain = await RawUser.open(context, port, 'Natasha');
  await plain.send(Buffer.concat([Buffer.from([7]), Buffer.from('NatashaHello')]));
  await ann.hearsSystem('🎉 Natasha has joined the chat');
  await ann.hears(typed(CHAT, 'Natasha', 'Hello'));
  await ann.say(HEARTBEAT);
  await ann.say(CHAT, 'welcome');
  await plain.hears(Buffer.concat([Buffer.from([3]), Buffer.from('Annwelcome')]));

  await bob.leave();
  await ann.hearsSystem('👋 Bob has left the chat...');
  await eventually(() => shown.length > 0 && shown.at(-1) === 'You have left the room', 'the session to end');
  assert.deepEqual(shown.slice(0, 4), [
    '🎉 Bob has joined the chat',
    '🎉 Cid has joined the chat',
    'Cid: from another wire',
    'Ann: to all',
  ]);
  await ann.say(DISCONNECT);
});

test('a time-out is told, and both kinds of client come back', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const settings = { ...ON, 'stage1.member_timeout_ms': 300, 'stage1.check_interval_ms': 50 };
  const own = await TestServer.start({ data, settings });
  context.after(() => own.close());
  const port = portOf(own);
  const ann = await RawUser.open(context, port, 'Ann');
  await ann.say(JOIN);
  await ann.hearsSystem('🎉 Ann has joined the chat', TIMED_OUT);
  await ann.say(JOIN);
  await ann.hearsSystem('🎉 Ann has joined the chat');
  const bob = await enter(context, `stage1://127.0.0.1:${port}`, { user: 'Bob' });
  const shown = listen(bob);
  // It says a heartbeat every 20 seconds, which is too seldom for this server.
  await eventually(() => shown.includes('You have joined again'), 'our client has come back');
  assert.ok(shown.some((text) => /had not heard of us for too long/.test(text)));
  assert.ok(shown.includes('reachable'));
});

test('a shutdown is told; our client is back in when the server is', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const { udpPort } = await reservePorts();
  const settings = { 'stage1.enabled': true, 'stage1.udp_port': udpPort };
  const first = await TestServer.start({ data, settings });
  context.after(() => first.close());
  const ann = await RawUser.open(context, udpPort, 'Ann');
  await ann.say(JOIN);
  await ann.hearsSystem('🎉 Ann has joined the chat');
  const bob = await enter(context, `stage1://127.0.0.1:${udpPort}`, { user: 'Bob' });
  const shown = listen(bob);
  await ann.hearsSystem('🎉 Bob has joined the chat');
  assert.deepEqual(await first.process.end('SIGTERM'), { code: 0, signal: null });
  await ann.hearsSystem(SHUTDOWN);
  await eventually(() => shown.some((text) => /shutting down/.test(text)), 'our client knows');

  const second = await TestServer.start({ data, settings });
  context.after(() => second.close());
  await eventually(() => shown.includes('You have joined again'), 'our client has come back');
  // The raw client has to say so itself.
  await ann.say(JOIN);
  await ann.hearsSystem('🎉 Ann has joined the chat');
  await bob.send('here again');
  await ann.hears(typed(CHAT, 'Bob', 'here again'));
});

test('who is not there, and who may not be let in, is told why', async () => {
  const { udpPort } = await reservePorts();
  const options = { user: 'Ann', connectTimeoutMs: 300 };
  await assert.rejects(connect(`stage1://127.0.0.1:${udpPort}`, options), { code: 'CONNECT_FAILED' });
  const url = `stage1://127.0.0.1:${portOf(server())}`;
  await assert.rejects(connect(url, { user: 'System' }), { code: 'USER_NAME_INVALID' });
  await assert.rejects(connect(url, { user: 'Ann', password: 'x' }), { code: 'NOT_SUPPORTED' });
  await assert.rejects(connect(url, { user: 'Ann', entry: 'create' }), { code: 'NOT_SUPPORTED' });
  await assert.rejects(connect(url, { user: 'Ann', signal: AbortSignal.abort(new Error('no')) }), /^Error: no$/);
});

test('nobody can take the room of this wire: not before anybody is in it, not after a restart or a reload', async (context) => {
  const folder = temporaryDirectory(context);
  const { path: data } = folder;
  const take = async (running: TestServer): Promise<void> => {
    const password = { dialect: 'object', password: 'mine' } as const;
    for (const how of [{}, password]) {
      const entry = await requestEntry(running, CREATE, { room: 'stage1', user: 'Eve', ...how });
      assert.equal(entry.isAccepted, false);
    }
    const ann = await RawUser.open(context, portOf(running), 'Ann');
    await ann.say(JOIN);
    await ann.hears(typed(SYSTEM, 'SYSTEM', '🎉 Ann has joined the chat'));
    await ann.say(DISCONNECT);
  };
  const first = folder.closing(await TestServer.start({ data, settings: ON }));
  await take(first);
  process.kill(first.process.pid, 'SIGHUP');
  await eventually(() => first.process.stderr.includes('configuration read again'), 'the reload');
  await take(first);
  await first.process.end('SIGKILL');
  const second = folder.closing(await TestServer.start({ data, settings: ON }));
  await take(second);
});
