import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ClientError } from '../../errors.ts';
import type { SessionEvent } from '../../session.ts';
import { ChannelInbox, type ChannelListener, type JsonChannel } from './channel.ts';
import { JsonSession } from './session.ts';

/** A server that is the test: what the session said, and whatever it is to hear. */
class ScriptedServer implements JsonChannel {
  readonly localAddress = '127.0.0.1:50000';
  readonly #inbox = new ChannelInbox();
  readonly #said: Record<string, unknown>[] = [];
  isDestroyed = false;

  listen(listener: ChannelListener): void {
    this.#inbox.listen(listener);
  }

  send(text: string): void {
    this.#said.push(JSON.parse(text) as Record<string, unknown>);
  }

  async finish(): Promise<void> {
    this.isDestroyed = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** What was said since the last call; whoever waits for a turn gets it first. */
  async take(): Promise<Record<string, unknown>[]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.#said.splice(0);
  }

  greet(seq: number): void {
    this.tell({ type: 'system', text: 'Welcome! Hello.', room: 'system', seq });
  }

  system(room: string, text: string, seq: number): void {
    this.tell({ type: 'system', room, user: 'system', text, seq });
  }

  message(room: string, user: string, text: string, seq: number): void {
    this.tell({ type: 'message', room, user, text, seq });
  }

  error(text: string, seq = 0): void {
    this.tell({ type: 'error', text, seq });
  }

  tell(event: object | string): void {
    this.#inbox.text(typeof event === 'string' ? event : JSON.stringify(event));
  }

  end(reason: string): void {
    this.#inbox.end(reason);
  }
}

function openSession(timeouts: { answerTimeoutMs?: number; sendTimeoutMs?: number } = {}) {
  const server = new ScriptedServer();
  const session = new JsonSession({
    scheme: 'jsonl',
    channel: server,
    user: 'Ann',
    answerTimeoutMs: 10_000,
    sendTimeoutMs: 10_000,
    eventsMax: 100,
    ...timeouts,
  });
  return { server, session };
}

/** In a room, which has a past that is over. */
async function joined(context: TestContext, timeouts?: { answerTimeoutMs?: number; sendTimeoutMs?: number }) {
  const { server, session } = openSession(timeouts);
  context.after(() => session.leave());
  server.greet(10);
  const entered = session.enter('lobby', { password: undefined, mustExist: false, signal: context.signal });
  assert.deepEqual(await server.take(), [{ type: 'join', room: 'lobby', user: 'Ann' }]);
  server.system('lobby', 'Ann joined', 11);
  await entered;
  await take(session, 1);
  return { server, session };
}

/** The next so many events. */
async function take(session: JsonSession, count: number): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of session.events()) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

const codeOf = (code: ClientError['code']) => (error: unknown) => (error as ClientError).code === code;

test('history comes before the own join, flagged, though the own name was there before', async (context) => {
  const { server, session } = openSession();
  context.after(() => session.leave());
  server.greet(10);
  const entered = session.enter('lobby', { password: 'sesame', mustExist: false, signal: context.signal });
  assert.deepEqual(await server.take(), [{ type: 'join', room: 'lobby', user: 'Ann', password: 'sesame' }]);
  server.system('lobby', 'Ann joined', 3);
  server.message('lobby', 'Ann', 'long ago', 4);
  server.system('lobby', 'Room closed: the host has left', 5);
  assert.equal(session.room, '');
  server.system('lobby', 'Ann joined', 11);
  await entered;
  server.message('lobby', 'Bob', 'now', 12);
  assert.equal(session.room, 'lobby');
  assert.deepEqual(await take(session, 5), [
    { type: 'notice', text: 'Ann joined', member: { user: 'Ann', change: 'joined' }, seq: 3, isHistory: true },
    { type: 'message', user: 'Ann', text: 'long ago', isOwn: false, seq: 4, isHistory: true },
    { type: 'notice', text: 'Room closed: the host has left', seq: 5, isHistory: true },
    { type: 'notice', text: 'Ann joined', member: { user: 'Ann', change: 'joined' }, seq: 11 },
    { type: 'message', user: 'Bob', text: 'now', isOwn: false, seq: 12 },
  ]);
});

test('a message is accepted when it comes back, in order, and is then one’s own', async (context) => {
  const { server, session } = await joined(context);
  const receipts = Promise.all([session.send('one'), session.send('two'), session.send('one')]);
  assert.deepEqual(
    (await server.take()).map(({ text }) => text),
    ['one', 'two', 'one'],
  );
  for (const [index, text] of ['one', 'two', 'one'].entries()) server.message('lobby', 'Ann', text, 12 + index);
  assert.deepEqual(await receipts, Array(3).fill({ status: 'accepted' }));
  server.message('lobby', 'Ann', 'one', 15);
  const events = await take(session, 4);
  assert.deepEqual(
    events.map((event) => event.type === 'message' && event.isOwn),
    [true, true, true, false],
  );
});

test('an error belongs to the oldest request, and the others stay', async (context) => {
  const { server, session } = await joined(context);
  const first = session.send('first');
  const second = session.send('second');
  second.catch(() => {});
  await server.take();
  const rooms = session.rooms();
  const third = session.send('third');
  await server.take();
  server.message('lobby', 'Ann', 'first', 12);
  server.error('Too many requests, slow down', 12);
  server.tell({ type: 'rooms', rooms: ['a', 'lobby'], seq: 12 });
  server.message('lobby', 'Ann', 'third', 13);
  assert.deepEqual(await first, { status: 'accepted' });
  await assert.rejects(second, /Cannot send: Too many requests, slow down/);
  await assert.rejects(second, codeOf('REFUSED'));
  assert.deepEqual(await rooms, ['a', 'lobby']);
  assert.deepEqual(await third, { status: 'accepted' });
});

test('errors have codes', async (context) => {
  const { server, session } = await joined(context);
  for (const [text, code] of [
    ['Message too long', 'MESSAGE_TOO_LONG'],
    ['Server error', 'SERVER_ERROR'],
    ['Something that no version of this library knows', 'REFUSED'],
  ] as const) {
    const sent = session.send('x');
    sent.catch(() => {});
    await server.take();
    server.error(text);
    await assert.rejects(sent, codeOf(code));
  }
});

test('who stops waiting leaves the others their places', async (context) => {
  const { server, session } = await joined(context);
  const patience = new AbortController();
  const first = session.send('first', { signal: patience.signal });
  const second = session.send('second');
  await server.take();
  patience.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  server.error('Server error');
  server.message('lobby', 'Ann', 'second', 12);
  assert.deepEqual(await second, { status: 'accepted' });
});

test('a message that is not confirmed in time is uncertain', async (context) => {
  const { session } = await joined(context, { sendTimeoutMs: 5 });
  await assert.rejects(session.send('hello?'), codeOf('SEND_UNCERTAIN'));
});

test('what cannot be sent is refused before it is', async (context) => {
  const { server, session } = await joined(context);
  await assert.rejects(session.send('x'.repeat(4097)), codeOf('MESSAGE_TOO_LONG'));
  await assert.rejects(session.send('\ud800'), codeOf('MESSAGE_RESERVED'));
  assert.deepEqual(await server.take(), []);
});

test('another room: what is said meanwhile is said there', async (context) => {
  const { server, session } = await joined(context);
  const moved = session.join('other', { password: 'sesame' });
  const sent = session.send('hello other');
  assert.deepEqual(await server.take(), [{ type: 'join', room: 'other', user: 'Ann', password: 'sesame' }]);
  server.message('lobby', 'Bob', 'still in the old one', 12);
  server.message('other', 'Eve', 'past', 2);
  server.system('other', 'Ann joined', 14);
  await moved;
  assert.equal(session.room, 'other');
  assert.deepEqual(await server.take(), [{ type: 'message', text: 'hello other', room: 'other' }]);
  server.message('other', 'Ann', 'hello other', 15);
  assert.deepEqual(await sent, { status: 'accepted' });
  const events = await take(session, 4);
  assert.deepEqual(
    events.map((event) => [(event as { text: string }).text, (event as { isHistory?: boolean }).isHistory === true]),
    [
      ['still in the old one', false],
      ['past', true],
      ['Ann joined', false],
      ['hello other', false],
    ],
  );
});

test('a refused move leads back to the old room, and what was heard there is not heard twice', async (context) => {
  const { server, session } = await joined(context);
  server.message('lobby', 'Bob', 'heard', 12);
  const moved = session.join('secret', { password: 'wrong' });
  moved.catch(() => {});
  await server.take();
  server.error('Incorrect password', 13);
  assert.deepEqual(await server.take(), [{ type: 'join', room: 'lobby', user: 'Ann' }]);
  server.system('lobby', 'Ann joined', 11);
  server.message('lobby', 'Bob', 'heard', 12);
  server.system('lobby', 'Ann left', 13);
  server.message('lobby', 'Bob', 'missed', 14);
  server.system('lobby', 'Ann joined', 15);
  await assert.rejects(moved, codeOf('UNAUTHORIZED'));
  assert.equal(session.room, 'lobby');
  assert.equal(session.status, 'open');
  assert.deepEqual(
    (await take(session, 4)).map((event) => (event as { text: string }).text),
    ['heard', 'Ann left', 'missed', 'Ann joined'],
  );
});

test('a move refused before the old room was left changes nothing', async (context) => {
  const { server, session } = await joined(context);
  const moved = session.join('lobby');
  moved.catch(() => {});
  await server.take();
  server.error('Already in that room', 12);
  await assert.rejects(moved, codeOf('REFUSED'));
  assert.deepEqual(await server.take(), []);
  assert.equal(session.room, 'lobby');
});

test('when the way back is closed, too, the session is lost', async (context) => {
  const { server, session } = await joined(context);
  const moved = session.join('full');
  moved.catch(() => {});
  await server.take();
  server.error('Room is full', 12);
  await server.take();
  server.error('Server busy, try again later', 12);
  await assert.rejects(moved, codeOf('ROOM_FULL'));
  assert.equal((await session.closed).reason, 'lost');
});

test('the end of the room is the end of the session', async (context) => {
  const { server, session } = await joined(context);
  server.system('lobby', 'Room closed: the host has left', 12);
  assert.deepEqual(await session.closed, {
    type: 'closed',
    reason: 'room-closed',
    text: 'Room closed: the host has left',
  });
  assert.ok(server.isDestroyed);
  await assert.rejects(session.send('x'), codeOf('SESSION_CLOSED'));
});

test('a connection that is gone is a session that is lost, and what was on its way is uncertain', async (context) => {
  const { server, session } = await joined(context);
  const sent = session.send('x');
  const rooms = session.rooms();
  sent.catch(() => {});
  rooms.catch(() => {});
  await server.take();
  server.end('the server closed the connection');
  await assert.rejects(sent, codeOf('SEND_UNCERTAIN'));
  await assert.rejects(rooms, codeOf('SESSION_CLOSED'));
  assert.deepEqual(await session.closed, {
    type: 'closed',
    reason: 'lost',
    text: 'The connection to the server is gone: the server closed the connection',
  });
});

test('lines left out are told as such, other errors that nobody asked for as notices', async (context) => {
  const { server, session } = await joined(context);
  const sent = session.send('mine');
  await server.take();
  server.error('Too slow: 19 events left out', 12);
  server.message('lobby', 'Ann', 'mine', 13);
  await sent;
  server.error('Server busy, try again later', 13);
  assert.deepEqual(
    (await take(session, 3)).filter(({ type }) => type !== 'message'),
    [
      { type: 'missed', count: 19 },
      { type: 'notice', text: 'Server busy, try again later' },
    ],
  );
});

test('what cannot be understood is passed over', async (context) => {
  const { server, session } = await joined(context);
  for (const text of [
    '',
    'nonsense',
    '[]',
    '{"type":"dance"}',
    '{"type":"message","room":1}',
    '{"type":"ack","id":1}',
  ]) {
    server.tell(text);
  }
  server.message('lobby', 'Bob', 'hi', 12);
  assert.deepEqual((await take(session, 1))[0], { type: 'message', user: 'Bob', text: 'hi', isOwn: false, seq: 12 });
});

test('a room that must exist is looked for first', async (context) => {
  const { server, session } = openSession();
  context.after(() => session.leave());
  server.greet(1);
  const entered = session.enter('nowhere', { password: undefined, mustExist: true, signal: context.signal });
  entered.catch(() => {});
  assert.deepEqual(await server.take(), [{ type: 'rooms' }]);
  server.tell({ type: 'rooms', rooms: ['lobby'], seq: 1 });
  await assert.rejects(entered, codeOf('ROOM_NOT_FOUND'));
});

test('leaving says so', async (context) => {
  const { server, session } = await joined(context);
  await session.leave();
  assert.deepEqual(await server.take(), [{ type: 'leave' }]);
  assert.equal((await session.closed).reason, 'left');
  assert.equal(session.status, 'closed');
});

test('who is here is what the server says, in the place of the question among the others', async (context) => {
  const { server, session } = await joined(context);
  assert.ok(session.abilities.has('users'));
  const said = session.send('hi');
  assert.deepEqual(await server.take(), [{ type: 'message', room: 'lobby', text: 'hi' }]);
  const users = session.users();
  assert.deepEqual(await server.take(), [{ type: 'who' }]);
  server.tell({ type: 'users', room: 'lobby', users: ['Eve'], seq: 11 });
  server.message('lobby', 'Ann', 'hi', 12);
  server.tell({ type: 'users', room: 'lobby', users: ['Ann', 'Bob'], seq: 12 });
  await said;
  assert.deepEqual(await users, ['Ann', 'Bob']);
});

test('what was found is given as a page, with where the older ones are', async (context) => {
  const { server, session } = await joined(context);
  const searching = session.search('hello', { before: 9, limit: 2 });
  assert.deepEqual(await server.take(), [{ type: 'search', query: 'hello', before: 9, limit: 2 }]);
  const found = { type: 'message', room: 'lobby', user: 'Ann', text: 'hello', seq: 7, time: 5000, edited: true };
  server.tell({ type: 'found', messages: [found], seq: 12, before: 3, unsearched: 4 });
  assert.deepEqual(await searching, {
    messages: [{ user: 'Ann', text: 'hello', seq: 7, timeMs: 5000, isEdited: true }],
    before: 3,
    unsearched: 4,
  });
});

for (const [text, error] of [
  ['Invalid search: it holds no word', { code: 'QUERY_INVALID', message: 'Cannot search: it holds no word' }],
  ['Search is not available', { code: 'SERVER_ERROR' }],
  ['Unknown message type: search', { code: 'NOT_SUPPORTED' }],
  ['Too many requests, slow down', { code: 'REFUSED' }],
] as const) {
  test(`a search that is refused with "${text}" fails with ${error.code}`, async (context) => {
    const { server, session } = await joined(context);
    const searching = session.search('-');
    await server.take();
    server.error(text);
    await assert.rejects(searching, error);
  });
}

test('names that the list had no place for are told of', async (context) => {
  const { server, session } = await joined(context);
  const users = session.users();
  await server.take();
  server.tell({ type: 'users', room: 'lobby', users: ['Ann'], seq: 11, more: 2 });
  assert.deepEqual(await users, ['Ann']);
  assert.deepEqual(await take(session, 1), [
    { type: 'notice', text: 'The list is not whole: 2 more names have no place in it' },
  ]);
});

test('a server that does not know the question cannot be asked', async (context) => {
  const { server, session } = await joined(context);
  const users = session.users();
  await server.take();
  server.error('Unknown message type: who');
  await assert.rejects(users, { code: 'NOT_SUPPORTED' });
});
