import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedServer } from '../support/server-process.ts';
import { CREATE, JOIN, requestEntry, type TcrpLayout } from '../support/tcrp.ts';
import {
  decodeChat,
  encodeDelivery,
  expectSilence,
  fence,
  LEAVE,
  type MemberRequest,
  RawMember,
  ROOM_CLOSED,
  SYSTEM_TYPE,
} from '../support/ucrp.ts';

const server = sharedServer();
const dialects = ['string', 'object'] as const;

for (const dialect of dialects) {
  test(`${dialect} dialect: a room is created once, and joined only where there is one`, async () => {
    const room = `once ${dialect}`;
    const missing = await requestEntry(server(), JOIN, { room, user: 'Ann', dialect });
    assert.equal(missing.isAccepted, false);
    assert.equal(missing.token, '');

    const created = await requestEntry(server(), CREATE, { room, user: 'Ann', dialect });
    assert.equal(created.isAccepted, true);
    assert.match(created.token, dialect === 'string' ? /^token_[0-9a-f]{32}$/ : /^[0-9a-f]{64}$/);

    const duplicate = await requestEntry(server(), CREATE, { room, user: 'Bob', dialect });
    assert.equal(duplicate.isAccepted, false);
    assert.equal(duplicate.token, '');

    const joined = await requestEntry(server(), JOIN, { room, user: 'Bob', dialect });
    assert.equal(joined.isAccepted, true);
    assert.notEqual(joined.token, created.token);
  });
}

test('room names are told apart by case', async () => {
  assert.equal((await requestEntry(server(), CREATE, { room: 'Case', user: 'Ann' })).isAccepted, true);
  assert.equal((await requestEntry(server(), JOIN, { room: 'case', user: 'Bob' })).isAccepted, false);
  assert.equal((await requestEntry(server(), CREATE, { room: 'case', user: 'Bob' })).isAccepted, true);
});

test('object dialect: a join tells the host and how many are in the room', async () => {
  const room = 'counted';
  await requestEntry(server(), CREATE, { room, user: 'Ann', dialect: 'object' });
  await requestEntry(server(), JOIN, { room, user: 'Bob' });
  const { grant } = await requestEntry(server(), JOIN, { room, user: 'Eve', dialect: 'object' });
  assert.equal(grant.host_username, 'Ann');
  assert.equal(grant.participant_count, 3);
});

test('string dialect: lines go both ways, a third member hears both, and nobody hears an echo', async () => {
  const room = 'three strings';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  await ann.send('Hello Bob');
  await bob.expectChat('Ann', 'Hello Bob');
  await bob.send('Hello Ann');
  // Had her own line come back to Ann, it would have come first.
  await ann.expectChat('Bob', 'Hello Ann');

  const eve = await RawMember.join(server(), { room, user: 'Eve' });
  await ann.send('Who is there?');
  await bob.expectChat('Ann', 'Who is there?');
  await eve.expectChat('Ann', 'Who is there?');
  await eve.send('Me');
  await ann.expectChat('Eve', 'Me');
  await bob.expectChat('Eve', 'Me');
  await expectSilence(server(), ann.peer, bob.peer, eve.peer);
});

test('object dialect: the first datagram is relayed and makes the address known, and everybody hears an echo', async () => {
  const room = 'three objects';
  const ann = await RawMember.create(server(), { room, user: 'Ann', dialect: 'object' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', dialect: 'object' });
  await ann.send('Nobody but me hears this');
  await ann.expectChat('Ann', 'Nobody but me hears this');
  await bob.send('Hello Ann');
  await ann.expectChat('Bob', 'Hello Ann');
  await bob.expectChat('Bob', 'Hello Ann');
  await ann.send('Hello Bob');
  await ann.expectChat('Ann', 'Hello Bob');
  await bob.expectChat('Ann', 'Hello Bob');
  await expectSilence(server(), ann.peer, bob.peer);
});

test('what is said in one room is not heard in another', async () => {
  const ann = await RawMember.create(server(), { room: 'here', user: 'Ann' });
  const bob = await RawMember.join(server(), { room: 'here', user: 'Bob' });
  const eve = await RawMember.create(server(), { room: 'there', user: 'Eve' });
  const mia = await RawMember.join(server(), { room: 'there', user: 'Mia', dialect: 'object' });
  await mia.send('I am here');
  await mia.expectChat('Mia', 'I am here');
  await eve.expectChat('Mia', 'I am here');

  await ann.send('Only for Bob');
  await bob.expectChat('Ann', 'Only for Bob');
  await expectSilence(server(), eve.peer, mia.peer);
});

test('an empty line and one that looks like a command are lines', async () => {
  const room = 'odd lines';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  for (const text of ['', ' ', '__LEAVE__ ', '__register__', '__ROOM_CLOSED__', 'line\nline', '\0']) {
    await ann.send(text);
    await bob.expectChat('Ann', text);
  }
});

for (const dialect of dialects) {
  test(`${dialect} dialect: a second member of the host's name has a token of its own and none of the host's powers`, async () => {
    const room = `two Anns ${dialect}`;
    const host = await RawMember.create(server(), { room, user: 'Ann' });
    const bob = await RawMember.join(server(), { room, user: 'Bob' });
    const namesake = await RawMember.join(server(), {
      room,
      user: 'Ann',
      dialect,
      options: { dialect: 'string' },
      chatDialect: 'string',
    });
    assert.notEqual(namesake.token, host.token);
    await namesake.send('It is me');
    await host.expectChat('Ann', 'It is me');
    await bob.expectChat('Ann', 'It is me');

    await namesake.send(LEAVE);
    await host.send('Still open');
    await bob.expectChat('Ann', 'Still open');
    await bob.send('Yes');
    await host.expectChat('Bob', 'Yes');
    await expectSilence(server(), host.peer, bob.peer, namesake.peer);
  });
}

test('a member who leaves hears nothing more and its token is dead', async () => {
  const room = 'left';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  const eve = await RawMember.join(server(), { room, user: 'Eve' });
  await bob.send(LEAVE);
  await bob.send('I never left');
  await ann.send('Where is Bob?');
  await eve.expectChat('Ann', 'Where is Bob?');
  await expectSilence(server(), ann.peer, bob.peer, eve.peer);
});

test('when the host leaves, everybody is told once in the way of its wire, and nothing of the room is left', async () => {
  const room = 'closing';
  const host = await RawMember.create(server(), { room, user: 'Ann' });
  const string = await RawMember.join(server(), { room, user: 'Bob' });
  const wide = await RawMember.join(server(), { room, user: 'Eve', datagrams: 'four-byte' });
  const object = await RawMember.join(server(), { room, user: 'Mia', dialect: 'object' });
  await object.send('All here?');
  for (const member of [host, string, wide, object]) await member.expectChat('Mia', 'All here?');
  const unheard = await RawMember.join(server(), { room, user: 'Tom', dialect: 'object' });

  await host.send(LEAVE);
  assert.equal(ROOM_CLOSED.length, 15);
  await string.expect(ROOM_CLOSED);
  await wide.expect(ROOM_CLOSED);
  await object.expect(encodeDelivery('object', 'system', 'Room closed: the host has left', SYSTEM_TYPE));
  const peers = [host.peer, string.peer, wide.peer, object.peer, unheard.peer];
  await expectSilence(server(), ...peers);

  // The name is free; those of the old room have no part in the new one, not even its old host.
  assert.equal((await requestEntry(server(), JOIN, { room, user: 'Zoe' })).isAccepted, false);
  const newHost = await RawMember.create(server(), { room, user: 'Ann' });
  const guest = await RawMember.join(server(), { room, user: 'Zoe' });
  for (const member of [host, string, wide, object, unheard]) await member.send('Back again');
  await host.send(LEAVE);
  await newHost.send('A new start');
  await guest.expectChat('Ann', 'A new start');
  await expectSilence(server(), newHost.peer, guest.peer, ...peers);
});

test('an object-dialect host cannot leave: to it the word is a line like any other', async () => {
  const room = 'object host';
  const host = await RawMember.create(server(), { room, user: 'Ann', dialect: 'object' });
  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  await host.send(LEAVE);
  await bob.expectChat('Ann', LEAVE);
  await host.expectChat('Ann', LEAVE);
});

test('members of both dialects and all layouts hear each other in one room, all in the same order', async () => {
  const room = 'everybody';
  const requests: Omit<MemberRequest, 'room' | 'user'>[] = [];
  for (const layout of ['header32', 'padded28', 'header31', 'name-first'] satisfies TcrpLayout[]) {
    for (const dialect of dialects) {
      for (const datagrams of ['one-byte', 'four-byte'] as const) requests.push({ layout, dialect, datagrams });
    }
  }
  const members: RawMember[] = [];
  for (const [index, request] of requests.entries()) {
    const enter = index === 0 ? RawMember.create : RawMember.join;
    const user = `${request.layout} ${request.dialect} ${request.datagrams}`;
    members.push(await enter(server(), { ...request, room, user }));
  }
  // Makes the addresses of the object members known, one after the other.
  for (const [index, member] of members.entries()) {
    await member.send('I am here');
    for (const [other, listener] of members.entries()) {
      const isKnown = !listener.hasEcho || other <= index;
      if (isKnown && (listener.hasEcho || other !== index)) await listener.expectChat(member.user, 'I am here');
    }
  }

  const heard = members.map((): string[] => []);
  const rounds = 12;
  for (let round = 1; round <= rounds; round += 1) {
    await Promise.all(members.map((member) => member.send(`${member.user}: ${round}`)));
    for (const [index, listener] of members.entries()) {
      const lines = listener.hasEcho ? members.length : members.length - 1;
      for (let line = 0; line < lines; line += 1) {
        const chat = decodeChat(listener.form, await listener.peer.next());
        assert.equal(chat?.text, `${chat?.user}: ${round}`);
        heard[index]!.push(chat.text);
      }
    }
  }

  // The members with an echo heard everything; whoever heard less heard the same without its own lines.
  const order = heard[members.findIndex((member) => member.hasEcho)]!;
  assert.equal(new Set(order).size, members.length * rounds);
  for (const [index, member] of members.entries()) {
    const expected = member.hasEcho ? order : order.filter((text) => !text.startsWith(`${member.user}: `));
    assert.deepEqual(heard[index], expected, member.user);
  }
  await fence(members[0]!, members.slice(1));
});
