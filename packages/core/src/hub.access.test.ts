import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entry, openHubWorld } from '@confab/testing';
import type { CoreError } from './errors.ts';
import { create, join, lines, say, withLobby } from './fixtures/hub-acts.ts';

describe('passwords', () => {
  test('a room with a password opens to the right one only', async () => {
    const world = await openHubWorld();
    await create(world, 'vault', 'ann', { password: 'hunter2' });
    assert.equal(await world.refusal(world.hub.join(entry('vault', 'bob', { password: 'hunter3' }))), 'PASSWORD_WRONG');
    assert.equal(await world.refusal(world.hub.join(entry('vault', 'bob', { password: '' }))), 'PASSWORD_WRONG');
    assert.equal(await world.refusal(world.hub.join(entry('vault', 'bob'))), 'PASSWORD_WRONG');
    const tooLong = entry('vault', 'bob', { password: 'x'.repeat(5000) });
    assert.equal(await world.refusal(world.hub.join(tooLong)), 'PASSWORD_WRONG');
    assert.equal((await join(world, 'vault', 'bob', { password: 'hunter2' })).memberCount, 2);
    assert.doesNotMatch(JSON.stringify(world.store.openRooms), /"password":/);
  });

  test('an empty password is no password', async () => {
    const world = await openHubWorld();
    await create(world, 'lobby', 'ann', { password: '' });
    assert.equal((await join(world, 'lobby', 'bob')).memberCount, 2);
  });

  test('nobody gets in while the password of a room is still being hashed', async () => {
    const world = await openHubWorld();
    world.secrets.hold();
    const creating = world.hub.create(entry('vault', 'ann', { password: 'hunter2' }));
    for (const password of [undefined, 'hunter2', 'wrong']) {
      const request = world.hub.join(entry('vault', 'bob', { password }), { makeOpen: true });
      assert.equal(await world.refusal(request), 'ROOM_NOT_FOUND');
    }
    assert.equal(await world.refusal(world.hub.create(entry('vault', 'bob'))), 'ROOM_EXISTS');
    world.secrets.release();
    assert.equal((await world.done(creating)).memberCount, 1);
    assert.equal(await world.refusal(world.hub.join(entry('vault', 'bob'))), 'PASSWORD_WRONG');
  });

  test('a room that closes while a password is checked refuses the one who knew it', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'vault', 'ann', { password: 'hunter2' });
    world.secrets.hold();
    const joining = world.hub.join(entry('vault', 'bob', { password: 'hunter2' }));
    world.hub.leave(host.member);
    world.secrets.release();
    assert.equal(await world.refusal(joining), 'ROOM_CLOSED');
  });

  test('so many passwords are hashed at once, so many wait, and the others are refused', async () => {
    const world = await openHubWorld({ limits: { passwordChecksMax: 2, passwordWaitersMax: 3 } });
    await create(world, 'vault', 'host', { password: 'hunter2' });
    world.secrets.hold();
    const requests = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((user) =>
      world.hub.join(entry('vault', user, { password: 'hunter2' })).then(
        () => 'in',
        (error: CoreError) => error.code,
      ),
    );
    await world.run();
    assert.equal(world.secrets.running, 2);
    world.secrets.release(1);
    await world.run();
    assert.equal(world.secrets.running, 2, 'the next one took the place');
    world.secrets.release();
    await world.run();
    assert.deepEqual(await Promise.all(requests), ['in', 'in', 'in', 'in', 'in', 'RATE_LIMITED', 'RATE_LIMITED']);
    assert.equal(world.secrets.runningMax, 2);
    assert.equal((await join(world, 'vault', 'late', { password: 'hunter2' })).memberCount, 7, 'the places are free');
  });

  test('a hash that fails gives its place back and leaves no room behind', async () => {
    const world = await openHubWorld({ limits: { passwordChecksMax: 1 } });
    const { hashPassword } = world.secrets;
    world.secrets.hashPassword = () => Promise.reject(new Error('out of memory'));
    const creating = world.hub.create(entry('vault', 'ann', { password: 'x' }));
    await assert.rejects(creating, /out of memory/);
    world.secrets.hashPassword = hashPassword;
    assert.deepEqual([world.hub.roomCount, world.hub.memberCount], [0, 0]);
    assert.equal((await create(world, 'vault', 'ann', { password: 'x' })).memberCount, 1);
  });

  test('wrong passwords use up the patience for an address, and cost no more hashing after that', async () => {
    const world = await openHubWorld({ limits: { addressFaults: { perSecond: 1, burst: 3 } } });
    await create(world, 'vault', 'ann', { password: 'hunter2' });
    const guess = (password: string, address = '198.51.100.7') =>
      world.refusal(world.hub.join(entry('vault', 'eve', { password, address })));
    for (const password of ['a', 'b', 'c']) assert.equal(await guess(password), 'PASSWORD_WRONG');
    assert.equal(world.hub.isIgnored('198.51.100.7'), true);
    assert.equal(await guess('hunter2'), 'RATE_LIMITED');
    assert.equal(await guess('d', '198.51.100.8'), 'PASSWORD_WRONG');
    world.clock.advance(1000);
    assert.equal(world.hub.isIgnored('198.51.100.7'), false);
    assert.equal(await guess('hunter2'), 'not refused');
  });
});

describe('tokens', () => {
  test('a token opens its own room, from its own address where that is asked', async () => {
    const world = await openHubWorld();
    const { member, token } = await create(world, 'lobby', 'ann', { address: '192.0.2.1' });
    await create(world, 'cellar', 'ann');
    const { hub } = world;
    assert.equal(hub.authenticate(token, 'lobby', undefined), member);
    assert.equal(hub.authenticate(token, 'lobby', '192.0.2.1'), member);
    assert.equal(hub.authenticate(token, 'lobby', '192.0.2.2'), undefined);
    assert.equal(hub.authenticate(token, 'cellar', undefined), undefined);
    assert.equal(hub.authenticate(`${token}0`, 'lobby', undefined), undefined);
    assert.equal(hub.authenticate('', 'lobby', undefined), undefined);
  });

  test('a token opens nothing before its member is let in', async () => {
    const world = await openHubWorld();
    const random = new Uint8Array(16).fill(7);
    world.secrets.randomBytes = () => random;
    world.store.hold();
    const creating = world.hub.create(entry('lobby', 'ann'));
    await world.run();
    assert.equal(world.hub.authenticate('07'.repeat(16), 'lobby', undefined), undefined);
    world.store.release();
    await world.done(creating);
    assert.notEqual(world.hub.authenticate('07'.repeat(16), 'lobby', undefined), undefined);
  });

  test('a token is its prefix and the random bytes in hexadecimal; the store gets the digest alone', async () => {
    const world = await openHubWorld();
    const { member, token } = await create(world, 'lobby', 'ann', { token: { prefix: 'cf_', bytes: 24 } });
    assert.match(token, /^cf_[0-9a-f]{48}$/);
    assert.equal(world.store.members.get(member.id)?.tokenDigest, world.secrets.digest(token));
  });

  test('a token that could be guessed is not made, and no room is left behind', async () => {
    const world = await openHubWorld();
    const creating = world.hub.create(entry('lobby', 'ann', { token: { prefix: '', bytes: 15 } }));
    await assert.rejects(creating, RangeError);
    assert.deepEqual([world.hub.roomCount, world.hub.memberCount], [0, 0]);
  });

  test('a member without a token is kept only so that its leave can be written after a kill', async () => {
    const before = await openHubWorld();
    await create(before, 'lobby', 'ann');
    const { member, token } = await join(before, 'lobby', 'bob', { token: undefined });
    assert.deepEqual([token, member.tokenDigest, before.store.members.size], ['', undefined, 2]);

    const after = await openHubWorld({ store: before.store.reopen() });
    assert.deepEqual(
      [...after.hub.members()].map(({ user }) => user),
      ['ann'],
    );
    await after.run();
    assert.deepEqual(lines(after.store.events(member.room.id)), ['2 ann', '2 bob', '3 bob']);
    assert.equal(after.store.members.size, 1);
  });

  test('a room whose host had no token closes after a kill', async () => {
    const before = await openHubWorld();
    const { member } = await create(before, 'lobby', 'ann', { token: undefined });
    const after = await openHubWorld({ store: before.store.reopen() });
    await after.run();
    assert.deepEqual(lines(after.store.events(member.room.id)), ['2 ann', '3 ann', '4 ann']);
    assert.deepEqual([after.store.openRooms.length, after.hub.findRoom('lobby')], [0, undefined]);
    assert.deepEqual(after.store.complaints, []);
  });
});

describe('profiles', () => {
  test('a changed profile is kept, an unchanged one is not written, a failing store costs nothing else', async () => {
    const { hub, world, ann, store } = await withLobby();
    const commits = store.commits.length;
    hub.saveProfile(ann, '');
    await world.run();
    assert.equal(store.commits.length, commits);
    hub.saveProfile(ann, 'udp 192.0.2.1:5');
    await world.run();
    assert.equal(store.members.get(ann.id)?.profile, 'udp 192.0.2.1:5');
    store.fail();
    hub.saveProfile(ann, 'udp 192.0.2.1:6');
    await world.run();
    store.recover();
    hub.saveProfile(ann, 'udp 192.0.2.1:7');
    await world.run();
    assert.equal(store.members.get(ann.id)?.profile, 'udp 192.0.2.1:7');
  });

  test('a profile that is saved in the turn in which its room closes, or its member leaves, leaves no row', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'lobby', 'ann');
    const bob = await join(world, 'lobby', 'bob');
    const cem = await join(world, 'lobby', 'cem');
    world.hub.saveProfile(cem.member, 'before');
    world.hub.leave(cem.member);
    world.hub.saveProfile(cem.member, 'after');
    world.hub.leave(host.member);
    world.hub.saveProfile(bob.member, 'after');
    await world.run();
    assert.deepEqual([world.store.members.size, world.store.complaints], [0, []]);
  });
});

describe('limits', () => {
  test('rooms', async () => {
    const world = await openHubWorld({ limits: { roomsMax: 2 } });
    const first = await create(world, 'one', 'ann');
    await join(world, 'two', 'ann', {}, { makeOpen: true });
    assert.equal(await world.refusal(world.hub.create(entry('three', 'ann'))), 'LIMIT_REACHED');
    assert.equal(await world.refusal(world.hub.join(entry('three', 'ann'), { makeOpen: true })), 'LIMIT_REACHED');
    await join(world, 'two', 'bob');
    world.hub.leave(first.member);
    await create(world, 'three', 'ann');
  });

  test('members of a room, those on their way in counted', async () => {
    const world = await openHubWorld({ limits: { roomMembersMax: 2 } });
    const ann = await create(world, 'lobby', 'ann');
    const codes = ['bob', 'cem'].map((user) => world.refusal(world.hub.join(entry('lobby', user))));
    assert.deepEqual(await Promise.all(codes), ['not refused', 'ROOM_FULL']);
    const [, bob] = [...ann.member.room.members.values()];
    world.hub.leave(bob!);
    assert.equal(await world.refusal(world.hub.join(entry('lobby', 'cem'))), 'not refused');
  });

  test('members of a room who come with a password at the same time', async () => {
    const world = await openHubWorld({ limits: { roomMembersMax: 2, passwordChecksMax: 8 } });
    await create(world, 'vault', 'ann', { password: 'x' });
    const codes = ['bob', 'cem'].map((user) => world.refusal(world.hub.join(entry('vault', user, { password: 'x' }))));
    assert.deepEqual((await Promise.all(codes)).sort(), ['ROOM_FULL', 'not refused']);
  });

  test('members of the server, those with a password still being checked too', async () => {
    const world = await openHubWorld({ limits: { membersMax: 2, passwordChecksMax: 8 } });
    await create(world, 'vault', 'ann', { password: 'x' });
    const codes = ['bob', 'cem'].map((user) => world.refusal(world.hub.join(entry('vault', user, { password: 'x' }))));
    assert.deepEqual((await Promise.all(codes)).sort(), ['LIMIT_REACHED', 'not refused']);
    assert.equal(await world.refusal(world.hub.create(entry('cellar', 'dee'))), 'LIMIT_REACHED');
    assert.deepEqual([world.hub.memberCount, world.hub.roomCount], [2, 1]);
  });

  test('operations that wait for the store', async () => {
    const { hub, world, ann, store } = await withLobby({ limits: { commitQueueMax: 2 } });
    store.hold();
    const first = say(world, ann, 'being written');
    await world.run();
    const waiting = [say(world, ann, 'b'), say(world, ann, 'c')];
    assert.deepEqual(say(world, ann, 'd', { clientId: 'k' }), ['refused RATE_LIMITED']);
    assert.equal(ann.room.pendingPosts.size, 0);
    assert.equal(await world.refusal(hub.join(entry('lobby', 'bob'))), 'RATE_LIMITED');
    store.release();
    await world.run();
    assert.deepEqual([first, waiting, say(world, ann, 'd', { clientId: 'k' })], [[2], [[3], [4]], []]);
  });

  test('messages of one member: a burst, then the rate', async () => {
    const { world, ann, clock } = await withLobby({ limits: { memberMessages: { perSecond: 2, burst: 3 } } });
    const bob = (await join(world, 'lobby', 'bob')).member;
    for (const text of ['a', 'b', 'c']) assert.deepEqual(say(world, ann, text), []);
    assert.deepEqual(say(world, ann, 'd'), ['refused RATE_LIMITED']);
    assert.deepEqual(say(world, bob, 'mine'), []);
    clock.advance(500);
    assert.deepEqual([say(world, ann, 'e'), say(world, ann, 'f')], [[], ['refused RATE_LIMITED']]);
    await world.run();
  });

  test('requests of one address: a burst, then the rate', async () => {
    const world = await openHubWorld({ limits: { addressRequests: { perSecond: 1, burst: 2 } } });
    const request = (address: string) => world.refusal(world.hub.join(entry('nowhere', 'ann', { address })));
    const codes = [await request('192.0.2.1'), await request('192.0.2.1'), await request('192.0.2.1')];
    assert.deepEqual(codes, ['ROOM_NOT_FOUND', 'ROOM_NOT_FOUND', 'RATE_LIMITED']);
    assert.equal(await request('192.0.2.2'), 'ROOM_NOT_FOUND');
    world.clock.advance(1000);
    assert.equal(await request('192.0.2.1'), 'ROOM_NOT_FOUND');
  });

  test('new rooms of one address: a burst, then the rate, while existing rooms can be joined', async () => {
    const world = await openHubWorld({ limits: { addressRooms: { perSecond: 1, burst: 1 } } });
    await create(world, 'first', 'ann');
    const outcome = (room: string) => world.refusal(world.hub.join(entry(room, 'bob'), { makeOpen: true }));
    assert.equal(await outcome('second'), 'RATE_LIMITED');
    await join(world, 'first', 'bob');
    world.clock.advance(1000);
    await create(world, 'second', 'ann');
  });

  test('faults of one address, heavy ones too, until it has been quiet for a while', async () => {
    const { hub, clock } = await openHubWorld({ limits: { addressFaults: { perSecond: 1, burst: 5 } } });
    hub.fault('192.0.2.1', 3);
    assert.equal(hub.isIgnored('192.0.2.1'), false);
    hub.fault('192.0.2.1', 3);
    assert.deepEqual([hub.isIgnored('192.0.2.1'), hub.isIgnored('192.0.2.2')], [true, false]);
    clock.advance(1000);
    assert.equal(hub.isIgnored('192.0.2.1'), false);
  });

  test('a profile that changes all the time waits in the queue once', async () => {
    const { hub, world, ann, store } = await withLobby();
    store.hold();
    say(world, ann, 'being written');
    await world.run();
    for (let port = 1; port <= 1000; port += 1) hub.saveProfile(ann, `udp 192.0.2.1:${port}`);
    store.release();
    await world.run();
    assert.deepEqual(store.commits.at(-1)?.length, 1);
    assert.equal(store.members.get(ann.id)?.profile, 'udp 192.0.2.1:1000');
  });
});

describe('time-outs', () => {
  test('the sweep drops who was silent for too long and nobody else', async () => {
    const world = await openHubWorld();
    const ann = await create(world, 'lobby', 'ann', { timeoutMs: 1000 });
    const bob = await join(world, 'lobby', 'bob', { timeoutMs: 1000 });
    const cem = await join(world, 'lobby', 'cem');
    world.clock.advance(600);
    world.hub.touch(ann.member);
    world.clock.advance(400);
    world.hub.sweep();
    await world.run();
    assert.equal(world.removed.length, 0, 'exactly its time is not too long');
    world.clock.advance(1);
    world.hub.sweep();
    await world.run();
    assert.deepEqual(world.removed, [{ member: bob.member, reason: 'timed-out' }]);
    world.clock.advance(1e9);
    world.hub.sweep();
    await world.run();
    assert.deepEqual(
      world.removed.map(({ member, reason }) => [member.user, reason]),
      [
        ['bob', 'timed-out'],
        ['ann', 'timed-out'],
        ['cem', 'room-closed'],
      ],
    );
    assert.equal(cem.member.state, 'left');
  });

  test('setting the wall clock times nobody out', async () => {
    const world = await openHubWorld();
    await create(world, 'lobby', 'ann', { timeoutMs: 1000 });
    world.clock.setWall(world.clock.wallMs() + 1e12);
    world.hub.sweep();
    assert.equal(world.hub.memberCount, 1);
  });

  test('one that waits for a slow store to be let in is not timed out', async () => {
    const world = await openHubWorld();
    world.store.hold();
    const creating = world.hub.create(entry('lobby', 'ann', { timeoutMs: 1000 }));
    await world.run();
    world.clock.advance(5000);
    world.hub.sweep();
    world.store.release();
    const { member } = await world.done(creating);
    world.hub.sweep();
    assert.deepEqual([member.state, world.hub.roomNames()], ['joined', ['lobby']], 'nor when it has just been let in');
  });
});
