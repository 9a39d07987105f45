import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { loadConfig } from '@confab/config';
import { defaultLimits, Hub, type Limits } from '@confab/core';
import { fakeSecrets, ManualTimers, ScriptedStore, SimClock } from '@confab/testing';
import { UdpPeer } from '@confab/testing/raw/ucrp';
import { wireSettings } from '@confab/testing/wire-settings';
import { createLogger } from '../../log/logger.ts';
import { Stats } from '../../stats.ts';
import { Tap } from '../../tap.ts';
import { JsonDatagramsGateway } from './gateway.ts';

interface WorldOptions {
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly limits?: Partial<Limits>;
  readonly store?: ScriptedStore;
  readonly clock?: SimClock;
}

async function open(context: TestContext, options: WorldOptions = {}) {
  const { settings = {}, limits = {}, store = new ScriptedStore(), clock = new SimClock() } = options;
  const timers = new ManualTimers(clock);
  const secrets = fakeSecrets(1);
  const schedule = (task: () => void): void => void setImmediate(task);
  const hub = await Hub.open({ store, clock, secrets, schedule, limits: { ...defaultLimits, ...limits } });
  await hub.idle();
  const flags = Object.entries({ ...wireSettings('json_datagrams'), ...settings }).map(([path, value]) => {
    return { path, value: String(value), flag: path };
  });
  const { config } = loadConfig({ flags });
  const log = createLogger({ level: 'silent', format: 'json' });
  const stats = new Stats();
  const gateway = new JsonDatagramsGateway({ hub, config, address: '127.0.0.1', log, stats, tap: new Tap() }, timers);
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
  /** As `kill -9`: nothing is written or said any more. */
  const kill = async (): Promise<void> => {
    isStopped = true;
    await gateway.close();
  };
  context.after(stop);
  const wire = stats.wire('json-datagrams');
  const peer = async () => {
    const raw = await UdpPeer.open();
    context.after(() => raw.close());
    return new Peer(raw, server);
  };
  const member = async (user: string, room = 'lobby') => {
    const somebody = await peer();
    await somebody.join(user, room);
    return somebody;
  };
  return { hub, clock, timers, store, secrets, stats: wire, server, stop, kill, peer, member };
}

/** Sends text and compares text: nothing of the codec is used. */
class Peer {
  readonly raw: UdpPeer;
  server: { address: string; udpPort: number };
  sentBytes = 0;

  constructor(raw: UdpPeer, server: { address: string; udpPort: number }) {
    this.raw = raw;
    this.server = server;
  }

  async say(...texts: (string | Uint8Array)[]): Promise<void> {
    for (const text of texts) {
      const bytes = Buffer.from(text);
      this.sentBytes += bytes.length;
      await this.raw.send(bytes, this.server);
    }
  }

  async hears(...texts: (string | RegExp)[]): Promise<void> {
    for (const text of texts) {
      const heard = (await this.raw.next()).toString();
      if (typeof text === 'string') assert.equal(heard, text);
      else assert.match(heard, text);
    }
  }

  async join(user: string, room = 'lobby', id = 1): Promise<void> {
    await this.say(`{"type":"join","room":"${room}","user":"${user}","id":${id}}`);
    await this.hears(`{"type":"ack","id":${id}}`, new RegExp(`"text":"${user} joined"`));
  }

  /** Nothing has come before this. */
  async hearsNothing(): Promise<void> {
    await this.say('{"type":"leave","id":"fence"}');
    await this.hears('{"type":"ack","id":"fence"}');
  }

  /** As `hearsNothing`, for somebody who is in a room and stays there. */
  async hearsNothingYet(): Promise<void> {
    await this.say('{"type":"rooms","id":1}');
    await this.hears(/"text":"Unknown message type: rooms"/);
  }
}

describe('JSON datagrams, who is here', () => {
  test('is told with the id of the question, and again whenever it is asked', async (context) => {
    const { member, peer } = await open(context);
    const ann = await member('Ann');
    const bob = await peer();
    await bob.say('{"type":"join","room":"lobby","user":"Bob","id":1}');
    await bob.hears('{"type":"ack","id":1}', /"text":"Ann joined"/, /"text":"Bob joined"/);
    await ann.hears(/"text":"Bob joined"/);
    for (let times = 0; times < 2; times += 1) {
      await ann.say('{"type":"who","id":7}');
      await ann.hears('{"type":"users","room":"lobby","users":["Ann","Bob"],"seq":2,"id":7}');
    }
    // An id that was asked with is free for a message.
    await ann.say('{"type":"message","text":"hi","id":7}');
    await ann.hears('{"type":"ack","id":7}', /"text":"hi"/);
  });

  test('is nothing for strangers, and needs an id', async (context) => {
    const { member, peer } = await open(context);
    const ann = await member('Ann');
    await ann.say('{"type":"who"}');
    await ann.hears('{"type":"error","text":"Missing field: id","seq":1}');
    const stranger = await peer();
    await stranger.say('{"type":"who","id":1}');
    await stranger.hears('{"type":"error","text":"Join first","seq":1}');
  });

  test('goes to an address that has not proved itself for three times what came from it, and never in a flood', async (context) => {
    const { member, stats, hub, timers } = await open(context, { settings: { 'limits.address_requests.burst': 1000 } });
    const ann = await member('Ann');
    for (let index = 0; index < 200; index += 1) {
      void hub.join({ room: 'lobby', user: `somebody ${index}`, address: '192.0.2.1' });
    }
    await hub.idle();
    assert.equal(hub.findRoom('lobby')!.memberCount, 201);
    const dropped = stats.drops.limited;
    await ann.say('{"type":"who","id":2}');
    while (stats.drops.limited === dropped) await new Promise((resolve) => setImmediate(resolve));
    timers.advance(1000);
    // From here on it has proved that it is there; an answer fits a datagram, and there are 50 at once and no more.
    const { length } = await flooded(ann, stats);
    assert.ok(length > 0 && length <= 50, `${length} answers`);
  });
});

/** Ask for the list 200 times, proved, and read what came of it. */
async function flooded(peer: Peer, stats: { readonly received: number }): Promise<string[]> {
  await peer.say('{"type":"ack","seq":1}');
  const until = stats.received + 200;
  for (let index = 0; index < 200; index += 1) await peer.say(`{"type":"who","id":${100 + index}}`);
  while (stats.received < until) await new Promise((resolve) => setImmediate(resolve));
  await peer.say('{"type":"leave","id":"fence"}');
  const lists: string[] = [];
  for (;;) {
    const text = (await peer.raw.next()).toString();
    if (text === '{"type":"ack","id":"fence"}') return lists;
    if (!text.startsWith('{"type":"users"')) continue;
    assert.ok(Buffer.byteLength(text) <= 1200);
    lists.push(text);
  }
}

describe('JSON datagrams, the page', () => {
  test("ack first, then history, one's own joining, and what is said, byte for byte", async (context) => {
    const { peer } = await open(context);
    const ann = await peer();
    await ann.say('{"type":"join","room":"lobby","user":"Ann","id":1}');
    await ann.hears(
      '{"type":"ack","id":1}',
      '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":1}',
    );
    await ann.say('{"id": "c3-7", "text": "Gr\\u00fc\\u00dfe \\ud83c\\udf89", "type": "message", "mood": "good"}');
    await ann.hears(
      '{"type":"ack","id":"c3-7"}',
      '{"type":"message","room":"lobby","user":"Ann","text":"Grüße 🎉","seq":2}',
    );
    const bob = await peer();
    // Long enough that three times its bytes are all that there is to hear.
    await bob.say(`{"type":"join","room":"lobby","user":"Bob","id":7,"padding":"${'x'.repeat(100)}"}`);
    await bob.hears(
      '{"type":"ack","id":7}',
      '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":1}',
      '{"type":"message","room":"lobby","user":"Ann","text":"Grüße 🎉","seq":2}',
      '{"type":"system","room":"lobby","user":"system","text":"Bob joined","seq":3}',
    );
    await bob.say('{"type":"leave","id":8}');
    await bob.hears('{"type":"ack","id":8}');
    await ann.hears(
      '{"type":"system","room":"lobby","user":"system","text":"Bob joined","seq":3}',
      '{"type":"system","room":"lobby","user":"system","text":"Bob left","seq":4}',
    );
    await bob.say('{"type":"message","text":"still here?","id":9}', '{"type":"leave","id":10}');
    await bob.hears('{"type":"error","text":"Join first","seq":4}', '{"type":"ack","id":10}');
  });

  test('a repeated id is acknowledged again and not shown again', async (context) => {
    const { member } = await open(context);
    const ann = await member('Ann');
    const hello = '{"type":"message","text":"hello","id":2}';
    await ann.say(hello);
    await ann.hears('{"type":"ack","id":2}', /"text":"hello"/);
    await ann.say(hello, '{"type":"join","room":"lobby","user":"Ann","id":1}', hello);
    await ann.hears('{"type":"ack","id":2}', '{"type":"ack","id":1}', '{"type":"ack","id":2}');
    await ann.hearsNothing();
  });

  test('a join that changes nothing is acknowledged and not announced; another name is another member', async (context) => {
    const { member } = await open(context);
    const [ann, bob] = [await member('Ann'), await member('Bob', 'hall')];
    await ann.say('{"type":"join","room":"lobby","user":"Ann","id":2}');
    await ann.hears('{"type":"ack","id":2}');
    await ann.hearsNothingYet();
    await ann.say('{"type":"join","room":"lobby","user":"Anna","id":3}');
    await ann.hears('{"type":"ack","id":3}', /"text":"Ann joined"/);
    await bob.hearsNothing();
  });

  test('joining another room leaves the first one', async (context) => {
    const { member, hub } = await open(context);
    const [ann, bob] = [await member('Ann'), await member('Bob', 'hall')];
    await bob.say('{"type":"join","room":"lobby","user":"Bob","id":2}');
    await bob.hears('{"type":"ack","id":2}');
    await ann.hears(/"room":"lobby".*Bob joined/);
    await ann.say('{"type":"join","room":"hall","user":"Ann","id":2}');
    await ann.hears('{"type":"ack","id":2}', /"room":"hall".*Bob joined/);
    await bob.say('{"type":"message","text":"who is here?","id":3}');
    await hub.idle();
    const rooms = [...hub.members()].map(({ user, room }) => `${user} in ${room.name}`);
    assert.deepEqual(rooms.toSorted(), ['Ann in hall', 'Bob in lobby']);
  });

  test('refusals are errors without an acknowledgement, and one stays where one is', async (context) => {
    const { member, hub } = await open(context, { limits: { messageBytesMax: 10 } });
    await hub.create({ room: 'vault', user: 'Host', address: '192.0.2.1', password: 'sesame' });
    const ann = await member('Ann');
    const says = async (request: string, answer: RegExp) => {
      await ann.say(request);
      await ann.hears(answer);
    };
    await says('{"type":"join","room":" x","user":"Ann","id":2}', /^{"type":"error","text":"Invalid room name",/);
    await says('{"type":"join","room":"x","user":"system","id":2}', /^{"type":"error","text":"Invalid user name",/);
    await says('{"type":"join","room":"vault","user":"Ann","id":2}', /^{"type":"error","text":"Incorrect password",/);
    await says('{"type":"message","text":"12345678901","id":3}', /^{"type":"error","text":"Message too long",/);
    await says('{"type":"message","text":"1234567890","id":3}', /^{"type":"ack","id":3}$/);
    await ann.hears(/"text":"1234567890"/);
    await ann.say('{"type":"join","room":"vault","user":"Ann","password":"sesame","id":4}');
    await ann.hears('{"type":"ack","id":4}');
  });

  test('bad input is an error each, and costs nobody else anything', async (context) => {
    const { peer } = await open(context);
    const stranger = await peer();
    const long = 'x'.repeat(40);
    for (const [input, text] of [
      [`nonsense ${long}`, 'Invalid JSON'],
      [`["${long}"]`, 'Not a JSON object'],
      [`{"type":"message","text":"${long}"}`, 'Missing field: id'],
      [`{"type":"message","id":1,"padding":"${long}"}`, 'Missing field: text'],
      [
        `{"type":"message","text":"${long}","id":1.5}`,
        'Field id must be an integer or a string of at most 64 characters',
      ],
      [`{"type":"dance","id":1,"padding":"${long}"}`, 'Unknown message type: dance'],
      [`{"type":"rooms","id":1,"padding":"${long}"}`, 'Unknown message type: rooms'],
      [Buffer.concat([Buffer.from(`{"type":"${long}`), Uint8Array.of(0xff)]), 'Invalid UTF-8'],
    ] as const) {
      await stranger.say(input);
      await stranger.hears(`{"type":"error","text":"${text}","seq":0}`);
    }
    await stranger.say('{"type":"ack","seq":1}');
    await stranger.hearsNothing();
  });

  test('at shutdown members are told, with a number of their own', async (context) => {
    const { member, stop } = await open(context);
    const ann = await member('Ann');
    await stop();
    await ann.hears('{"type":"system","room":"lobby","user":"system","text":"Server is shutting down","seq":2}');
  });

  test('the end of a room is told, and one is in none', async (context) => {
    const { hub, peer } = await open(context);
    const { member: host } = await hub.create({ room: 'stage', user: 'Host', address: '192.0.2.1' });
    const ann = await peer();
    await ann.say(`{"type":"join","room":"stage","user":"Ann","id":1,"padding":"${'x'.repeat(50)}"}`);
    await ann.hears('{"type":"ack","id":1}', /Host joined/, /Ann joined/);
    hub.leave(host);
    await ann.hears(/Host left/, /Room closed: the host has left/);
    await ann.say('{"type":"message","text":"hello?","id":2}');
    await ann.hears(/Join first/);
  });
});

describe('JSON datagrams, acknowledgements', () => {
  test('wait for the store, but never longer than ack_hold_ms', async (context) => {
    const { member, store, timers, hub } = await open(context);
    const ann = await member('Ann');
    store.hold();
    await ann.say('{"type":"message","text":"hello","id":2}');
    await ann.hearsNothingYet();
    timers.advance(199);
    await ann.hearsNothingYet();
    timers.advance(1);
    await ann.hears('{"type":"ack","id":2}');
    store.release();
    await ann.hears(/"text":"hello"/);
    await hub.idle();
    await ann.hearsNothing();
  });

  test('a repetition that comes before the first one is decided is not shown twice', async (context) => {
    const { member, store } = await open(context);
    const ann = await member('Ann');
    store.hold();
    await ann.say('{"type":"message","text":"hello","id":2}', '{"type":"message","text":"hello","id":2}');
    await ann.hearsNothingYet();
    store.release();
    await ann.hears('{"type":"ack","id":2}', /"text":"hello"/);
    await ann.hearsNothing();
  });

  test('what the store does not take is not acknowledged, and may come again', async (context) => {
    const { member, store } = await open(context);
    const ann = await member('Ann');
    store.fail();
    await ann.say('{"type":"message","text":"hello","id":2}');
    await ann.hears(/^{"type":"error","text":"Server error"/);
    store.recover();
    await ann.say('{"type":"message","text":"hello","id":2}');
    await ann.hears('{"type":"ack","id":2}', /"text":"hello"/);
  });

  test('requests behind a join are dealt with in order, up to a bound; the rest is not acknowledged', async (context) => {
    const { peer, store, stats } = await open(context);
    const ann = await peer();
    store.hold();
    await ann.say(`{"type":"join","room":"lobby","user":"Ann","id":0}`);
    for (let id = 1; id <= 40; id += 1) await ann.say(`{"type":"message","text":"${id}","id":${id}}`);
    while (stats.received < 41) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stats.drops.limited, 8);
    store.release();
    await ann.hears('{"type":"ack","id":0}', /Ann joined/);
    const heard: string[] = [];
    while (heard.length < 64) heard.push((await ann.raw.next()).toString());
    const ids = heard.flatMap((text) => /^{"type":"ack","id":(\d+)}$/.exec(text)?.[1] ?? []);
    assert.deepEqual(
      ids.map(Number),
      Array.from({ length: 32 }, (_, index) => index + 1),
    );
  });

  test('of so many ids at most a repetition is known from memory, and of older ones from the log', async (context) => {
    const { member } = await open(context, { settings: { 'json_datagrams.ids_max': 3 } });
    const ann = await member('Ann');
    for (let id = 2; id <= 6; id += 1) {
      await ann.say(`{"type":"message","text":"${id}","id":${id}}`);
      await ann.hears(`{"type":"ack","id":${id}}`, new RegExp(`"text":"${id}"`));
    }
    await ann.say('{"type":"message","text":"2","id":2}');
    await ann.hears('{"type":"ack","id":2}');
    await ann.hearsNothing();
  });

  test('a message that was written before a kill and is repeated after it is not shown twice', async (context) => {
    const first = await open(context);
    const ann = await first.member('Ann');
    await ann.say('{"type":"message","text":"hello","id":2}');
    await ann.hears('{"type":"ack","id":2}', /"text":"hello"/);
    await first.kill();
    const { clock } = first;
    const second = await open(context, { store: first.store.reopen(), clock });
    ann.server = second.server;
    await ann.say('{"type":"message","text":"hello","id":2}');
    await ann.hears(/Join first/);
    await ann.say(`{"type":"join","room":"lobby","user":"Ann","id":3,"padding":"${'x'.repeat(200)}"}`);
    await ann.hears('{"type":"ack","id":3}', /Ann joined/, /"text":"hello"/, /Ann left/, /Ann joined/);
    await ann.say('{"type":"message","text":"hello","id":2}', '{"type":"message","text":"new","id":4}');
    await ann.hears('{"type":"ack","id":2}', '{"type":"ack","id":4}', /"text":"new"/);
    // Other words are no repetition, and neither is what comes much later.
    await ann.say('{"type":"leave","id":5}', '{"type":"join","room":"hall","user":"Ann","id":6}');
    await ann.hears('{"type":"ack","id":5}', '{"type":"ack","id":6}');
  });

  test('a copy of a join that comes after the leave brings nobody back', async (context) => {
    const { member, hub, clock } = await open(context);
    const ann = await member('Ann');
    await ann.say('{"type":"leave","id":2}', '{"type":"join","room":"lobby","user":"Ann","id":1}');
    await ann.hears('{"type":"ack","id":2}', '{"type":"ack","id":1}');
    await hub.idle();
    assert.equal(hub.memberCount, 0);
    clock.advance(2000);
    await ann.say('{"type":"join","room":"lobby","user":"Ann","id":1}');
    await ann.hears('{"type":"ack","id":1}');
    await hub.idle();
    assert.equal(hub.memberCount, 1);
  });

  test('another program at the same port, which counts from 1 again, is not taken for the old one', async (context) => {
    const { member, clock } = await open(context);
    const ann = await member('Ann');
    await ann.say('{"type":"message","text":"hello","id":2}');
    await ann.hears('{"type":"ack","id":2}', /"text":"hello"/);
    clock.advance(61_000);
    await ann.say('{"type":"join","room":"lobby","user":"Ann","id":1}', '{"type":"message","text":"hello","id":2}');
    await ann.hears('{"type":"ack","id":1}', '{"type":"ack","id":2}', /"text":"hello"/);
    await ann.say('{"type":"join","room":"hall","user":"Eve","id":1}');
    await ann.hears('{"type":"ack","id":1}', /Eve joined/);
  });
});

describe('JSON datagrams, amplification', () => {
  async function withHistory(context: TestContext, settings: WorldOptions['settings'] = {}) {
    const world = await open(context, { settings });
    const { member: other } = await world.hub.join(
      { room: 'lobby', user: 'Otto', address: '192.0.2.1' },
      { makeOpen: true },
    );
    for (let line = 1; line <= 60; line += 1) {
      world.hub.post(other, { body: new TextEncoder().encode(`line ${line} ${'x'.repeat(100)}`) });
    }
    await world.hub.idle();
    return { ...world, other };
  }

  test('history goes out for three times the bytes that came, until one acknowledges; then all of it', async (context) => {
    const { peer, timers } = await withHistory(context);
    const ann = await peer();
    let heardBytes = 0;
    const seqs: number[] = [];
    ann.raw.onDatagram = ({ bytes }) => {
      heardBytes += bytes.length;
      const seq = /"seq":(\d+)}$/.exec(bytes.toString())?.[1];
      if (seq !== undefined) seqs.push(Number(seq));
    };
    const heard = async (count: number) => {
      while (seqs.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await ann.say(`{"type":"join","room":"lobby","user":"Ann","id":1,"padding":"${'x'.repeat(300)}"}`);
    await heard(5);
    for (let id = 2; id <= 9; id += 1) {
      await ann.say(`{"type":"join","room":"lobby","user":"Ann","id":${id},"padding":"${'x'.repeat(300)}"}`);
      await heard(5 * id);
      assert.ok(heardBytes <= 3 * ann.sentBytes, `${heardBytes} bytes for ${ann.sentBytes}`);
      assert.ok(heardBytes > 2 * ann.sentBytes, `${heardBytes} bytes for ${ann.sentBytes}`);
    }
    // Position 1 is Otto's joining, 61 his last line, 62 ours: the newest 50 before that, in order.
    await ann.say(`{"type":"ack","seq":${seqs[0]}}`);
    await heard(51);
    assert.deepEqual(
      seqs,
      Array.from({ length: 51 }, (_, index) => index + 12),
    );
    assert.equal(timers.pending, 1, 'for what it did not acknowledge');
  });

  test('who never acknowledges is not left deaf: what is said now passes by the history', async (context) => {
    const { peer, timers, hub, other } = await withHistory(context);
    const ann = await peer();
    await ann.say('{"type":"join","room":"lobby","user":"Ann","id":1}');
    await ann.hears('{"type":"ack","id":1}');
    hub.post(other, { body: new TextEncoder().encode('now') });
    await hub.idle();
    timers.advance(300);
    await ann.hears(/Ann joined/, /"text":"now"/);
  });

  test('a stranger is told nothing that is more than three times what it said', async (context) => {
    const { peer, stats } = await open(context);
    const stranger = await peer();
    for (let round = 0; round < 10; round += 1) await stranger.say('{}', 'x', '', '1234567890');
    await stranger.hearsNothing();
    assert.equal(stats.drops.unreadable, 40);
  });

  test('errors to one address are limited in number', async (context) => {
    const { member, stats } = await open(context);
    const ann = await member('Ann');
    const sentBefore = stats.sent;
    for (let round = 0; round < 120; round += 1) await ann.say(`{"type":"dance","padding":"${'x'.repeat(100)}"}`);
    while (stats.received < 121) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stats.sent - sentBefore, 50);
  });
});

describe('JSON datagrams, peers that acknowledge', () => {
  test('are sent again what they do not acknowledge, with doubled delays; others are not', async (context) => {
    const { member, timers, hub } = await open(context);
    const [ann, bob] = [await member('Ann'), await member('Bob', 'hall')];
    await ann.say('{"type":"ack","seq":1}');
    await ann.hearsNothingYet();
    for (const room of ['lobby', 'hall']) {
      const { member: other } = await hub.join({ room, user: `Otto of ${room}`, address: '192.0.2.1' });
      assert.ok(other);
    }
    await ann.hears(/Otto of lobby joined/);
    await bob.hears(/Otto of hall joined/);
    for (const delayMs of [500, 1000, 2000, 4000, 8000]) {
      timers.advance(delayMs - 1);
      await ann.hearsNothingYet();
      // Being heard does not count as an acknowledgement.
      timers.advance(1);
      await ann.hears(/Otto of lobby joined/);
    }
    await bob.hearsNothing();
  });

  test('are read on to as they acknowledge, and miss nothing', async (context) => {
    const { member, hub } = await open(context, { settings: { 'json_datagrams.unacked_max': 4 } });
    const ann = await member('Ann');
    await ann.say('{"type":"ack","seq":1}');
    await ann.hearsNothingYet();
    const { member: other } = await hub.join({ room: 'lobby', user: 'Otto', address: '192.0.2.1' });
    for (let line = 0; line < 300; line += 1) hub.post(other, { body: new TextEncoder().encode(`${line}`) });
    await hub.idle();
    await ann.hears(/Otto joined/);
    await ann.hears(/"text":"0"/, /"text":"1"/, /"text":"2"/);
    await ann.hearsNothingYet();
    for (let line = 0; line < 300; line += 1) {
      await ann.say(`{"type":"ack","seq":${line + 2}}`);
      if (line + 3 < 300) await ann.hears(new RegExp(`"text":"${line + 3}"`));
    }
  });
});

describe('JSON datagrams, bounds', () => {
  test('no more peers than allowed of one IP address, and silent ones make room', async (context) => {
    const settings = { 'json_datagrams.address_members_max': 2 };
    const { member, peer, clock, hub } = await open(context, { settings });
    const ann = await member('Ann');
    await member('Bob', 'hall');
    const late = await peer();
    await late.say('{"type":"join","room":"lobby","user":"Late","id":1}');
    await late.hears('{"type":"error","text":"Server busy, try again later","seq":2}');
    clock.advance(200_000);
    await ann.hearsNothingYet();
    clock.advance(150_000);
    hub.sweep();
    await hub.idle();
    assert.deepEqual(
      [...hub.members()].map(({ user }) => user),
      ['Ann'],
    );
    await late.say('{"type":"join","room":"hall","user":"Late","id":2}');
    await late.hears('{"type":"ack","id":2}');
  });

  test('a refused join leaves nothing behind', async (context) => {
    const { peer, hub, stats } = await open(context, { settings: { 'json_datagrams.members_max': 1 } });
    const eve = await peer();
    for (let id = 1; id <= 3; id += 1) {
      await eve.say(`{"type":"join","room":"lobby","user":"system","id":${id}}`);
      await eve.hears(/Invalid user name/);
    }
    const ann = await peer();
    await ann.join('Ann');
    assert.deepEqual([hub.memberCount, stats.drops.limited], [1, 0]);
  });
});
