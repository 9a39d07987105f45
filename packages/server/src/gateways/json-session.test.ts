import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry } from '@confab/testing';
import { closeAll, openScene, shorten } from './fixtures/json-scene.ts';

test('the server speaks first, and its number is the current one', async () => {
  const { open, join } = await openScene();
  const ann = await join('Ann');
  const bob = open();
  assert.deepEqual(bob.take(), ['1 * Welcome! Join a room to start chatting.']);
  closeAll(ann, bob);
});

test('a message goes to everybody in the room, its sender included, and to nobody else', async () => {
  const { world, join } = await openScene();
  const [ann, bob, eve] = [await join('Ann'), await join('Bob'), await join('Eve', 'elsewhere')];
  ann.take();
  ann.hear({ type: 'message', text: 'hi', room: 'elsewhere' });
  await world.run();
  assert.deepEqual(ann.take(), ['4 Ann: hi']);
  assert.deepEqual(bob.take(), ['4 Ann: hi']);
  assert.deepEqual(eve.take(), []);
  closeAll(ann, bob, eve);
});

test('all that a turn brings to a member is one write', async () => {
  const { world, join } = await openScene();
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  ann.take();
  ann.hear({ type: 'message', text: '1' }, { type: 'message', text: '2' });
  bob.hear({ type: 'message', text: '3' });
  await world.run();
  assert.deepEqual(
    bob.writes.map((lines) => lines.map(shorten)),
    [['3 Ann: 1', '4 Ann: 2', '5 Bob: 3']],
  );
  closeAll(ann, bob);
});

test('who joins is sent the newest events with the numbers they had, then its own join, then what follows', async () => {
  const { world, open, join } = await openScene({ historyMax: 2 });
  const ann = await join('Ann');
  ann.hear({ type: 'message', text: '1' }, { type: 'message', text: '2' });
  await world.run();
  const bob = open();
  bob.take();
  bob.hear({ type: 'join', room: 'lobby', user: 'Bob' });
  ann.hear({ type: 'message', text: '3' });
  await world.run();
  assert.deepEqual(bob.take(), ['2 Ann: 1', '3 Ann: 2', '4 * Bob joined', '5 Ann: 3']);
  closeAll(ann, bob);
});

test('a history of none begins with the own join', async () => {
  const { world, open, join } = await openScene({ historyMax: 0 });
  const ann = await join('Ann');
  const bob = open();
  bob.take();
  bob.hear({ type: 'join', room: 'lobby', user: 'Bob' });
  await world.run();
  assert.deepEqual(bob.take(), ['2 * Bob joined']);
  closeAll(ann, bob);
});

test('a join leaves the old room first', async () => {
  const { world, join } = await openScene();
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  ann.take();
  bob.hear({ type: 'join', room: 'other', user: 'Bob' });
  await world.run();
  assert.deepEqual(ann.take(), ['3 * Bob left']);
  assert.deepEqual(bob.take(), ['4 * Bob joined']);
  assert.equal(world.hub.findRoom('lobby')?.members.size, 1);
  closeAll(ann, bob);
});

test('joining the room one is in is an error and changes nothing', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  ann.hear({ type: 'join', room: 'lobby', user: 'Somebody' });
  await world.run();
  assert.deepEqual(ann.take(), ['1 ! Already in that room']);
  assert.equal(ann.session.member?.user, 'Ann');
  closeAll(ann);
});

test('a name that is not allowed costs an error and not the room one is in', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  ann.hear({ type: 'join', room: ' x', user: 'Ann' }, { type: 'join', room: 'x', user: 'system' });
  await world.run();
  assert.deepEqual(ann.take(), ['1 ! Invalid room name', '1 ! Invalid user name']);
  assert.equal(ann.session.member?.room.name, 'lobby');
  closeAll(ann);
});

test('a hosted room with a password opens to who knows it', async () => {
  const { world, open } = await openScene();
  await world.done(world.hub.create(entry('secret', 'Host', { password: 'sesame' })));
  const ann = open();
  ann.take();
  ann.hear({ type: 'join', room: 'secret', user: 'Ann', password: 'wrong' }, { type: 'message', text: 'x' });
  await world.run();
  assert.deepEqual(ann.take(), ['1 ! Incorrect password', '1 ! Join a room first']);
  ann.hear({ type: 'join', room: 'secret', user: 'Ann', password: 'sesame' });
  await world.run();
  assert.deepEqual(ann.take(), ['1 * Host joined', '2 * Ann joined']);
  closeAll(ann);
});

test('when the host of a hosted room leaves, the member is told, is in no room, and may join another', async () => {
  const { world, open } = await openScene();
  const { member } = await world.done(world.hub.create(entry('hosted', 'Host')));
  const ann = open();
  ann.hear({ type: 'join', room: 'hosted', user: 'Ann' });
  await world.run();
  ann.take();
  world.hub.leave(member);
  await world.run();
  assert.deepEqual(ann.take(), ['3 * Host left', '4 * Room closed: the host has left']);
  ann.hear({ type: 'message', text: 'anybody?' }, { type: 'join', room: 'hosted', user: 'Ann' });
  await world.run();
  assert.deepEqual(ann.take(), ['4 ! Join a room first', '5 * Ann joined']);
  closeAll(ann);
});

test('a member that reads slowly is told all that was said before its room closed, and that it closed', async () => {
  const { world, open } = await openScene();
  const { member } = await world.done(world.hub.create(entry('hosted', 'Host')));
  const ann = open();
  ann.hear({ type: 'join', room: 'hosted', user: 'Ann' });
  await world.run();
  ann.take();
  ann.isFull = true;
  for (const text of ['1', '2', '3']) {
    world.hub.post(member, { body: Buffer.from(text) });
    await world.run();
  }
  assert.deepEqual(ann.take(), ['3 Host: 1'], 'paused after the write that filled it');
  world.hub.leave(member);
  await world.run();
  ann.drain();
  await world.run();
  assert.deepEqual(ann.take().slice(-4), [
    '4 Host: 2',
    '5 Host: 3',
    '6 * Host left',
    '7 * Room closed: the host has left',
  ]);
  closeAll(ann);
});

test('answers come in the order of the requests, errors behind the echoes of what was said before', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  ann.hear(
    { type: 'message', text: '1' },
    'nonsense',
    { type: 'message', text: 'x'.repeat(4097) },
    { type: 'message', text: '2' },
    { type: 'rooms' },
    { type: 'dance' },
    { type: 'ack', seq: 1 },
  );
  assert.deepEqual(ann.take(), [], 'the first answer waits for the store, and all others for it');
  await world.run();
  assert.deepEqual(ann.take(), [
    '2 Ann: 1',
    '3 Ann: 2',
    '3 ! Invalid JSON',
    '3 ! Message too long',
    '3 rooms lobby',
    '3 ! Unknown message type: dance',
    '3 ! Unknown message type: ack',
  ]);
  closeAll(ann);
});

test('messages that came together are one delivery, and each that is refused has an error of its own, in its place', async () => {
  const limits = { memberMessages: { perSecond: 1, burst: 3 }, messageBytesMax: 10 };
  const { world, join, open, stats } = await openScene({ limits });
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  ann.take();
  const received = stats.received;
  ann.hearMessages('1', 'x'.repeat(11), '2', '3', '4', '5');
  ann.hear({ type: 'rooms' });
  assert.equal(stats.received, received + 7);
  await world.run();
  assert.deepEqual(bob.writes, [bob.writes[0]], 'one write');
  assert.deepEqual(bob.take(), ['3 Ann: 1', '4 Ann: 2', '5 Ann: 3']);
  assert.deepEqual(ann.take(), [
    '3 Ann: 1',
    '4 Ann: 2',
    '5 Ann: 3',
    '5 ! Message too long',
    '5 ! Too many requests, slow down',
    '5 ! Too many requests, slow down',
    '5 rooms lobby',
  ]);
  assert.deepEqual([stats.drops.refused, stats.drops.limited], [1, 2]);
  const stranger = open();
  stranger.take();
  stranger.hearMessages('a', 'b');
  assert.deepEqual(stranger.take(), ['5 ! Join a room first', '5 ! Join a room first']);
  closeAll(ann, bob, stranger);
});

test('messages of which the store takes none are refused one by one', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  world.store.fail();
  ann.hearMessages('1', '2');
  await world.run();
  assert.deepEqual(ann.take(), ['1 ! Server error', '1 ! Server error']);
  closeAll(ann);
});

test('no more messages are under way than a connection may have, and those that wait are said later, in order', async () => {
  const { world, join } = await openScene({ limits: { memberMessages: { perSecond: 1, burst: 5000 } } });
  const ann = await join('Ann');
  const texts = Array.from({ length: 2500 }, (_, index) => String(index));
  ann.hearMessages(...texts);
  assert.ok(!ann.isReading);
  await world.run();
  assert.deepEqual(
    ann.take().map((line) => line.replace(/.*: /, '')),
    texts,
  );
  assert.ok(ann.isReading);
  closeAll(ann);
});

test('what was said before leaving is heard by all, the leaver included', async () => {
  const { world, join } = await openScene();
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  ann.take();
  ann.hear({ type: 'message', text: 'bye' }, { type: 'leave' }, { type: 'message', text: 'too late' });
  await world.run();
  assert.deepEqual(ann.take(), ['3 Ann: bye', '3 ! Join a room first']);
  assert.deepEqual(bob.take(), ['3 Ann: bye', '4 * Ann left']);
  closeAll(ann, bob);
});

test('while a join is under way nothing more is read, and what was read waits', async () => {
  const { world, open } = await openScene();
  const ann = open();
  ann.take();
  ann.hear({ type: 'join', room: 'lobby', user: 'Ann' }, { type: 'message', text: 'first' }, { type: 'rooms' });
  assert.ok(!ann.isReading);
  assert.deepEqual(ann.take(), []);
  await world.run();
  assert.deepEqual(ann.take(), ['1 * Ann joined', '2 Ann: first', '2 rooms lobby']);
  assert.ok(ann.isReading);
  closeAll(ann);
});

test('a room full, and what else the core refuses, is an error for its sender', async () => {
  const { world, join } = await openScene({
    limits: { roomMembersMax: 1, memberMessages: { perSecond: 1, burst: 2 } },
  });
  const ann = await join('Ann');
  const bob = await join('Bob', 'other');
  bob.hear({ type: 'join', room: 'lobby', user: 'Bob' });
  ann.hear({ type: 'message', text: '1' }, { type: 'message', text: '2' }, { type: 'message', text: '3' });
  await world.run();
  assert.deepEqual(
    bob.take().map((line) => line.slice(2)),
    ['! Room is full'],
  );
  assert.deepEqual(
    ann.take().map((line) => line.slice(2)),
    ['Ann: 1', 'Ann: 2', '! Too many requests, slow down'],
  );
  closeAll(ann, bob);
});

test('bad input is answered as often as the rate of faults allows, and good input always', async () => {
  const { world, join, stats } = await openScene({ limits: { addressFaults: { perSecond: 1, burst: 3 } } });
  const ann = await join('Ann');
  ann.hear(...Array.from({ length: 50 }, () => '[]'), { type: 'message', text: 'still here' });
  await world.run();
  assert.deepEqual(ann.take(), [...Array(3).fill('1 ! Not a JSON object'), '2 Ann: still here']);
  assert.deepEqual([stats.drops.unreadable, stats.drops.ignored], [3, 47]);
  world.clock.advance(2000);
  ann.hear('[]');
  assert.deepEqual(ann.take(), ['2 ! Not a JSON object']);
  closeAll(ann);
});

test('a reader whose connection is full pauses, costs the others nothing, and catches up without a gap', async () => {
  const { world, join } = await openScene();
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  ann.take();
  bob.isFull = true;
  for (let count = 1; count <= 300; count += 1) {
    ann.hear({ type: 'message', text: `${count}` });
    await world.run();
  }
  assert.equal(ann.take().length, 300);
  assert.equal(bob.take().length, 1, 'nothing is kept for who does not read');
  bob.isFull = false;
  bob.drain();
  await world.run();
  assert.deepEqual(
    bob.take(),
    Array.from({ length: 299 }, (_, index) => `${index + 4} Ann: ${index + 2}`),
  );
  closeAll(ann, bob);
});

test('who is too far behind is told how much is left out', async () => {
  const { world, join } = await openScene({ limits: { readerLagMax: 10 } });
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  bob.isFull = true;
  for (let count = 1; count <= 30; count += 1) {
    ann.hear({ type: 'message', text: `${count}` });
    await world.run();
  }
  bob.take();
  bob.drain();
  await world.run();
  const heard = bob.take();
  assert.equal(heard[0], '32 ! Too slow: 19 events left out');
  assert.deepEqual([heard[1], heard.at(-1), heard.length], ['23 Ann: 21', '32 Ann: 30', 11]);
  closeAll(ann, bob);
});

test('an answer does not overtake the echo that a slow reader has not been sent yet', async () => {
  const { world, join } = await openScene();
  const [ann, bob] = [await join('Ann'), await join('Bob')];
  bob.isFull = true;
  ann.hear({ type: 'message', text: 'fills Bob' });
  await world.run();
  bob.take();
  bob.hear({ type: 'message', text: 'mine' }, { type: 'rooms' });
  await world.run();
  assert.deepEqual(bob.take(), []);
  bob.drain();
  await world.run();
  assert.deepEqual(bob.take(), ['4 Bob: mine', '4 rooms lobby']);
  closeAll(ann, bob);
});

test('more requests than can be under way wait, and nothing more is read meanwhile', async () => {
  const { world, join } = await openScene({ limits: { memberMessages: { perSecond: 1e6, burst: 1e6 } } });
  const ann = await join('Ann');
  ann.hear(...Array.from({ length: 3000 }, (_, index) => ({ type: 'message', text: `${index}` })));
  assert.ok(!ann.isReading);
  await world.run();
  assert.ok(ann.isReading);
  assert.deepEqual(
    ann.take(),
    Array.from({ length: 3000 }, (_, index) => `${index + 2} Ann: ${index}`),
  );
  closeAll(ann);
});

test('who says nothing more is answered to the end, then leaves', async () => {
  const { world, open, join } = await openScene();
  const bob = await join('Bob');
  const ann = open();
  ann.take();
  ann.hear({ type: 'join', room: 'lobby', user: 'Ann' }, { type: 'message', text: 'in and out' });
  ann.session.endInput();
  assert.ok(!ann.isEnded);
  await world.run();
  assert.deepEqual(ann.take().slice(-2), ['2 * Ann joined', '3 Ann: in and out']);
  assert.ok(ann.isEnded);
  assert.deepEqual(bob.take(), ['2 * Ann joined', '3 Ann: in and out', '4 * Ann left']);
  closeAll(bob);
});

test('a connection that goes while its join is under way leaves nobody behind', async () => {
  const { world, open, sessions } = await openScene();
  const ann = open();
  ann.hear({ type: 'join', room: 'lobby', user: 'Ann' });
  ann.session.closed();
  await world.run();
  assert.equal(world.hub.memberCount, 0);
  assert.equal(sessions.size, 0);
});

test('connections in no room are bounded: the oldest of them goes, and whoever is in a room stays', async () => {
  const { world, open, join } = await openScene({ idleConnectionsMax: 2 });
  const member = await join('Ann');
  const [first, second] = [open(), open()];
  first.take();
  const third = open();
  assert.deepEqual(first.take(), ['1 ! Server busy, try again later']);
  assert.ok(first.isEnded && !second.isEnded && !third.isEnded && !member.isEnded);
  member.hear({ type: 'leave' });
  await world.run();
  assert.ok(second.isEnded, 'who has left its room is in none');
  closeAll(member, third);
});

test('at the end everybody leaves in the eyes of the log, and is told with a later number than any before', async () => {
  const { world, join, open, sessions } = await openScene();
  const [ann, bob, eve] = [await join('Ann'), await join('Bob'), open()];
  ann.take();
  eve.take();
  const closing = sessions.close();
  await world.run();
  await closing;
  for (const transport of [ann, bob, eve]) {
    assert.deepEqual(transport.take(), ['4 * Server is shutting down']);
    assert.ok(transport.isEnded);
  }
  assert.equal(world.hub.memberCount, 0);
  assert.equal(world.hub.position, 4);
});
