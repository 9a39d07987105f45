import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { EventKind } from '@confab/core';
import { Fields, text, varint } from '@confab/testing/raw/link-frames';
import { Control, type RawChat } from '@confab/testing/raw/link-room';
import { eventually, within } from '@confab/testing/raw/wait';
import { startTestServer } from '@confab/testing/test-server';
import { bodies, enter, failedWith, open, serve, sessionCount } from './fixtures/link-rooms.ts';

test('a burst comes to its author in short and to all others whole, once and in order, whatever their channels', async (context) => {
  const server = await serve(context);
  const ann = await enter(context, server, 'Ann');
  const others = [await enter(context, server, 'Bob', { channel: 77 }), await enter(context, server, 'Cem')];
  const lines = Array.from({ length: 60 }, (_, index) => `line ${index}`);
  const before = ann.chat.events.length;
  await Promise.all(lines.map((line) => ann.chat.post(ann.channel, line)));
  for (const { chat } of others) {
    await chat.shown.until((shown) => shown.kind === 'chat' && shown.text === lines.at(-1), 'the last line');
    assert.deepEqual(bodies(chat), lines);
    assert.ok(chat.events.every(({ own }) => own === undefined));
  }
  const own = ann.chat.events.slice(before).filter(({ kind }) => kind === EventKind.MESSAGE);
  assert.deepEqual(
    own.map((event) => event.own),
    lines.map((_, index) => index + 1),
  );
});

describe('Entering a room', () => {
  test('each way of entering does what it says', async (context) => {
    const server = await serve(context);
    const ann = await open(context, server, { user: 'Ann' });
    await assert.rejects(ann.join({ room: 'none', entry: 2 }), failedWith(11));
    const hosted = await ann.join({ room: 'hosted', entry: 1 });
    assert.deepEqual([hosted.isHost, hosted.isHosted, hosted.host, hosted.members], [true, true, 'Ann', 1]);
    const bob = await open(context, server, { user: 'Bob' });
    await assert.rejects(bob.join({ room: 'hosted', entry: 1 }), failedWith(10));
    const joined = await bob.join({ room: 'hosted', entry: 3 });
    assert.deepEqual([joined.isHost, joined.host, joined.members], [false, 'Ann', 2]);
    const opened = await bob.join({ room: 'open' });
    assert.deepEqual([opened.isHosted, opened.host], [false, '']);
    const made = await bob.join({ room: 'made', entry: 3 });
    assert.equal(made.isHost, true);
  });

  test('a password opens its room, and a wrong one does not', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann', { entry: 1, password: 'sesame' });
    const bob = await open(context, server, { user: 'Bob' });
    await assert.rejects(bob.join({ room: 'lobby', password: 'wrong' }), failedWith(14));
    await bob.join({ room: 'lobby', password: 'sesame' });
    assert.equal(ann.isHost, true);
  });

  test('a channel is used once, and a room has one channel of a session', async (context) => {
    const server = await serve(context);
    const ann = await open(context, server, { user: 'Ann' });
    await ann.join({ room: 'one', channel: 5 });
    await assert.rejects(ann.join({ room: 'two', channel: 5 }), failedWith(19));
    await assert.rejects(ann.join({ room: 'two', channel: 4 }), failedWith(19));
    await assert.rejects(ann.join({ room: 'one', channel: 6 }), failedWith(19));
    const joining = ann.join({ room: 'two', channel: 7 });
    await assert.rejects(ann.join({ room: 'two', channel: 8 }), failedWith(19));
    await joining;
  });

  test('a session has at most 255 rooms', async (context) => {
    const server = await serve(context, { 'link.requests.burst': 1000 });
    const ann = await open(context, server, { user: 'Ann' });
    await Promise.all(Array.from({ length: 255 }, (_, index) => ann.join({ room: `room ${index}` })));
    await assert.rejects(ann.join({ room: 'one more' }), failedWith(18));
    await ann.request(Control.LEAVE, varint(255));
    await ann.join({ room: 'one more' });
  });

  test('history begins so many records before the newcomer, and own posts in it are whole', async (context) => {
    const server = await serve(context);
    const outboxId = randomBytes(16);
    const first = await enter(context, server, 'Ann', { outboxId });
    for (const line of ['one', 'two', 'three']) await first.chat.post(first.channel, line);
    await first.chat.request(Control.LEAVE, varint(first.channel));
    const before = first.chat.events.length;
    await first.chat.join({ room: 'lobby', outboxId, history: 4 });
    const bob = await enter(context, server, 'Bob');
    await bob.chat.post(bob.channel, 'fence');
    await first.chat.shown.until((shown) => shown.kind === 'chat' && shown.text === 'fence', 'the fence');
    assert.deepEqual(
      first.chat.events.slice(before).map(({ kind, user, body }) => [kind, user, body]),
      [
        [EventKind.MESSAGE, 'Ann', 'two'],
        [EventKind.MESSAGE, 'Ann', 'three'],
        [EventKind.LEAVE, 'Ann', ''],
        [EventKind.JOIN, 'Ann', ''],
        [EventKind.JOIN, 'Bob', ''],
        [EventKind.MESSAGE, 'Bob', 'fence'],
      ],
    );
  });

  test('a member that leaves a hosted room as its host closes it, and everybody hears the last of it first', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann', { entry: 1 });
    const bob = await enter(context, server, 'Bob');
    await ann.chat.post(ann.channel, 'last words');
    await ann.chat.request(Control.LEAVE, varint(ann.channel));
    await eventually(() => bob.chat.left.length === 1, 'Bob is told');
    assert.deepEqual(bob.chat.left[0], { channel: 1, reason: 2, text: 'Room closed: the host has left' });
    assert.deepEqual(
      bob.chat.events.map(({ kind }) => kind),
      [EventKind.MESSAGE, EventKind.LEAVE, EventKind.CLOSE],
    );
  });
});

describe('Posts', () => {
  test('come back to their author in short, and to others whole and verified', async (context) => {
    const server = await serve(context);
    const ann = await open(context, server, { user: 'Ann', device: generateKeyPairSync('ed25519').privateKey });
    const { channel, timeBaseMs } = await ann.join({ room: 'lobby' });
    const bob = await enter(context, server, 'Bob');
    const before = Date.now();
    const result = await ann.post(channel, 'hello');
    await bob.chat.shown.nextChat();
    const [own] = ann.events.filter(({ own: post }) => post !== undefined);
    const [whole] = bob.chat.events.filter(({ body }) => body === 'hello');
    assert.deepEqual([own!.own, own!.body, own!.user], [1, '', '']);
    assert.deepEqual([whole!.user, whole!.isVerified, whole!.own], ['Ann', true, undefined]);
    assert.deepEqual(result, { number: whole!.number });
    const timeMs = timeBaseMs + whole!.timeMs;
    assert.ok(timeMs >= before - 1 && timeMs <= Date.now() + 1);
  });

  test('that are repeated are taken once, and the number they have is told', async (context) => {
    const server = await serve(context, { 'limits.tail_events': 1 });
    const ann = await enter(context, server, 'Ann');
    const first = await ann.chat.post(ann.channel, 'once');
    await ann.chat.post(ann.channel, 'another');
    assert.deepEqual(await ann.chat.postAs(1, ann.channel, 'once'), first);
    assert.deepEqual(await ann.chat.postAs(2, ann.channel, 'another'), { number: 3 });
    const bob = await enter(context, server, 'Bob', { history: 100 });
    await ann.chat.post(ann.channel, 'fence');
    await bob.chat.shown.until((shown) => shown.kind === 'chat' && shown.text === 'fence', 'the fence');
    assert.deepEqual(bodies(bob.chat), ['once', 'another', 'fence']);
  });

  test('that are refused are told with their code', async (context) => {
    const server = await serve(context, {
      'limits.member_messages.burst': 3,
      'limits.member_messages.per_second': 0.001,
    });
    const ann = await enter(context, server, 'Ann');
    const code = async (post: Promise<unknown>) => ((await post) as { code?: number }).code;
    assert.equal(await code(ann.chat.post(ann.channel, 'x'.repeat(4097))), 16);
    assert.equal(await code(ann.chat.post(ann.channel, 'I am the server', EventKind.NOTICE)), 19);
    assert.equal(await code(ann.chat.post(ann.channel, 'x'.repeat(4096))), undefined);
    await ann.chat.post(ann.channel, 'two');
    await ann.chat.post(ann.channel, 'three');
    assert.equal(await code(ann.chat.post(ann.channel, 'four')), 17);
  });

  test('of two guests with the same numbers are two', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    assert.deepEqual(await ann.chat.post(ann.channel, 'mine'), { number: 3 });
    assert.deepEqual(await bob.chat.post(bob.channel, 'mine'), { number: 4 });
  });

  test('that are one more than the largest number end the session of who sent them, and cost the others nothing', async (context) => {
    const server = await serve(context);
    const eve = await enter(context, server, 'Eve');
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    await eve.chat.postAs(Number.MAX_SAFE_INTEGER, eve.channel, 'the last one');
    eve.chat.link.send(
      eve.channel,
      Buffer.concat([Buffer.from([0x20 | EventKind.MESSAGE]), Buffer.from('and one more')]),
    );
    await within(eve.chat.link.ended, 'the goodbye');
    assert.equal(eve.chat.link.closed?.code, 1);
    await ann.chat.post(ann.channel, 'still here');
    await bob.chat.shown.until((shown) => shown.kind === 'chat' && shown.text === 'still here', 'the next line');
    assert.deepEqual(bodies(bob.chat), ['the last one', 'still here']);
  });

  test('that are no posts end the session of who sent them, and no other', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    const eve = await enter(context, server, 'Eve');
    eve.chat.link.send(eve.channel, Buffer.from([0xff]));
    await within(eve.chat.link.ended, 'the goodbye');
    assert.equal(eve.chat.link.closed?.code, 1);
    assert.ok('number' in (await ann.chat.post(ann.channel, 'still here')));
  });
});

describe('Requests', () => {
  test('for rooms and users tell who is in them, how, and who is away', async (context) => {
    const server = await serve(context);
    const ann = await open(context, server, { user: 'Ann', device: generateKeyPairSync('ed25519').privateKey });
    await ann.join({ room: 'dev', entry: 1, password: 'sesame' });
    const bob = await open(context, server, { user: 'Bob' });
    const { channel } = await bob.join({ room: 'dev', password: 'sesame' });
    await bob.join({ room: 'lobby' });
    const rooms = (await bob.request(Control.ROOMS)).body;
    assert.equal(rooms.varint(), 2);
    const room = () => [rooms.text(), rooms.varint(), rooms.byte()];
    assert.deepEqual(
      [room(), room()],
      [
        ['dev', 2, 3],
        ['lobby', 1, 0],
      ],
    );
    const users = async () => {
      const { body } = await bob.request(Control.USERS, varint(channel));
      return Array.from({ length: body.varint() }, () => [body.text(), body.byte()]);
    };
    assert.deepEqual(await users(), [
      ['Ann', 3],
      ['Bob', 0],
    ]);
    ann.link.dropStream();
    await eventually(() => server.running.stats.link!().sessions.none === 1, 'Ann’s connection is gone');
    assert.deepEqual((await users())[0], ['Ann', 7]);
  });

  test('that nobody knows, or that only a server says, are answered FAILED', async (context) => {
    const server = await serve(context);
    const ann = await open(context, server, { user: 'Ann' });
    await assert.rejects(ann.request(99), failedWith(2));
    await assert.rejects(ann.request(Control.USERS, varint(7)), failedWith(15));
    await assert.rejects(ann.request(Control.LEAVE, varint(7)), failedWith(15));
    await assert.rejects(ann.request(Control.ROOM_LIST, varint(0)), failedWith(2));
  });

  test('beyond the rate are refused', async (context) => {
    const server = await serve(context, { 'link.requests.burst': 2, 'link.requests.per_second': 0.001 });
    const ann = await open(context, server, { user: 'Ann' });
    await ann.request(Control.ROOMS);
    await ann.request(Control.ROOMS);
    await assert.rejects(ann.request(Control.ROOMS), failedWith(17));
  });

  test('a list goes on in further pages, each as long as a record may be, until nothing is left out', async (context) => {
    const server = await serve(context, { 'link.requests.burst': 1000 });
    const ann = await open(context, server, { user: 'Ann' });
    const names = Array.from({ length: 200 }, (_, index) => `${String(index).padStart(3, '0')} ${'x'.repeat(250)}`);
    await Promise.all(names.map((room) => ann.join({ room })));
    const listed: string[] = [];
    let more = Number.NaN;
    for (let pages = 0; more !== 0; pages += 1) {
      const after = listed.at(-1);
      const { body } = await ann.request(Control.ROOMS, ...(after === undefined ? [] : [text(after)]));
      assert.ok(body.bytes.length <= 32_768 && pages < 3);
      for (let left = body.varint(); left > 0; left -= 1) {
        listed.push(body.text());
        body.varint();
        body.byte();
      }
      more = body.varint();
      assert.equal(more, names.length - listed.length);
    }
    assert.deepEqual(listed, names);
    const { body } = await ann.request(Control.ROOMS, text('zzz'));
    assert.deepEqual([body.varint(), body.varint()], [0, 0]);
  });

  test('a list of users goes on behind those that were told', async (context) => {
    const server = await serve(context, { 'link.address_sessions_max': 300 });
    const users = Array.from({ length: 150 }, (_, index) => `${index} ${'y'.repeat(250)}`);
    let channel = 0;
    let ann!: RawChat;
    for (const user of users) {
      ann = await open(context, server, { user });
      ({ channel } = await ann.join({ room: 'lobby' }));
    }
    const listed: string[] = [];
    let more = Number.NaN;
    while (more !== 0) {
      const skip = listed.length === 0 ? [] : [varint(listed.length)];
      const { body } = await ann.request(Control.USERS, varint(channel), ...skip);
      for (let left = body.varint(); left > 0; left -= 1) {
        listed.push(body.text());
        body.byte();
      }
      more = body.varint();
      assert.equal(more, users.length - listed.length);
    }
    assert.deepEqual(listed, users);
    const { body } = await ann.request(Control.USERS, varint(channel), varint(1_000_000));
    assert.deepEqual([body.varint(), body.varint()], [0, 0]);
  });

  test('of a client that takes no answer end its session before they fill the memory', async (context) => {
    const server = await serve(context);
    const eve = await open(context, server, { user: 'Eve' });
    eve.link.isSilent = true;
    for (let count = 0; count < 8300; count += 1) eve.link.send(0, Buffer.from([Control.ROOMS, 1]));
    await within(eve.link.ended, 'the goodbye');
    assert.equal(eve.link.closed?.code, 18);
  });
});

describe('Ephemerals', () => {
  test('go to the others of the room on this wire, with the name of who they are of', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    const cid = await enter(context, server, 'Cid', { room: 'elsewhere' });
    const heard: unknown[] = [];
    for (const { chat } of [ann, bob, cid])
      chat.link.onEphemeral = (channel, kind, body) => {
        const fields = new Fields(body);
        heard.push([chat.user, channel, kind, fields.text(), fields.rest().toString()]);
      };
    ann.chat.ephemeral(ann.channel, 1, 'typing');
    await eventually(() => heard.length > 0, 'Bob hears it');
    assert.deepEqual(heard, [['Bob', bob.channel, 1, 'Ann', 'typing']]);
  });

  test('that are too many or too long are dropped', async (context) => {
    const server = await serve(context, { 'link.ephemerals.burst': 2, 'link.ephemerals.per_second': 0.001 });
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    const heard: string[] = [];
    bob.chat.link.onEphemeral = (_channel, _kind, body) => void heard.push(body.subarray(4).toString());
    ann.chat.ephemeral(ann.channel, 1, 'x'.repeat(257));
    for (const said of ['1', '2', '3']) ann.chat.ephemeral(ann.channel, 1, said);
    await ann.chat.post(ann.channel, 'fence');
    await bob.chat.shown.nextChat();
    assert.deepEqual(heard, ['1', '2']);
    assert.equal(server.running.stats.wire('link').drops.limited, 2);
  });
});

test('a reader that lags too far is told what it misses', async (context) => {
  const server = await serve(context, { 'limits.reader_lag': 10, 'link.session_grace_ms': 20 });
  const ann = await enter(context, server, 'Ann');
  const { token, epoch, roomId } = await enter(context, server, 'Bob').then((bob) => {
    bob.chat.link.dropStream();
    return bob;
  });
  await eventually(() => sessionCount(server) === 1, 'the grace is over');
  for (let line = 0; line < 50; line += 1) await ann.chat.post(ann.channel, `${line}`);
  const bob = await open(context, server, { user: 'Bob' });
  await bob.join({ room: 'lobby', token, cursor: { epoch, roomId, next: 3 } });
  await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === '49', 'the last line');
  assert.deepEqual(
    bodies(bob),
    Array.from({ length: 10 }, (_, index) => `${40 + index}`),
  );
});

test('a message that no record has room for is left out, and told so', async (context) => {
  const server = await serve(context);
  const ann = await enter(context, server, 'Ann');
  const { hub } = server.running;
  // More than a configuration allows: as if the log had it from elsewhere.
  hub.changeLimits({ ...hub.limits, messageBytesMax: 65_536 });
  const [author] = [...hub.members()];
  for (const bytes of [32_000, 40_000, 1]) {
    const posted = new Promise((settle) => {
      assert.equal(hub.post(author!, { body: new Uint8Array(bytes).fill(0x61), settle }), undefined);
    });
    await posted;
  }
  await ann.chat.shown.until((shown) => shown.kind === 'chat' && shown.text === 'a', 'the last one');
  assert.deepEqual(
    ann.chat.events.map(({ number, body }) => [number, body.length]),
    [
      [2, 32_000],
      [4, 1],
    ],
  );
});

test('metrics tell of sessions, packets and paths', async (context) => {
  const server = await startTestServer(context, { wires: ['link', 'http'] });
  const ann = await open(context, server, { user: 'Ann', wantsUdp: true });
  await ann.link.moveToUdp();
  const { channel } = await ann.join({ room: 'lobby' });
  await ann.post(channel, 'hello');
  const response = await fetch(`http://127.0.0.1:${server.ports.port('ws', 'tcp')}/metrics`);
  const metrics = await response.text();
  assert.match(metrics, /^confab_link_sessions\{path="udp"\} 1$/m);
  for (const name of ['rtt_seconds', 'jitter_seconds', 'confirmed_age_seconds', 'loss_out_ratio', 'loss_in_ratio']) {
    assert.match(metrics, new RegExp(`^confab_link_${name}\\{quantile="0.5"\\} [\\d.e-]+$`, 'm'));
  }
  assert.match(metrics, /^confab_link_packets_received_total [1-9]\d*$/m);
  assert.match(metrics, /^confab_link_path_changes_total\{path="udp",reason="proved"\} 1$/m);
  assert.match(metrics, /^confab_link_packets_dropped_total\{reason="unknown-id"\} 0$/m);
  assert.match(metrics, /^confab_received_total\{wire="link"\} [1-9]\d*$/m);
});
