import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { describe, type TestContext, test } from 'node:test';
import { loadConfig } from '@confab/config';
import { defaultLimits, EventKind, Hub, type Limits } from '@confab/core';
import { fakeSecrets, ManualTimers, ScriptedStore, SimClock } from '@confab/testing';
import { UdpPeer } from '@confab/testing/raw/ucrp';
import { wireSettings } from '@confab/testing/wire-settings';
import { createLogger } from '../../log/logger.ts';
import { Stats } from '../../stats.ts';
import { Tap } from '../../tap.ts';
import { Stage1Gateway } from './gateway.ts';

const [CHAT, JOIN, SYSTEM, HEARTBEAT, DISCONNECT, PING] = [0, 1, 2, 3, 4, 5];

/** By hand, from docs/wires/stage1.md. */
function typed(type: number, user: string, message: string | Uint8Array = ''): Buffer {
  const name = Buffer.from(user);
  return Buffer.concat([Uint8Array.of(type, name.length), name, Buffer.from(message)]);
}
function plain(user: string, message: string): Buffer {
  const name = Buffer.from(user);
  return Buffer.concat([Uint8Array.of(name.length), name, Buffer.from(message)]);
}
const system = (text: string): Buffer => typed(SYSTEM!, 'SYSTEM', text);
const joined = (user: string): Buffer => system(`🎉 ${user} has joined the chat`);
const left = (user: string): Buffer => system(`👋 ${user} has left the chat...`);
const PONG = system('pong');
const TIMED_OUT = system(
  '\u26d4\ufe0f You have been disconnected from the chat due to being inactive for too log.\n' +
    " Please enter 'join' to rejoin the chat.",
);
const SHUTDOWN = system('🛑 Server is shutting down. Please wait until it comes back.');

interface WorldOptions {
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly limits?: Partial<Limits>;
  /** What there is before the wire is served, as from an earlier run. */
  readonly before?: (hub: Hub) => Promise<unknown>;
}

async function open(context: TestContext, { settings = {}, limits = {}, before }: WorldOptions = {}) {
  const clock = new SimClock();
  const timers = new ManualTimers(clock);
  const store = new ScriptedStore();
  const secrets = fakeSecrets(1);
  const schedule = (task: () => void): void => void setImmediate(task);
  const hub = await Hub.open({ store, clock, secrets, schedule, limits: { ...defaultLimits, ...limits } });
  const flags = Object.entries({ ...wireSettings('stage1'), ...settings }).map(([path, value]) => {
    return { path, value: String(value), flag: path };
  });
  const { config } = loadConfig({ flags });
  const lines: string[] = [];
  const log = createLogger({ level: 'warn', format: 'json' }, { write: (line) => void lines.push(line) });
  await before?.(hub);
  const stats = new Stats();
  const gateway = new Stage1Gateway({ hub, config, address: '127.0.0.1', log, stats, tap: new Tap() }, timers);
  const [endpoint] = await gateway.open();
  const server = { address: '127.0.0.1', udpPort: endpoint!.port };
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await gateway.drain();
    await hub.idle();
    await gateway.close();
    await hub.close();
  };
  context.after(stop);
  const peer = async () => {
    const raw = await UdpPeer.open();
    context.after(() => raw.close());
    return {
      raw,
      say: (...datagrams: Uint8Array[]) => Promise.all(datagrams.map((datagram) => raw.send(datagram, server))),
      async hears(...datagrams: Buffer[]): Promise<void> {
        for (const datagram of datagrams) assert.equal(show(await raw.next()), show(datagram));
      },
      /** Nothing has come before this. */
      async hearsNothing(): Promise<void> {
        await raw.send(typed(PING!, 'fence'), server);
        assert.equal(show(await raw.next()), show(PONG));
      },
    };
  };
  const member = async (user: string) => {
    const somebody = await peer();
    await somebody.say(typed(JOIN!, user));
    await somebody.hears(joined(user));
    return somebody;
  };
  return { hub, clock, timers, store, stats: stats.wire('stage1'), server, stop, peer, member, lines };
}

function show(bytes: Buffer): string {
  return `${bytes.toString('hex')} ${JSON.stringify(bytes.toString('utf8'))}`;
}

describe('Stage 1, typed layout', () => {
  test('a join is told to all joined, the joiner included; a repeated one does nothing', async (context) => {
    const { member } = await open(context);
    const ann = await member('Ann');
    const bob = await member('Bob');
    await ann.hears(joined('Bob'));
    await bob.say(typed(JOIN!, 'Bob'), typed(JOIN!, 'Robert', 'join'));
    await bob.hearsNothing();
    await ann.hearsNothing();
  });

  test('chat goes to all others, with the name in the datagram, and not back', async (context) => {
    const { member, hub, peer } = await open(context);
    const [ann, bob] = [await member('Ann'), await member('Bob')];
    await ann.hears(joined('Bob'));
    await ann.say(typed(CHAT!, 'Ann', 'hi 🎉'), typed(CHAT!, 'Anna', 'me again'), typed(CHAT!, 'Ann', ''));
    await bob.hears(typed(CHAT!, 'Ann', 'hi 🎉'), typed(CHAT!, 'Anna', 'me again'), typed(CHAT!, 'Ann', ''));
    await ann.hearsNothing();
    // Nobody speaks for the server, and in the log it is she who spoke.
    await ann.say(typed(CHAT!, 'SYSTEM', 'pong'), typed(CHAT!, '', 'x'));
    await bob.hears(typed(CHAT!, 'Ann', 'pong'), typed(CHAT!, 'Ann', 'x'));
    const [someone] = hub.members();
    const events = await hub.history(someone!, 1, 100);
    assert.deepEqual(
      events.filter(({ kind }) => kind === EventKind.MESSAGE).map(({ user }) => user),
      Array(5).fill('Ann'),
    );
    (await peer()).raw.close();
  });

  test('a ping is answered to the pinger only, joined or not', async (context) => {
    const { member, peer } = await open(context);
    const ann = await member('Ann');
    const stranger = await peer();
    await stranger.say(typed(PING!, 'Tom', 'ping'));
    await stranger.hears(PONG);
    await ann.say(typed(PING!, 'Ann'));
    await ann.hears(PONG);
    await stranger.hearsNothing();
  });

  test('chat, heartbeats and disconnects of strangers are dropped in silence', async (context) => {
    const { member, peer } = await open(context);
    const ann = await member('Ann');
    const stranger = await peer();
    await stranger.say(typed(CHAT!, 'Ann', 'hi'), typed(HEARTBEAT!, 'Ann'), typed(DISCONNECT!, 'Ann'), system('x'));
    await stranger.hearsNothing();
    await ann.hearsNothing();
  });

  test('a disconnect is told to those who remain, and one may join again', async (context) => {
    const { member } = await open(context);
    const [ann, bob] = [await member('Ann'), await member('Bob')];
    await ann.hears(joined('Bob'));
    await bob.say(typed(DISCONNECT!, 'Bob'), typed(CHAT!, 'Bob', 'still here?'));
    await ann.hears(left('Bob'));
    await bob.hearsNothing();
    await bob.say(typed(JOIN!, 'Bob'), typed(CHAT!, 'Bob', 'back'));
    await ann.hears(joined('Bob'), typed(CHAT!, 'Bob', 'back'));
    await bob.hears(joined('Bob'));
  });

  test('what comes behind a join is dealt with in order, while the store takes its time', async (context) => {
    const { member, peer, store, stats } = await open(context);
    const ann = await member('Ann');
    store.hold();
    const bob = await peer();
    const lines = Array.from({ length: 31 }, (_, index) => typed(CHAT!, 'Bob', `line ${index}`));
    await bob.say(typed(JOIN!, 'Bob'), ...lines, typed(DISCONNECT!, 'Bob'), typed(CHAT!, 'Bob', 'too many'));
    while (stats.received < 35) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stats.drops.limited, 1);
    store.release();
    await ann.hears(joined('Bob'), ...lines, left('Bob'));
  });

  test('bad input is silence: names, lengths, encodings, types', async (context) => {
    const { peer, member } = await open(context);
    const ann = await member('Ann');
    const stranger = await peer();
    await stranger.say(typed(PING!, 'first'));
    await stranger.hears(PONG);
    const bad = ['system', 'SYSTEM', ' Ann', '', 'a\nb'].map((user) => typed(JOIN!, user));
    await stranger.say(...bad, Buffer.alloc(0), Uint8Array.of(1), Uint8Array.of(1, 9, 65), typed(9, 'Eve', 'hi'));
    await stranger.say(typed(CHAT!, 'Eve', Uint8Array.of(0xc3, 0x28)), Buffer.alloc(4097, 0x01));
    await stranger.hearsNothing();
    await ann.hearsNothing();
  });

  test('a line that is too long is told to its sender, once a second', async (context) => {
    const { member, clock } = await open(context);
    const ann = await member('Ann');
    const long = typed(CHAT!, 'Ann', 'x'.repeat(4092));
    await ann.say(long, long);
    await ann.hears(system('Message not delivered: datagram of 4097 bytes exceeds 4096'));
    await ann.hearsNothing();
    clock.advance(1000);
    await ann.say(long);
    await ann.hears(system('Message not delivered: datagram of 4097 bytes exceeds 4096'));
  });

  test('a flood is refused, and says so once', async (context) => {
    const { member } = await open(context, { limits: { memberMessages: { perSecond: 1, burst: 2 } } });
    const [ann, bob] = [await member('Ann'), await member('Bob')];
    for (let line = 0; line < 5; line += 1) await bob.say(typed(CHAT!, 'Bob', `${line}`));
    await bob.hears(system('Message not delivered: too many messages; slow down'));
    await bob.hearsNothing();
    await ann.hears(joined('Bob'), typed(CHAT!, 'Bob', '0'), typed(CHAT!, 'Bob', '1'));
    await ann.hearsNothing();
  });
});

describe('Stage 1, silence', () => {
  test('after a minute one is dropped at the next check, is told so, and may join again', async (context) => {
    const { member, timers } = await open(context);
    const [ann, bob] = [await member('Ann'), await member('Bob')];
    await ann.hears(joined('Bob'));
    timers.advance(30_000);
    await ann.say(typed(HEARTBEAT!, 'Ann'));
    await ann.hearsNothing();
    timers.advance(29_000);
    await bob.hearsNothing();
    // That was a ping of his: a minute from there.
    await ann.say(typed(HEARTBEAT!, 'Ann'));
    await ann.hearsNothing();
    timers.advance(59_000);
    await ann.hearsNothing();
    timers.advance(2000);
    await bob.hears(TIMED_OUT);
    await ann.hears(left('Bob'));
    await bob.say(typed(CHAT!, 'Bob', 'anybody?'));
    await ann.hearsNothing();
    await bob.say(typed(JOIN!, 'Bob'));
    await bob.hears(joined('Bob'));
    await ann.hears(joined('Bob'));
  });

  test('at shutdown all joined are told, and nothing else', async (context) => {
    const { member, peer, stop } = await open(context);
    const [ann, bob, stranger] = [await member('Ann'), await member('Bob'), await peer()];
    await stranger.hearsNothing();
    await ann.hears(joined('Bob'));
    await bob.say(typed(CHAT!, 'Bob', 'last words'));
    await ann.hears(typed(CHAT!, 'Bob', 'last words'));
    await stop();
    await ann.hears(SHUTDOWN);
    await bob.hears(SHUTDOWN);
    const mark = Buffer.from('nothing before this');
    await ann.raw.send(mark, { address: '127.0.0.1', udpPort: stranger.raw.port });
    await stranger.hears(mark);
  });
});

describe('Stage 1, plain layout', () => {
  test('whoever speaks is in and hears the others; nobody joins or leaves', async (context) => {
    const { peer, member } = await open(context);
    const [tom, mia] = [await peer(), await peer()];
    const ann = await member('Ann');
    await tom.say(plain('Thomas', 'hello'));
    await ann.hears(joined('Thomas'), typed(CHAT!, 'Thomas', 'hello'));
    await mia.say(plain('Miriam', 'hi'));
    await tom.hears(plain('Miriam', 'hi'));
    await ann.hears(joined('Miriam'), typed(CHAT!, 'Miriam', 'hi'));
    await ann.say(typed(CHAT!, 'Ann', 'all of you'));
    await tom.hears(plain('Ann', 'all of you'));
    await mia.hears(plain('Ann', 'all of you'));
    await mia.say(plain('Miri', 'another name'));
    await tom.hears(plain('Miri', 'another name'));
    await ann.hears(typed(CHAT!, 'Miri', 'another name'));
  });

  test('an address keeps its layout, however a later datagram looks', async (context) => {
    const { peer, member } = await open(context);
    const ann = await member('Ann');
    const tom = await peer();
    await tom.say(plain('Thomas', 'hello'));
    await ann.hears(joined('Thomas'), typed(CHAT!, 'Thomas', 'hello'));
    // A user name of 3 bytes before 66 bytes or more would pass for a heartbeat.
    const line = plain('Bob', 'x'.repeat(100));
    await tom.say(line);
    await ann.hears(typed(CHAT!, 'Bob', 'x'.repeat(100)));
    // And the other way round: 6 and above is no type.
    await ann.say(typed(6, 'Ann', 'hi'));
    await ann.hearsNothing();
  });

  test('at shutdown they are told by SYSTEM, after a time-out they just speak again', async (context) => {
    const { peer, timers, stop, member } = await open(context);
    const ann = await member('Ann');
    const tom = await peer();
    await tom.say(plain('Thomas', 'hello'));
    await ann.hears(joined('Thomas'), typed(CHAT!, 'Thomas', 'hello'));
    timers.advance(50_000);
    await ann.hearsNothing();
    timers.advance(20_000);
    await ann.hears(left('Thomas'));
    await tom.say(plain('Thomas', 'hello again'));
    await ann.hears(joined('Thomas'), typed(CHAT!, 'Thomas', 'hello again'));
    await stop();
    await tom.hears(plain('SYSTEM', '🛑 Server is shutting down. Please wait until it comes back.'));
  });
});

describe('Stage 1, other wires', () => {
  async function withOther(context: TestContext) {
    const world = await open(context);
    const ann = await world.member('Ann');
    const { member: other } = await world.hub.join({ room: 'stage1', user: 'Otto', address: '192.0.2.1' });
    await ann.hears(joined('Otto'));
    const post = (text: string, more: object = {}) =>
      world.hub.post(other, { body: new TextEncoder().encode(text), ...more });
    return { ...world, ann, other, post };
  }

  test('their lines, joins and leaves are shown, and an edit is a new line', async (context) => {
    const { hub, ann, other, post } = await withOther(context);
    post('hello');
    await ann.hears(typed(CHAT!, 'Otto', 'hello'));
    post('hello all', { kind: EventKind.EDIT, target: 3 });
    post('👍', { kind: EventKind.REACTION, target: 3 });
    post('', { kind: EventKind.DELETE, target: 3 });
    post('after');
    await ann.hears(typed(CHAT!, 'Otto', '* hello all'), typed(CHAT!, 'Otto', 'after'));
    hub.leave(other);
    await ann.hears(left('Otto'));
  });

  test('a line that does not fit a datagram is cut between characters', async (context) => {
    const { ann, post } = await withOther(context);
    post('ß'.repeat(2048));
    // 4096 - 2 - 4 bytes are left for the message: 2045 characters of two bytes.
    await ann.hears(typed(CHAT!, 'Otto', 'ß'.repeat(2045)), typed(CHAT!, 'Otto', 'ßßß'));
  });

  test('bytes that are no text are shown as far as they are', async (context) => {
    const { ann, hub, other } = await withOther(context);
    hub.post(other, { body: Uint8Array.of(0x61, 0xff, 0x62) });
    await ann.hears(typed(CHAT!, 'Otto', 'a\ufffdb'));
  });

  test('the end of a hosted room is a line, and the next join makes an open one', async (context) => {
    const before = (early: Hub) => early.create({ room: 'stage1', user: 'Host', address: '192.0.2.1' });
    const { hub, peer, stats, lines } = await open(context, { before });
    assert.match(lines.join(''), /stage1: room \\"stage1\\" is a hosted one, from before/);
    const [host] = hub.members();
    const ann = await peer();
    await ann.say(typed(JOIN!, 'Ann'));
    await ann.hears(joined('Ann'));
    hub.leave(host!);
    await ann.hears(left('Host'), system('Room closed: the host has left'));
    await hub.idle();
    await ann.say(typed(CHAT!, 'Ann', 'hello?'), typed(JOIN!, 'Ann'));
    await ann.hears(joined('Ann'));
    assert.equal(stats.drops.unknown, 1);
    assert.equal(hub.findRoom('stage1')?.kind, 'open');
  });

  test('a room with a password cannot be joined, in silence', async (context) => {
    const before = (hub: Hub) => hub.create({ room: 'stage1', user: 'Host', address: '192.0.2.1', password: 'x' });
    const { peer } = await open(context, { before });
    const ann = await peer();
    await ann.say(typed(JOIN!, 'Ann'));
    await ann.hearsNothing();
    await ann.say(typed(CHAT!, 'Ann', 'hello?'));
    await ann.hearsNothing();
  });
});

describe('Stage 1, bounds', () => {
  test('no more addresses than allowed, in all and of one IP address', async (context) => {
    const { member, peer, stats } = await open(context, { settings: { 'stage1.address_members_max': 2 } });
    const [ann] = [await member('Ann'), await member('Bob')];
    const late = await peer();
    await late.say(typed(JOIN!, 'Late'));
    await late.hearsNothing();
    assert.equal(stats.drops.limited, 1);
    await ann.say(typed(DISCONNECT!, 'Ann'));
    await ann.hears(joined('Bob'));
    await late.say(typed(JOIN!, 'Late'));
    await late.hears(joined('Late'));
  });

  test('a stranger is never answered with more than three times what it sent', async (context) => {
    const { peer } = await open(context);
    const stranger = await peer();
    // A pong has 12 bytes.
    await stranger.say(Uint8Array.of(PING!, 0), Uint8Array.of(PING!, 1, 65));
    await stranger.say(Uint8Array.of(PING!, 2, 65, 66));
    await stranger.hears(PONG);
    await stranger.hearsNothing();
  });

  test('those heard but once share so many bytes per IP address; a second datagram lifts that', async (context) => {
    const settings = { 'stage1.unproven_bytes.burst': 100, 'stage1.unproven_bytes.per_second': 1 };
    const { peer, hub, stats } = await open(context, { settings });
    const victim = await peer();
    await victim.say(typed(JOIN!, 'Victim'));
    await victim.hears(joined('Victim'));
    const { member: other } = await hub.join({ room: 'stage1', user: 'Otto', address: '192.0.2.1' });
    await victim.hears(joined('Otto'));
    const body = new TextEncoder().encode('x'.repeat(1000));
    hub.post(other, { body });
    await hub.idle();
    assert.equal(stats.drops.limited, 1);
    await victim.hearsNothing();
    hub.post(other, { body });
    await victim.hears(typed(CHAT!, 'Otto', 'x'.repeat(1000)));
  });

  test('an address that sends much junk is not read for a while, unless it has joined', async (context) => {
    const { peer, member, stats } = await open(context, { limits: { addressFaults: { perSecond: 1, burst: 3 } } });
    const [ann, stranger] = [await member('Ann'), await peer()];
    const junk = Uint8Array.of(200, 1);
    for (const somebody of [ann, stranger]) await somebody.say(junk, junk, junk, junk);
    await stranger.say(typed(JOIN!, 'Eve'));
    await ann.hearsNothing();
    await ann.say(typed(CHAT!, 'Ann', 'hi'));
    await ann.hearsNothing();
    assert.ok(stats.drops.ignored >= 2);
  });
});

test('a busy port, and a room name that is none, are said at the start', async (context) => {
  await assert.rejects(open(context, { settings: { 'stage1.room': ' ' } }), /Invalid room name " "/);
  const taken: Socket = createSocket('udp4');
  await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
  const { port } = taken.address();
  await assert.rejects(open(context, { settings: { 'stage1.udp_port': port } }), /port is busy.*stage1\.udp_port/);
  taken.close();
});
