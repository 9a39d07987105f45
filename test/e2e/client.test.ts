import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ClientErrorCode, type ConnectOptions, connect, type Session, type SessionEvent } from '@confab/client';
import { afterwards, temporaryDirectory } from '@confab/testing';
import { ReferenceServer } from '../support/reference-server.ts';
import { reservePorts, sharedServer, TestServer } from '../support/server-process.ts';
import { LEAVE, RawMember, ROOM_CLOSED } from '../support/ucrp.ts';
import { within } from '../support/wait.ts';

const server = sharedServer();

/** A session whose events are read as they come, and that is left after the test. */
class Listener {
  readonly session: Session;
  readonly #events: AsyncIterator<SessionEvent>;

  static async enter(context: TestContext, url: string, options: ConnectOptions): Promise<Listener> {
    const listener = new Listener(await connect(url, options));
    afterwards(context, () => listener.session.leave());
    return listener;
  }

  private constructor(session: Session) {
    this.session = session;
    this.#events = session.events();
  }

  /** The next event must be this one. */
  async expect(event: SessionEvent): Promise<void> {
    assert.deepEqual((await this.#next()).value, event, `what ${this.session.user} is told next`);
  }

  /** The next event must be of this type. */
  async expectType<Type extends SessionEvent['type']>(type: Type): Promise<Extract<SessionEvent, { type: Type }>> {
    const { value } = await this.#next();
    assert.equal((value as SessionEvent | undefined)?.type, type, JSON.stringify(value));
    return value as Extract<SessionEvent, { type: Type }>;
  }

  /** No event follows. */
  async expectEnd(): Promise<void> {
    assert.deepEqual(await this.#next(), { value: undefined, done: true });
  }

  #next(): Promise<IteratorResult<SessionEvent>> {
    return within(this.#events.next(), `an event for ${this.session.user}`);
  }
}

const message = (user: string, text: string, isOwn = false) => ({ type: 'message', user, text, isOwn }) as const;
const notice = (user: string, change: 'joined' | 'left') =>
  ({ type: 'notice', text: `${user} ${change}`, member: { user, change } }) as const;

function hasCode(code: ClientErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && error.code === code;
}

test('two sessions meet, talk, and part: every event is typed and every send is accepted', async (context) => {
  const url = server().url('meeting');
  const ann = await Listener.enter(context, url, { user: 'Ann' });
  assert.deepEqual([ann.session.scheme, ann.session.room, ann.session.user], ['ucrp', 'meeting', 'Ann']);
  assert.deepEqual([ann.session.role, ann.session.host, ann.session.status], ['host', 'Ann', 'open']);
  assert.match(ann.session.localAddress, /^127\.0\.0\.1:\d+$/);
  assert.equal(ann.session.isConfirming, true);

  const bob = await Listener.enter(context, url, { user: 'Bob' });
  assert.deepEqual([bob.session.role, bob.session.host], ['member', 'Ann']);
  await ann.expect(notice('Bob', 'joined'));
  assert.deepEqual(await ann.session.send('Hello 👋'), { status: 'accepted' });
  await ann.expect(message('Ann', 'Hello 👋', true));
  await bob.expect(message('Ann', 'Hello 👋'));
  assert.deepEqual(await bob.session.send('Hi'), { status: 'accepted' });
  await ann.expect(message('Bob', 'Hi'));
  await bob.expect(message('Bob', 'Hi', true));

  await bob.session.leave();
  await bob.expect({ type: 'closed', reason: 'left', text: 'You have left the room' });
  await bob.expectEnd();
  assert.equal(bob.session.status, 'closed');
  await ann.expect(notice('Bob', 'left'));
  await assert.rejects(bob.session.send('Still there?'), hasCode('SESSION_CLOSED'));
  await bob.session.leave();
});

test('another program of the same user name is not taken for this session', async (context) => {
  const url = server().url('namesakes');
  const ann = await Listener.enter(context, url, { user: 'Ann' });
  const raw = await RawMember.join(server(), { room: 'namesakes', user: 'Ann' });
  await ann.expect(notice('Ann', 'joined'));
  await raw.send('It is me');
  await ann.expect(message('Ann', 'It is me'));
  await ann.session.send('No, me');
  await ann.expect(message('Ann', 'No, me', true));
  await raw.expectChat('Ann', 'No, me');
});

test('the steps of connecting are told in their order', async (context) => {
  const phases: string[] = [];
  const { session } = await Listener.enter(context, server().url('phases'), {
    user: 'Ann',
    entry: 'create',
    onPhase: ({ phase }) => phases.push(phase),
  });
  assert.deepEqual(phases, ['control-connected', 'admitted', 'control-disconnected', 'data-open']);
  assert.equal(session.role, 'host');
});

test('refusals come as errors with a code', async () => {
  const url = server().url('refusals');
  await RawMember.create(server(), { room: 'refusals', user: 'Ann', dialect: 'object', password: 'secret' });
  const cases: [string, ConnectOptions, ClientErrorCode][] = [
    [url, { user: 'Bob', entry: 'create' }, 'ROOM_EXISTS'],
    [server().url('no such room'), { user: 'Bob', entry: 'join' }, 'ROOM_NOT_FOUND'],
    [url, { user: 'Bob', password: 'wrong' }, 'UNAUTHORIZED'],
    [url, { user: 'Bob', entry: 'join' }, 'UNAUTHORIZED'],
    [url, { user: ' ' }, 'USER_NAME_INVALID'],
    [server().url(' x'), { user: 'Bob' }, 'ROOM_NAME_INVALID'],
    [server().url('refusals', { dialect: 'string' }), { user: 'Bob', entry: 'join' }, 'ROOM_NOT_FOUND'],
    [server().url('refusals', { dialect: 'string' }), { user: 'Bob', password: 'secret' }, 'URL_INVALID'],
    [server().url('refusals', { dialect: 'morse' }), { user: 'Bob' }, 'URL_INVALID'],
    [server().url('refusals', { udp: '70000' }), { user: 'Bob' }, 'URL_INVALID'],
    ['ucrp://127.0.0.1:9090/', { user: 'Bob' }, 'URL_INVALID'],
    ['gopher://127.0.0.1/lobby', { user: 'Bob' }, 'URL_INVALID'],
    ['not a URL', { user: 'Bob' }, 'URL_INVALID'],
  ];
  for (const [target, options, code] of cases) {
    await assert.rejects(connect(target, options), hasCode(code), `${target} ${JSON.stringify(options)}`);
  }
  const session = await connect(url, { user: 'Bob', password: 'secret' });
  await session.leave();
});

test('a server that is not there, says nothing, or says nonsense is told apart', async (context) => {
  const { tcpPort } = await reservePorts();
  const user = 'Ann';
  await assert.rejects(connect(`ucrp://127.0.0.1:${tcpPort}/lobby`, { user }), hasCode('CONNECT_FAILED'));
  const sockets: Socket[] = [];
  let greeting = '';
  const listener = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    if (greeting !== '') socket.end(greeting);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  afterwards(context, () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = listener.address() as { port: number };
  const url = `ucrp://127.0.0.1:${port}/lobby`;
  await assert.rejects(connect(url, { user, connectTimeoutMs: 100 }), hasCode('CONNECT_TIMEOUT'));

  const controller = new AbortController();
  const reason = new Error('changed my mind');
  const connecting = connect(url, { user, signal: controller.signal });
  await once(listener, 'connection');
  controller.abort(reason);
  await assert.rejects(connecting, (error) => error === reason);
  await assert.rejects(connect(url, { user, signal: controller.signal }), (error) => error === reason);

  greeting = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
  await assert.rejects(connect(url, { user }), hasCode('PROTOCOL_BROKEN'));
});

test('ten clients that all want to be first in one room: one is the host, and all are in it', async (context) => {
  const url = server().url('race');
  const listeners = await Promise.all(
    Array.from({ length: 10 }, (_, index) => Listener.enter(context, url, { user: `user ${index}` })),
  );
  assert.equal(listeners.filter(({ session }) => session.role === 'host').length, 1);
  const [first] = listeners;
  await first!.session.send('Are all here?');
  for (const { session } of listeners) {
    for await (const event of session.events()) if (event.type === 'message') break;
  }
});

for (const dialect of ['auto', 'string', 'object']) {
  test(`dialect=${dialect}: what is too long or reserved is refused before it is sent, what is as long as allowed passes`, async (context) => {
    const room = `limits ${dialect}`;
    const host = await RawMember.create(server(), { room, user: 'Host' });
    const { session } = await Listener.enter(context, server().url(room, { dialect }), { user: 'Ann' });
    const longest = 'x'.repeat(session.messageBytesMax);
    await assert.rejects(session.send(`${longest}x`), hasCode('MESSAGE_TOO_LONG'));
    await assert.rejects(session.send('é'.repeat(session.messageBytesMax / 2 + 1)), hasCode('MESSAGE_TOO_LONG'));
    await assert.rejects(session.send('\ud800'), hasCode('MESSAGE_RESERVED'));
    const reserved = ['__REGISTER__', '__LEAVE__'];
    if (dialect === 'object') {
      // To this dialect they are words like any other.
      for (const text of reserved) await session.send(text);
      for (const text of reserved) await host.expectChat('Ann', text);
    } else {
      for (const text of reserved) await assert.rejects(session.send(text), hasCode('MESSAGE_RESERVED'));
    }
    await session.send(longest);
    await host.expectChat('Ann', longest);
  });
}

test('dialect=string: messages are sent, not confirmed, and the end of the room is heard', async (context) => {
  const host = await RawMember.create(server(), { room: 'strings', user: 'Host' });
  const ann = await Listener.enter(context, server().url('strings', { dialect: 'string' }), { user: 'Ann' });
  assert.deepEqual([ann.session.role, ann.session.host, ann.session.isConfirming], ['member', undefined, false]);
  assert.deepEqual(await ann.session.send('Hello'), { status: 'sent' });
  await host.expectChat('Ann', 'Hello');
  await host.send('Hello Ann');
  await ann.expect(message('Host', 'Hello Ann'));
  await host.send(LEAVE);
  await ann.expect({ type: 'closed', reason: 'room-closed', text: 'The host has left; the room is closed' });
  await ann.expectEnd();
});

test('dialect=object: messages are confirmed, long ones come in pieces, and the end of the room is heard', async (context) => {
  const host = await RawMember.create(server(), { room: 'objects', user: 'Host' });
  const ann = await Listener.enter(context, server().url('objects', { dialect: 'object' }), { user: 'Ann' });
  assert.deepEqual([ann.session.role, ann.session.host, ann.session.isConfirming], ['member', 'Host', true]);
  assert.deepEqual(await ann.session.send('Hello'), { status: 'accepted' });
  await ann.expect(message('Ann', 'Hello', true));
  await host.expectChat('Ann', 'Hello');
  assert.deepEqual(await ann.session.send('😀'.repeat(100)), { status: 'accepted' });
  await ann.expect(message('Ann', '😀'.repeat(63), true));
  await ann.expect(message('Ann', '😀'.repeat(37), true));
  await host.expectChat('Ann', '😀'.repeat(100));
  await host.send('Hello Ann');
  await ann.expect(message('Host', 'Hello Ann'));
  await host.send(LEAVE);
  await ann.expect({ type: 'notice', text: 'Room closed: the host has left' });
  await ann.expect({ type: 'closed', reason: 'room-closed', text: 'Room closed: the host has left' });
  await ann.expectEnd();
});

test('when the host leaves, the sessions of all others end, and what they still want to say is refused', async (context) => {
  const url = server().url('closing');
  const host = await Listener.enter(context, url, { user: 'Host' });
  const ann = await Listener.enter(context, url, { user: 'Ann' });
  const raw = await RawMember.join(server(), { room: 'closing', user: 'Raw' });
  await host.session.leave();
  const closed = await within(ann.session.closed, 'the session to end');
  assert.equal(closed.reason, 'room-closed');
  assert.equal((await host.session.closed).reason, 'left');
  await raw.expect(ROOM_CLOSED);
  await assert.rejects(ann.session.send('Hello?'), hasCode('SESSION_CLOSED'));
  const again = await Listener.enter(context, url, { user: 'Ann' });
  assert.equal(again.session.role, 'host');
});

test('fifty messages at once are all accepted and come in the order they were sent', async (context) => {
  const ann = await Listener.enter(context, server().url('burst'), { user: 'Ann' });
  const texts = Array.from({ length: 50 }, (_, index) => `line ${index}`);
  const receipts = await Promise.all(texts.map((text) => ann.session.send(text)));
  assert.ok(receipts.every(({ status }) => status === 'accepted'));
  for (const text of texts) await ann.expect(message('Ann', text, true));
});

test('a send stops waiting when its signal says so, at whatever moment', async (context) => {
  const ann = await Listener.enter(context, server().url('aborted sends'), { user: 'Ann' });
  const reason = new Error('enough');
  const isReason = (error: unknown): boolean => error === reason;
  await assert.rejects(ann.session.send('never sent', { signal: AbortSignal.abort(reason) }), isReason);
  // After so many turns of the microtask queue: before, while and after the datagram is handed to the system.
  for (let turns = 0; turns < 12; turns += 1) {
    const controller = new AbortController();
    const sending = ann.session.send(`turn ${turns}`, { signal: controller.signal });
    sending.catch(() => {});
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    controller.abort(reason);
    await assert.rejects(sending, isReason, `after ${turns} turns`);
  }
  assert.deepEqual(await ann.session.send('still works'), { status: 'accepted' });
  for (;;) if ((await ann.expectType('message')).text === 'still works') break;
});

test('reading events stops when its signal says so, and what was not read is there for the next reader', async (context) => {
  const { session } = await Listener.enter(context, server().url('aborted events'), { user: 'Ann' });
  const reason = new Error('enough');
  const idle = new AbortController();
  const waiting = session.events({ signal: idle.signal }).next();
  idle.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);

  for (const text of ['one', 'two', 'three']) await session.send(text);
  const controller = new AbortController();
  const read: string[] = [];
  await assert.rejects(
    async () => {
      for await (const event of session.events({ signal: controller.signal })) {
        if (event.type === 'message') read.push(event.text);
        controller.abort(reason);
      }
    },
    (error) => error === reason,
  );
  assert.deepEqual(read, ['one']);
  for await (const event of session.events()) {
    if (event.type === 'message') read.push(event.text);
    if (read.length === 3) break;
  }
  assert.deepEqual(read, ['one', 'two', 'three']);
});

test('leaving goes on when nobody waits for it any longer', async (context) => {
  const url = server().url('aborted leave');
  const host = await Listener.enter(context, url, { user: 'Host' });
  const ann = await Listener.enter(context, url, { user: 'Ann' });
  await host.expect(notice('Ann', 'joined'));
  const reason = new Error('enough');
  const controller = new AbortController();
  const leaving = ann.session.leave({ signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(leaving, (error) => error === reason);
  await host.expect(notice('Ann', 'left'));
  assert.equal((await within(ann.session.closed, 'the session to end')).reason, 'left');
});

test('a program that does not read its events is told how many it missed', async (context) => {
  const { session } = await Listener.enter(context, server().url('missed'), { user: 'Ann', eventsMax: 4 });
  for (let line = 1; line <= 10; line += 1) await session.send(`line ${line}`);
  const events: SessionEvent[] = [];
  for await (const event of session.events()) {
    events.push(event);
    if (events.length === 5) break;
  }
  assert.deepEqual(events, [
    { type: 'missed', count: 6 },
    ...[7, 8, 9, 10].map((line) => message('Ann', `line ${line}`, true)),
  ]);
});

test('a server that dies is noticed, what it was sent is uncertain, and after its restart the session goes on', async (context) => {
  const folder = temporaryDirectory(context);
  const data = `${folder.path}/data`;
  const ports = await reservePorts();
  const start = async (): Promise<TestServer> => folder.closing(await TestServer.start({ data, ...ports }));
  const first = await start();
  const ann = await Listener.enter(context, first.url('lobby'), { user: 'Ann', sendTimeoutMs: 1000 });
  const bob = await RawMember.join(first, { room: 'lobby', user: 'Bob' });
  await ann.expect(notice('Bob', 'joined'));
  await ann.session.send('Before');
  await ann.expect(message('Ann', 'Before', true));
  await bob.expectChat('Ann', 'Before');

  await first.process.end('SIGKILL');
  await assert.rejects(ann.session.send('Into the void'), hasCode('SEND_UNCERTAIN'));
  const lost = await ann.expectType('reachability');
  assert.equal(lost.isReachable, false);
  assert.equal(ann.session.status, 'open');

  await start();
  assert.deepEqual(await ann.session.send('After'), { status: 'accepted' });
  const back = await ann.expectType('reachability');
  assert.equal(back.isReachable, true);
  await ann.expect(message('Ann', 'After', true));
  await bob.expectChat('Ann', 'After');
  await bob.send('Welcome back');
  await ann.expect(message('Bob', 'Welcome back'));
});

test('a server of the string dialect alone: no confirmations, no notices, and the room’s end', async (context) => {
  const reference = await ReferenceServer.start('string');
  afterwards(context, () => reference.close());
  const url = reference.url('lobby', { dialect: 'string' });
  const host = await Listener.enter(context, url, { user: 'Host' });
  const ann = await Listener.enter(context, url, { user: 'Ann' });
  assert.deepEqual([host.session.role, ann.session.role, ann.session.isConfirming], ['host', 'member', false]);
  assert.deepEqual(await ann.session.send('Hello'), { status: 'sent' });
  await host.expect(message('Ann', 'Hello'));
  assert.deepEqual(await host.session.send('Hello Ann'), { status: 'sent' });
  await ann.expect(message('Host', 'Hello Ann'));
  await assert.rejects(connect(url, { user: 'Eve', entry: 'create' }), hasCode('ROOM_EXISTS'));
  await host.session.leave();
  assert.equal((await ann.expectType('closed')).reason, 'room-closed');
  assert.ok(reference.received.includes('__REGISTER__') && reference.received.includes('__LEAVE__'));
});

for (const dialect of ['auto', 'object']) {
  test(`a server of the object dialect alone, met with dialect=${dialect}: its echo confirms, and it is sent no commands`, async (context) => {
    const reference = await ReferenceServer.start('object');
    afterwards(context, () => reference.close());
    const url = reference.url('lobby', dialect === 'auto' ? {} : { dialect });
    const host = await Listener.enter(context, url, { user: 'Host' });
    const ann = await Listener.enter(context, url, { user: 'Ann', sendTimeoutMs: 500 });
    assert.deepEqual([host.session.role, ann.session.role, ann.session.host], ['host', 'member', 'Host']);
    assert.equal(ann.session.isConfirming, true);
    assert.deepEqual(await host.session.send('Hello'), { status: 'accepted' });
    await host.expect(message('Host', 'Hello', true));
    assert.deepEqual(await ann.session.send('Hi'), { status: 'accepted' });
    await host.expect(message('Ann', 'Hi'));
    await ann.expect(message('Ann', 'Hi', true));
    reference.isDeaf = true;
    await assert.rejects(ann.session.send('Anybody?'), hasCode('SEND_UNCERTAIN'));
    reference.isDeaf = false;
    await ann.session.leave();
    assert.deepEqual(reference.received, ['Hello', 'Hi']);
  });
}
