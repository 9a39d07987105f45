import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClientError } from '../../errors.ts';
import type { MessageEvent, NoticeEvent } from '../../session.ts';
import { type AskedQuestion, JsonuCore } from './core.ts';

type Sent = {
  readonly type: string;
  readonly id?: number;
  readonly seq?: number;
  readonly text?: string;
  readonly query?: string;
  readonly limit?: number;
};

/** A core whose server and clock are the test. */
function open() {
  const sent: (Sent & { readonly atMs: number })[] = [];
  const shown: (MessageEvent | NoticeEvent)[] = [];
  const told: string[] = [];
  let nowMs = 0;
  const core = new JsonuCore({
    user: 'Ann',
    baseDelayMs: 500,
    maxRetries: 5,
    firstId: 1,
    handlers: {
      transmit: (bytes) => sent.push({ ...(JSON.parse(new TextDecoder().decode(bytes)) as Sent), atMs: nowMs }),
      show: (event) => shown.push(event),
      reachable: () => told.push('reachable'),
      unreachable: (reason) => told.push(`unreachable: ${reason}`),
      roomClosed: (text) => told.push(`closed: ${text}`),
    },
  });
  const pass = (toMs: number): void => {
    for (let nextMs = core.nextTimeoutMs(); nextMs <= toMs; nextMs = core.nextTimeoutMs()) {
      nowMs = Math.max(nowMs, nextMs);
      core.onTimeout(nowMs);
    }
    nowMs = toMs;
  };
  const hear = (...events: object[]): void => {
    for (const event of events) core.receive(nowMs, new TextEncoder().encode(JSON.stringify(event)));
  };
  const take = (type: string): (Sent & { atMs: number })[] => {
    const found = sent.filter((request) => request.type === type);
    sent.splice(0, sent.length, ...sent.filter((request) => request.type !== type));
    return found;
  };
  const results: string[] = [];
  const settle =
    (name: string) =>
    (error?: ClientError): void =>
      void results.push(`${name}: ${error === undefined ? 'done' : error.code}`);
  const join = (room = 'lobby') => core.join(nowMs, room, undefined, settle(`join ${room}`));
  const send = (text: string) => core.send(nowMs, text, settle(text));
  return { core, sent, shown, told, results, pass, hear, take, join, send, now: () => nowMs };
}

const message = (seq: number, user: string, text: string, room = 'lobby') => ({
  type: 'message',
  room,
  user,
  text,
  seq,
});
const system = (seq: number, text: string, room = 'lobby') => ({ type: 'system', room, user: 'system', text, seq });

/** In the lobby, its joining being number 10, with nothing left to do. */
function openJoined() {
  const world = open();
  world.join();
  world.hear({ type: 'ack', id: 1 }, system(10, 'Ann joined'));
  world.pass(1000);
  world.sent.length = 0;
  world.shown.length = 0;
  world.told.length = 0;
  world.results.length = 0;
  return world;
}

describe('Requests', () => {
  test('are sent again after twice as long each time, then the message is uncertain', () => {
    const { send, take, pass, results } = openJoined();
    send('hello');
    pass(1000 + 31_499);
    assert.deepEqual(results, []);
    pass(1000 + 31_500);
    const times = take('message').map(({ atMs, id, text }) => [atMs - 1000, id, text]);
    assert.deepEqual(
      times,
      [0, 500, 1500, 3500, 7500, 15_500].map((atMs) => [atMs, 2, 'hello']),
    );
    assert.deepEqual(results, ['hello: SEND_UNCERTAIN']);
  });

  test('are not sent again once they are acknowledged, and a late acknowledgement is harmless', () => {
    const { send, take, pass, results, hear } = openJoined();
    send('hello');
    pass(1700);
    hear({ type: 'ack', id: 2 }, { type: 'ack', id: 2 }, { type: 'ack', id: 77 }, { type: 'ack', id: 'x' });
    pass(60_000);
    assert.deepEqual([results, take('message').length], [['hello: done'], 2]);
  });

  test('what a server refuses for good is told; what passes is sent again', () => {
    const { send, hear, results, join, take } = openJoined();
    send('long');
    hear({ type: 'error', text: 'Too many requests, slow down', seq: 1 });
    assert.deepEqual(results, []);
    hear({ type: 'error', text: 'Message too long', seq: 1 });
    join('vault');
    hear({ type: 'error', text: 'Incorrect password', seq: 1 });
    join(' ');
    hear({ type: 'error', text: 'Invalid room name', seq: 1 });
    assert.deepEqual(results, ['long: MESSAGE_TOO_LONG', 'join vault: UNAUTHORIZED', 'join  : ROOM_NAME_INVALID']);
    assert.equal(take('join').length, 2);
  });

  test('a join that nobody answers ends, and one that is given up says nothing more', () => {
    const { join, pass, results } = open();
    join();
    pass(60_000);
    assert.deepEqual(results, ['join lobby: CONNECT_TIMEOUT']);
    const giveUp = join();
    giveUp();
    pass(120_000);
    assert.equal(results.length, 1);
  });

  test('nobody listening fails the first join at once', () => {
    const { join, core, results } = open();
    join();
    core.refused(0, 'nothing listens there');
    assert.deepEqual(results, ['join lobby: CONNECT_FAILED']);
  });
});

describe('What is heard', () => {
  test('is acknowledged each time and shown once', () => {
    const { hear, take, shown } = openJoined();
    hear(message(11, 'Bob', 'hi'), message(11, 'Bob', 'hi'), system(12, 'Bob left'), message(11, 'Bob', 'hi'));
    assert.deepEqual(
      take('ack').map(({ seq }) => seq),
      [11, 11, 12, 11],
    );
    assert.deepEqual(shown, [
      { type: 'message', user: 'Bob', text: 'hi', isOwn: false, seq: 11 },
      { type: 'notice', text: 'Bob left', member: { user: 'Bob', change: 'left' }, seq: 12 },
    ]);
  });

  test('on entering is sorted, and what was before one came in is history', () => {
    const { join, hear, pass, shown } = open();
    join();
    hear(message(7, 'Bob', 'b'), { type: 'ack', id: 1 });
    // An earlier visit of the same name is history, too.
    hear(system(10, 'Ann joined'), message(11, 'Bob', 'now'), system(3, 'Ann joined'), message(5, 'Bob', 'a'));
    assert.deepEqual(shown, []);
    pass(100);
    assert.deepEqual(
      shown.map(({ seq, isHistory }) => [seq, isHistory === true]),
      [
        [3, true],
        [5, true],
        [7, true],
        [10, false],
        [11, false],
      ],
    );
    hear(message(6, 'Bob', 'late'), message(12, 'Bob', 'new'));
    assert.deepEqual(
      shown.slice(5).map(({ seq, isHistory }) => [seq, isHistory === true]),
      [
        [6, true],
        [12, false],
      ],
    );
  });

  test('is shown after half a second at the latest, whatever is missing', () => {
    const { join, hear, pass, shown } = open();
    join();
    hear({ type: 'ack', id: 1 }, message(7, 'Bob', 'b'));
    pass(499);
    assert.equal(shown.length, 0);
    pass(500);
    assert.equal(shown.length, 1);
  });

  test("one's own lines are known as such, once each", () => {
    const { send, hear, shown } = openJoined();
    send('same');
    hear({ type: 'ack', id: 2 }, message(11, 'Ann', 'same'), message(12, 'Ann', 'same'), message(13, 'Bob', 'same'));
    assert.deepEqual(
      shown.map((event) => event.type === 'message' && event.isOwn),
      [true, false, false],
    );
  });

  test('of a room that one has left is acknowledged and not shown', () => {
    const { join, hear, shown, take, pass } = openJoined();
    join('hall');
    hear(message(11, 'Bob', 'still the lobby'), { type: 'ack', id: 2 }, message(12, 'Bob', 'the lobby again'));
    hear(system(13, 'Ann joined', 'hall'));
    pass(2000);
    assert.deepEqual(
      shown.map(({ seq }) => seq),
      [11, 13],
    );
    assert.equal(take('ack').filter(({ seq }) => seq !== 0).length, 3);
  });

  test('a server whose count begins again is heard again', () => {
    const { hear, shown } = openJoined();
    hear(message(11, 'Bob', 'of the old store'));
    hear(message(11, 'Bob', 'of the new store'), message(12, 'Bob', 'and on'));
    assert.equal(shown.length, 3);
  });

  test('junk is nothing', () => {
    const { core, hear, shown, told } = openJoined();
    for (const bytes of [[], [0xff], [0x7b], [0x5b, 0x5d]]) core.receive(1000, Uint8Array.from(bytes));
    hear({ type: 'message' }, { type: 'dance' }, { type: 'rooms', rooms: [] });
    assert.deepEqual([shown, told], [[], ['reachable', 'reachable']]);
  });

  test('the end of the room is told', () => {
    const { hear, told } = openJoined();
    hear(system(11, 'Room closed: the host has left'));
    assert.deepEqual(told, ['reachable', 'closed: Room closed: the host has left']);
  });
});

describe('A server that has forgotten us', () => {
  test('is joined again, and what it refused is sent again under its old id', () => {
    const { send, hear, take, results, shown, pass } = openJoined();
    send('hello');
    hear({ type: 'error', text: 'Join first', seq: 20 }, { type: 'error', text: 'Join first', seq: 20 });
    const [again, ...more] = take('join');
    assert.deepEqual([again?.id, more.length], [3, 0]);
    take('message');
    hear({ type: 'ack', id: 3 });
    pass(1001);
    assert.deepEqual(
      take('message').map(({ id, text }) => [id, text]),
      [[2, 'hello']],
    );
    hear({ type: 'ack', id: 2 });
    assert.deepEqual(results, ['hello: done']);
    assert.match((shown[0] as NoticeEvent).text, /joined again/);
  });

  test('is noticed by a join that changes nothing, once a minute', () => {
    const { take, pass, hear, told } = openJoined();
    pass(59_000);
    assert.equal(take('join').length, 0);
    pass(61_000);
    const [keepalive] = take('join');
    assert.equal(keepalive?.id, 2);
    hear({ type: 'ack', id: 2 });
    pass(100_000);
    assert.deepEqual([take('join').length, told], [0, ['reachable']]);
  });

  test('that does not answer is said to be out of reach, and asked more often', () => {
    const { take, pass, told } = openJoined();
    pass(60_000 + 31_500);
    assert.deepEqual(told, ['unreachable: it does not answer']);
    take('join');
    pass(60_000 + 31_500 + 5000);
    assert.equal(take('join').length, 1);
  });

  test('that says it goes is out of reach at once, and asked soon', () => {
    const { take, pass, told, hear, shown } = openJoined();
    hear(system(11, 'Server is shutting down'));
    assert.deepEqual([told, shown], [['reachable', 'unreachable: it is shutting down'], []]);
    pass(6001);
    assert.equal(take('join').length, 1);
  });
});

test('As long as nothing came from the room it says that it acknowledges, ever more slowly, and not for ever', () => {
  const { join, hear, take, pass } = open();
  join();
  hear({ type: 'ack', id: 1 });
  pass(59_000);
  const nudges = take('ack').map(({ atMs, seq }) => [atMs, seq]);
  assert.deepEqual(
    nudges,
    [0, 500, 1500, 3500, 7500, 15_500, 31_500].map((atMs) => [atMs, 0]),
  );
});

describe('Who is here', () => {
  function ask(question: AskedQuestion = { type: 'who' }) {
    const world = openJoined();
    const results: unknown[] = [];
    const stop = world.core.ask(world.now(), question, (result) => {
      if (result instanceof ClientError) results.push(`${result.code} ${result.message}`);
      else results.push(result.type === 'users' ? result.users : result.messages.length);
    });
    return { ...world, results, stop };
  }

  test('and what was said is asked likewise, until the answer to this very question comes', () => {
    const { pass, take, hear, results } = ask({ type: 'search', query: 'hello', limit: 5 });
    pass(1600);
    hear({ type: 'error', text: 'Too many requests, slow down', seq: 10 });
    hear({ type: 'users', room: 'lobby', users: ['Eve'], seq: 10, id: 2 });
    hear({ type: 'found', messages: [], seq: 10, id: 1 });
    pass(2600);
    assert.deepEqual(
      take('search').map(({ id, query, limit }) => [id, query, limit]),
      [
        [2, 'hello', 5],
        [2, 'hello', 5],
        [2, 'hello', 5],
      ],
    );
    hear({ type: 'found', messages: [], seq: 10, id: 2 });
    assert.deepEqual(results, [0]);
  });

  for (const [text, result] of [
    ['Invalid search: it holds no word', 'QUERY_INVALID Cannot search: it holds no word'],
    ['Search is not available', 'SERVER_ERROR Cannot search: Search is not available'],
    ['Unknown message type: search', 'NOT_SUPPORTED Cannot search: this server does not know the question'],
  ] as const) {
    test(`a search is given up when the server says: ${text}`, () => {
      const { hear, results, shown } = ask({ type: 'search', query: '-' });
      hear({ type: 'error', text, seq: 10 });
      assert.deepEqual([results, shown], [[result], []]);
    });
  }

  test('is asked again until the answer to this very question comes', () => {
    const { pass, take, hear, results } = ask();
    pass(2600);
    assert.deepEqual(
      take('who').map(({ id, atMs }) => [id, atMs]),
      [
        [2, 1000],
        [2, 1500],
        [2, 2500],
      ],
    );
    hear({ type: 'users', room: 'lobby', users: ['Eve'], seq: 10, id: 1 });
    hear({ type: 'users', room: 'lobby', users: ['Ann', 'Bob'], seq: 10, id: 2 });
    hear({ type: 'users', room: 'lobby', users: ['Eve'], seq: 10, id: 2 });
    assert.deepEqual(results, [['Ann', 'Bob']]);
    pass(30_000);
    assert.deepEqual(take('who'), []);
  });

  test('is not known in the end when no answer comes, or the server does not know the question', () => {
    const silent = ask();
    silent.pass(1000 + 31_500);
    assert.deepEqual(silent.results, ['CONNECT_TIMEOUT Cannot tell who is here: no answer']);
    const old = ask();
    old.hear({ type: 'error', text: 'Unknown message type: who', seq: 10 });
    assert.deepEqual(
      [old.results, old.shown],
      [['NOT_SUPPORTED Cannot tell who is here: this server does not know the question'], []],
    );
    const abandoned = ask();
    abandoned.stop();
    abandoned.hear({ type: 'users', room: 'lobby', users: ['Ann'], seq: 10, id: 2, more: 3 });
    assert.deepEqual([abandoned.results, abandoned.shown], [[], []]);
  });
});
