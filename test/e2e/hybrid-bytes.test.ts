import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedServer } from '../support/server-process.ts';
import {
  CREATE,
  type Dialect,
  decodeTcrp,
  encodeTcrp,
  entryPayload,
  exchange,
  JOIN,
  pythonJson,
  requestEntry,
  type TcrpAnswer,
  TcrpConnection,
  type TcrpLayout,
} from '../support/tcrp.ts';
import { encodeDelivery, encodeUcrp, expectSilence, fence, RawMember, SYSTEM_TYPE, UdpPeer } from '../support/ucrp.ts';

const server = sharedServer();
const dialects = ['string', 'object'] as const;
const layouts = ['header32', 'padded28', 'header31', 'name-first'] as const;

type Operation = typeof CREATE | typeof JOIN;

function ask(
  layout: TcrpLayout,
  dialect: Dialect,
  operation: Operation,
  room: string,
  user: string,
): Promise<TcrpAnswer> {
  return exchange(
    server(),
    encodeTcrp(layout, { operation, state: 0, room, payload: entryPayload({ user, dialect }) }),
  );
}

/** The answer in full must be these two frames (or this one), and its token is given back. */
function expectAnswer(
  layout: TcrpLayout,
  answer: TcrpAnswer,
  room: string,
  operation: Operation,
  payloads: string[],
): string {
  const token = /"token": "([^"]*)"/.exec(answer.bytes.toString('latin1'))?.[1] ?? '';
  const frames = payloads.map((payload, index) =>
    encodeTcrp(layout, { operation, state: index + 1, room, payload: payload.replace('TOKEN', token) }),
  );
  assert.equal(answer.bytes.toString('hex'), Buffer.concat(frames).toString('hex'), answer.bytes.toString());
  assert.equal(answer.end, 'closed');
  return token;
}

test('string dialect, 32-byte header: both answers, byte for byte', async () => {
  // 05 01 00, 28 zeros and 07, "lobby", "Alice" in quotes.
  const request = `050100${'00'.repeat(28)}076c6f62627922416c69636522`;
  const { bytes } = await exchange(server(), Buffer.from(request, 'hex'));
  const hex = bytes.toString('hex');
  // 05 01 01, the length 14, lobby, {"success": 1}
  const first = `050101${'00'.repeat(28)}0e6c6f6262797b2273756363657373223a20317d`;
  // 05 01 02, the length 51, lobby, {"token": "token_
  const second = `050102${'00'.repeat(28)}336c6f6262797b22746f6b656e223a2022746f6b656e5f`;
  assert.equal(hex.slice(0, first.length), first);
  assert.equal(hex.slice(first.length, first.length + second.length), second);
  // 32 hexadecimal digits, "}
  assert.match(bytes.toString('latin1', (first.length + second.length) / 2), /^[0-9a-f]{32}"\}$/);
});

for (const layout of layouts) {
  test(`${layout}, string dialect: every answer, byte for byte`, async () => {
    const room = `string ${layout}`;
    const granted = ['{"success": 1}', '{"token": "TOKEN"}'];
    const refused = ['{"success": 0}', '{"token": ""}'];
    expectAnswer(layout, await ask(layout, 'string', JOIN, room, 'Bob'), room, JOIN, refused);
    const hostToken = expectAnswer(layout, await ask(layout, 'string', CREATE, room, 'Ann'), room, CREATE, granted);
    assert.match(hostToken, /^token_[0-9a-f]{32}$/);
    expectAnswer(layout, await ask(layout, 'string', CREATE, room, 'Bob'), room, CREATE, refused);
    const token = expectAnswer(layout, await ask(layout, 'string', JOIN, room, 'Bob'), room, JOIN, granted);
    assert.match(token, /^token_[0-9a-f]{32}$/);
  });

  test(`${layout}, object dialect: every answer, byte for byte`, async () => {
    const room = `object ${layout}`;
    expectAnswer(layout, await ask(layout, 'object', JOIN, room, 'Bob'), room, JOIN, [
      '{"status_code": 2, "message": "Room does not exist"}',
    ]);
    const hostToken = expectAnswer(layout, await ask(layout, 'object', CREATE, room, 'Ann'), room, CREATE, [
      '{"status_code": 0, "message": "Room creation approved"}',
      '{"token": "TOKEN", "host_username": "Ann", "room_created": true}',
    ]);
    assert.match(hostToken, /^[0-9a-f]{64}$/);
    expectAnswer(layout, await ask(layout, 'object', CREATE, room, 'Bob'), room, CREATE, [
      '{"status_code": 1, "message": "Room already exists"}',
    ]);
    const token = expectAnswer(layout, await ask(layout, 'object', JOIN, room, 'Bob'), room, JOIN, [
      '{"status_code": 0, "message": "Join room successful"}',
      '{"token": "TOKEN", "host_username": "Ann", "participant_count": 2, "room_joined": true}',
    ]);
    assert.match(token, /^[0-9a-f]{64}$/);
    expectAnswer(layout, await ask(layout, 'object', JOIN, room, ''), room, JOIN, [
      '{"status_code": 4, "message": "Invalid username"}',
    ]);
  });

  test(`${layout}, object dialect: each answer is a segment of its own, some 50 ms apart`, async (context) => {
    const room = `segments ${layout}`;
    await ask(layout, 'object', CREATE, room, 'Ann');
    // When this process is busy it reads late, and both at once: that says nothing about the server.
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      const { bytes, chunks } = await ask(layout, 'object', JOIN, room, 'Bob');
      if (chunks.length !== 2) continue;
      const [first, second] = chunks as [TcrpAnswer['chunks'][number], TcrpAnswer['chunks'][number]];
      assert.equal(decodeTcrp(layout, first.bytes).length, 1);
      assert.equal(decodeTcrp(layout, second.bytes).length, 1);
      assert.equal(decodeTcrp(layout, bytes).length, 2);
      const gapMs = second.atMs - first.atMs;
      context.diagnostic(`${Math.round(gapMs)} ms apart`);
      if (gapMs >= 30 && gapMs < 200) return;
    }
    assert.fail('no answer came as two segments');
  });
}

test('name-first: a user name that is not JSON ends when the client falls silent, or closes its half', async () => {
  const head = Buffer.from([4, ...Buffer.from('bare'), CREATE, 0]);
  const silent = await exchange(server(), Buffer.concat([head, Buffer.from('Ann')]));
  expectAnswer('name-first', silent, 'bare', CREATE, ['{"success": 1}', '{"token": "TOKEN"}']);

  const connection = await TcrpConnection.open(server());
  connection.write(Buffer.concat([Buffer.from([4, ...Buffer.from('bare'), JOIN, 0]), Buffer.from('Bob')]));
  connection.socket.end();
  expectAnswer('name-first', await connection.ended(), 'bare', JOIN, ['{"success": 1}', '{"token": "TOKEN"}']);
});

for (const layout of layouts) {
  test(`${layout}: a request may come byte by byte`, async () => {
    const room = `drops ${layout}`;
    const connection = await TcrpConnection.open(server());
    const request = encodeTcrp(layout, { operation: CREATE, state: 0, room, payload: pythonJson('Ann') });
    for (const byte of request) {
      await new Promise((resolve) => connection.socket.write(Buffer.from([byte]), resolve));
    }
    expectAnswer(layout, await connection.ended(), room, CREATE, ['{"success": 1}', '{"token": "TOKEN"}']);
  });
}

for (const dialect of dialects) {
  test(`${dialect} dialect: names in any script, and emoji written as surrogate escapes`, async () => {
    const room = `Küche 🎉 ${dialect}`;
    const users = ['Zoë', '李雷', '😀 Ann', 'Ж'.repeat(127)];
    const members = [await RawMember.create(server(), { room, user: users[0]!, dialect })];
    assert.match(entryPayload({ user: users[2]!, dialect }), /\\ud83d\\ude00/);
    for (const user of users.slice(1)) members.push(await RawMember.join(server(), { room, user, dialect }));
    const listener = await RawMember.join(server(), { room, user: 'Bob' });
    for (const member of members) {
      await member.send(`Grüße 👋 von ${member.user}`);
      await listener.expectChat(member.user, `Grüße 👋 von ${member.user}`);
    }
    if (dialect === 'object')
      assert.equal((await requestEntry(server(), JOIN, { room, user: 'x', dialect })).grant.host_username, 'Zoë');
  });

  test(`${dialect} dialect: names that nobody may have are refused`, async () => {
    const bad = ['', ' ', ' Ann', 'Ann ', 'A\nB', 'system', 'SYSTEM', 'é'.repeat(128)];
    for (const user of bad) {
      const { isAccepted, verdict } = await requestEntry(server(), CREATE, { room: 'bad names', user, dialect });
      assert.equal(isAccepted, false, JSON.stringify(user));
      if (dialect === 'object') assert.deepEqual(verdict, { status_code: 4, message: 'Invalid username' });
    }
    for (const room of [' x', 'x ', 'x\u0000y', 'x\u0085y']) {
      const { isAccepted, verdict } = await requestEntry(server(), CREATE, { room, user: 'Ann', dialect });
      assert.equal(isAccepted, false, JSON.stringify(room));
      if (dialect === 'object') assert.deepEqual(verdict, { status_code: 5, message: 'Invalid room name' });
    }
  });
}

test('a lone surrogate in a user name is refused in the dialect of the request', async () => {
  for (const [payload, answer] of [
    ['"\\ud83d"', ['{"success": 0}', '{"token": ""}']],
    ['{"username": "\\ude00"}', ['{"status_code": 4, "message": "Invalid username"}']],
  ] as const) {
    const request = encodeTcrp('header32', { operation: CREATE, state: 0, room: 'surrogate', payload });
    expectAnswer('header32', await exchange(server(), request), 'surrogate', CREATE, [...answer]);
  }
});

test('a room name of 255 bytes is a room name', async () => {
  const room = `${'ö'.repeat(127)}x`;
  assert.equal(Buffer.byteLength(room), 255);
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', dialect: 'object', datagrams: 'four-byte' });
  await bob.send('Hello');
  await ann.expectChat('Bob', 'Hello');
});

test('object dialect: a long message comes in pieces, cut between characters', async () => {
  const room = 'pieces';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', dialect: 'object' });
  await bob.send('I am here');
  await bob.expectChat('Bob', 'I am here');
  await ann.expectChat('Bob', 'I am here');
  // 63 emoji of four bytes fill 252 of 255 bytes; with ASCII before them the cut falls elsewhere.
  for (const [text, pieces] of [
    ['😀'.repeat(200), ['😀'.repeat(63), '😀'.repeat(63), '😀'.repeat(63), '😀'.repeat(11)]],
    [`ab${'😀'.repeat(64)}`, [`ab${'😀'.repeat(63)}`, '😀']],
    ['x'.repeat(255), ['x'.repeat(255)]],
    ['x'.repeat(256), ['x'.repeat(255), 'x']],
    [`${'x'.repeat(254)}éy`, ['x'.repeat(254), 'éy']],
  ] as const) {
    await ann.send(text);
    for (const piece of pieces) await bob.expectChat('Ann', piece);
  }
  await fence(ann, [bob]);
});

for (const datagrams of ['one-byte', 'four-byte'] as const) {
  test(`${datagrams} lengths: a datagram of 4096 bytes passes whole, one of 4097 is refused and only its sender is told`, async () => {
    const room = `sizes ${datagrams}`;
    const ann = await RawMember.create(server(), { room, user: 'Ann', datagrams });
    const bob = await RawMember.join(server(), { room, user: 'Bob' });
    const headBytes = encodeUcrp(datagrams, room, ann.token, '').length;
    const whole = `${'😀'.repeat(10)}${'x'.repeat(4096 - headBytes - 40)}`;
    assert.equal(encodeUcrp(datagrams, room, ann.token, whole).length, 4096);
    await ann.send(whole);
    await bob.expectChat('Ann', whole);

    // Whoever knows the token but is not at the member's address is not answered: that could be aimed at somebody else.
    const elsewhere = await UdpPeer.open();
    await ann.sendFrom(elsewhere, `${whole}x`);
    await expectSilence(server(), ann.peer, elsewhere);
    await ann.send(`${whole}x`);
    await ann.expectChat('system', 'Message not delivered: datagram of 4097 bytes exceeds 4096');
    await fence(ann, [bob]);
  });
}

test('object dialect: a datagram of 4096 bytes passes whole, one of 4097 is refused with a system datagram', async () => {
  const room = 'sizes object';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', dialect: 'object' });
  const whole = 'y'.repeat(4096 - encodeUcrp('one-byte', room, bob.token, '').length);
  await bob.send(whole);
  await ann.expectChat('Bob', whole);
  for (let at = 0; at < whole.length; at += 255) await bob.expectChat('Bob', whole.slice(at, at + 255));
  await bob.send(`${whole}y`);
  const text = 'Message not delivered: datagram of 4097 bytes exceeds 4096';
  await bob.expect(encodeDelivery('object', 'system', text, SYSTEM_TYPE));
  await fence(bob, [ann]);
});
