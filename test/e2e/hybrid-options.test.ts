import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedServer } from '../support/server-process.ts';
import { CREATE, JOIN, requestEntry } from '../support/tcrp.ts';
import { encodeDelivery, encodeUcrp, expectSilence, fence, LEAVE, RawMember, ROOM_CLOSED } from '../support/ucrp.ts';

const server = sharedServer({
  'hybrid.alternate.enabled': true,
  'hybrid.alternate.tcp_port': 0,
  'hybrid.alternate.udp_port': 0,
});

const JOIN_TYPE = 3;
const LEAVE_TYPE = 4;

test('a room with a password opens to those who know it', async () => {
  const room = 'vault';
  const host = await RawMember.create(server(), {
    room,
    user: 'Ann',
    dialect: 'object',
    password: 'Öffne dich 🔑',
  });
  const refused = { status_code: 7, message: 'Incorrect password' };
  for (const password of [undefined, '', 'wrong', 'öffne dich 🔑']) {
    const answer = await requestEntry(server(), JOIN, { room, user: 'Eve', dialect: 'object', password });
    assert.deepEqual(answer.verdict, refused);
    assert.deepEqual(answer.grant, {});
  }
  // The string dialect cannot carry one.
  assert.equal((await requestEntry(server(), JOIN, { room, user: 'Eve' })).isAccepted, false);
  assert.equal(
    (await requestEntry(server(), CREATE, { room, user: 'Eve', password: 'x', dialect: 'object' })).isAccepted,
    false,
  );

  const bob = await RawMember.join(server(), { room, user: 'Bob', dialect: 'object', password: 'Öffne dich 🔑' });
  assert.equal(bob.grant.participant_count, 2);
  await host.send('Are you in?');
  await host.expectChat('Ann', 'Are you in?');
  await bob.send('Yes');
  await host.expectChat('Bob', 'Yes');
});

test('an empty password is no password', async () => {
  await RawMember.create(server(), { room: 'no vault', user: 'Ann', dialect: 'object', password: '' });
  await RawMember.join(server(), { room: 'no vault', user: 'Bob' });
});

test('options are granted, and repeated in the answer', async () => {
  const room = 'options';
  const options = { dialect: 'string', notices: true, echo: true, colour: 'blue' };
  const ann = await RawMember.create(server(), {
    room,
    user: 'Ann',
    dialect: 'object',
    options,
    chatDialect: 'string',
  });
  assert.match(ann.token, /^[0-9a-f]{64}$/);
  assert.deepEqual(ann.grant, {
    token: ann.token,
    host_username: 'Ann',
    room_created: true,
    dialect: 'string',
    notices: true,
    echo: true,
  });
  await ann.send('Is this thing on?');
  await ann.expectChat('Ann', 'Is this thing on?');

  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  await ann.expectChat('system', 'Bob joined');
  await bob.send('Hello');
  await ann.expectChat('Bob', 'Hello');
  await bob.send(LEAVE);
  await ann.expectChat('system', 'Bob left');
  await fence(ann, [ann]);
  await expectSilence(server(), ann.peer, bob.peer);
});

test('options can be asked for one by one, and one of a wrong type is ignored', async () => {
  const room = 'some options';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const noticed = await RawMember.join(server(), {
    room,
    user: 'Bob',
    dialect: 'object',
    options: { notices: true, echo: 'yes', dialect: 7 },
  });
  assert.equal(noticed.grant.notices, true);
  assert.equal('echo' in noticed.grant || 'dialect' in noticed.grant, false);
  const quiet = await RawMember.join(server(), { room, user: 'Eve', dialect: 'object', options: { echo: false } });
  assert.equal(quiet.grant.echo, false);

  await noticed.send('I hear myself');
  await noticed.expectChat('Bob', 'I hear myself');
  await ann.expectChat('Bob', 'I hear myself');
  await quiet.send('I do not');
  await noticed.expectChat('Eve', 'I do not');
  await ann.expectChat('Eve', 'I do not');

  const tom = await RawMember.join(server(), { room, user: 'Tom' });
  await noticed.expect(encodeDelivery('object', 'Tom', 'Tom joined', JOIN_TYPE));
  await tom.send(LEAVE);
  await noticed.expect(encodeDelivery('object', 'Tom', 'Tom left', LEAVE_TYPE));
  await fence(ann, [noticed, quiet]);
});

test('string datagrams for an object request: the host can leave', async () => {
  const room = 'leaving host';
  const host = await RawMember.create(server(), {
    room,
    user: 'Ann',
    dialect: 'object',
    options: { dialect: 'string' },
    chatDialect: 'string',
  });
  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  await host.send(LEAVE);
  await bob.expect(ROOM_CLOSED);
});

test('both pairs of ports lead to the same rooms, and answers come from the port that was written to', async () => {
  const { alternate } = server();
  assert.ok(alternate !== undefined);
  const room = 'two doors';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(alternate, { room, user: 'Bob' });
  const mia = await RawMember.join(alternate, { room, user: 'Mia', dialect: 'object' });
  await mia.send('Hello');
  for (const [member, port] of [
    [ann, server().udpPort],
    [bob, alternate.udpPort],
    [mia, alternate.udpPort],
  ] as const) {
    const heard = await member.peer.nextDatagram();
    assert.equal(heard.bytes.toString('hex'), encodeDelivery(member.form, 'Mia', 'Hello').toString('hex'));
    assert.equal(heard.port, port, member.user);
  }

  // A member that came in by one door may speak through the other one; only its registration moves it.
  await ann.peer.send(encodeUcrp('one-byte', room, ann.token, 'Through the other door'), alternate);
  for (const member of [bob, mia]) await member.expectChat('Ann', 'Through the other door');
  await bob.send('To the first door');
  assert.equal((await ann.peer.nextDatagram()).port, server().udpPort);
  await mia.expectChat('Bob', 'To the first door');

  ann.server = alternate;
  await ann.send('__REGISTER__');
  await bob.send('To the other door');
  assert.equal((await ann.peer.nextDatagram()).port, alternate.udpPort);
  await mia.expectChat('Bob', 'To the other door');

  // An object member is where it last spoke, the server's port included.
  mia.server = server();
  await mia.send('I moved');
  const heard = await mia.peer.nextDatagram();
  assert.equal(heard.port, server().udpPort);
});
