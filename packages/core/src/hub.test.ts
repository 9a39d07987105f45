import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  entry,
  fakeSecrets,
  type HubWorld,
  openHubWorld,
  RecordingEncoding,
  RecordingOutlet,
  ScriptedStore,
  SimClock,
  settlePromises,
} from '@confab/testing';
import { CoreError } from './errors.ts';
import { EventKind, type RoomEvent } from './event.ts';
import { HISTORY_EVENTS_MAX, Hub } from './hub.ts';
import { defaultLimits } from './limits.ts';
import type { Member } from './member.ts';
import { CLIENT_ID_LENGTH_MAX } from './post-rules.ts';
import type { Post } from './requests.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `kind user: body` of each event. */
const lines = (events: readonly RoomEvent[]) =>
  events.map(({ kind, user, body }) => `${kind} ${user}${body.byteLength > 0 ? `: ${decoder.decode(body)}` : ''}`);

/** Post and note how it ended: the sequence number, or the error's code. */
function say(world: HubWorld, member: Member, text: string, more: Partial<Post> = {}) {
  const results: (number | string)[] = [];
  const settle = (result: RoomEvent | CoreError) =>
    void results.push(result instanceof CoreError ? result.code : result.seq);
  const refusal = world.hub.post(member, { body: encoder.encode(text), settle, ...more });
  if (refusal !== undefined) results.push(`refused ${refusal.code}`);
  return results;
}

async function create(world: HubWorld, room: string, user: string, more = {}) {
  return world.done(world.hub.create(entry(room, user, more)));
}

async function join(world: HubWorld, room: string, user: string, more = {}, options = {}) {
  return world.done(world.hub.join(entry(room, user, more), options));
}

/** A hub with open room `lobby` and ann in it. */
async function withLobby(options: Parameters<typeof openHubWorld>[0] = {}) {
  const world = await openHubWorld(options);
  const ann = await join(world, 'lobby', 'ann', {}, { makeOpen: true });
  return { ...world, world, ann: ann.member, room: ann.member.room };
}

describe('making and joining rooms', () => {
  test('who creates a room is its host and first member, and the room says so in its log', async () => {
    const world = await openHubWorld();
    const { member, token, memberCount, joinSeq } = await create(world, 'lobby', 'ann');
    assert.deepEqual([member.isHost, member.state, member.room.state], [true, 'joined', 'open']);
    assert.deepEqual([memberCount, joinSeq, token.length], [1, 1, 32]);
    assert.equal(member.room.hostName, 'ann');
    assert.deepEqual(lines(world.store.events(member.room.id)), ['2 ann']);
    assert.deepEqual([world.hub.roomNames(), world.hub.roomCount, world.hub.memberCount], [['lobby'], 1, 1]);
    assert.equal(world.hub.findRoom('lobby'), member.room);
  });

  test('a room is not there before the store has it', async () => {
    const world = await openHubWorld();
    world.store.hold();
    const creating = world.hub.create(entry('lobby', 'ann'));
    await world.run();
    assert.deepEqual([world.hub.roomNames(), world.hub.findRoom('lobby')], [[], undefined]);
    assert.equal(await world.refusal(world.hub.create(entry('lobby', 'bob'))), 'ROOM_EXISTS');
    assert.equal(await world.refusal(world.hub.join(entry('lobby', 'bob'))), 'ROOM_NOT_FOUND');
    world.store.release();
    assert.equal((await world.done(creating)).joinSeq, 1);
    assert.deepEqual(world.hub.roomNames(), ['lobby']);
  });

  test('requests are refused with the code of what is wrong', async () => {
    const world = await openHubWorld();
    const { hub, refusal } = world;
    await create(world, 'lobby', 'ann');
    assert.equal(await refusal(hub.create(entry('lobby', 'bob'))), 'ROOM_EXISTS');
    assert.equal(await refusal(hub.join(entry('lobby', 'system'))), 'USER_NAME_INVALID');
    assert.equal(await refusal(hub.join(entry('lobby', ''))), 'USER_NAME_INVALID');
    assert.equal(await refusal(hub.create(entry(' lobby', 'bob'))), 'ROOM_NAME_INVALID');
    assert.equal(await refusal(hub.join(entry('cellar', 'bob'))), 'ROOM_NOT_FOUND');
    assert.equal(await refusal(hub.create(entry('vault', 'bob', { password: 'x'.repeat(1025) }))), 'PASSWORD_INVALID');
    assert.equal(await refusal(hub.join(entry('vault', 'bob'))), 'ROOM_NOT_FOUND', 'the name was not used up');
    assert.deepEqual([hub.roomCount, hub.memberCount], [1, 1]);
  });

  test('room names are case-sensitive', async () => {
    const world = await openHubWorld();
    await create(world, 'Lobby', 'ann');
    assert.equal(await world.refusal(world.hub.join(entry('lobby', 'bob'))), 'ROOM_NOT_FOUND');
  });

  test('an open room is made by joining it, by two at once in the same turn too', async () => {
    const world = await openHubWorld();
    const joining = ['ann', 'bob', 'cem'].map((user) => world.hub.join(entry('lobby', user), { makeOpen: true }));
    await world.run();
    const [ann, bob, cem] = await Promise.all(joining);
    assert.deepEqual([ann!.joinSeq, bob!.joinSeq, cem!.joinSeq], [1, 2, 3]);
    assert.equal(world.store.commits.length, 1);
    assert.equal(bob!.member.room, ann!.member.room);
    assert.deepEqual([ann!.member.room.kind, ann!.member.isHost, ann!.member.room.hostName], ['open', false, '']);
    assert.equal(world.hub.roomCount, 1);
    assert.deepEqual(world.store.complaints, []);
  });

  test('an open room that the store could not take is gone, for those who joined it a batch later too', async () => {
    const world = await openHubWorld({ limits: { commitBatchMax: 1 } });
    world.store.answerNext(new Error('disk full'));
    const codes = ['ann', 'bob'].map((user) => world.refusal(world.hub.join(entry('lobby', user), { makeOpen: true })));
    assert.deepEqual(await Promise.all(codes), ['STORE_FAILED', 'ROOM_CLOSED']);
    assert.deepEqual([world.hub.roomCount, world.hub.memberCount, world.store.complaints], [0, 0, []]);
    assert.equal((await join(world, 'lobby', 'cem', {}, { makeOpen: true })).joinSeq, 1);
  });

  test('so it is where a turn of the event loop is no longer than its promises', async () => {
    const store = new ScriptedStore();
    const limits = { ...defaultLimits, commitBatchMax: 1 };
    const secrets = fakeSecrets(1);
    const hub = await Hub.open({ store, clock: new SimClock(), secrets, schedule: queueMicrotask, limits });
    store.answerNext(new Error('disk full'));
    const requests = ['ann', 'bob', 'cem'].map((user) => hub.join(entry('lobby', user), { makeOpen: true }));
    const codes = (await Promise.allSettled(requests)).map((one) => one.status === 'rejected' && one.reason.code);
    assert.deepEqual(codes, ['STORE_FAILED', 'ROOM_CLOSED', 'ROOM_CLOSED']);
    assert.deepEqual([hub.roomCount, store.complaints], [0, []]);
  });

  test('an open room lives on when everybody has left', async () => {
    const { hub, ann, world } = await withLobby();
    hub.leave(ann);
    await world.run();
    const bob = await join(world, 'lobby', 'bob');
    assert.deepEqual(lines(world.store.events(bob.member.room.id)), ['2 ann', '3 ann', '2 bob']);
    assert.equal(bob.memberCount, 1);
  });

  test('the member count of an admission counts the new member and leaves out who left', async () => {
    const { hub, ann, world } = await withLobby();
    assert.equal((await join(world, 'lobby', 'bob')).memberCount, 2);
    assert.equal((await join(world, 'lobby', 'cem')).memberCount, 3);
    hub.leave(ann);
    assert.equal((await join(world, 'lobby', 'dee')).memberCount, 3);
  });

  test('a request that the store cannot take leaves nothing behind', async () => {
    const { hub, world, store } = await withLobby();
    store.fail();
    assert.equal(await world.refusal(hub.create(entry('cellar', 'bob'))), 'STORE_FAILED');
    assert.equal(await world.refusal(hub.join(entry('lobby', 'bob'))), 'STORE_FAILED');
    assert.deepEqual([hub.roomCount, hub.memberCount, hub.roomNames()], [1, 1, ['lobby']]);
    store.recover();
    assert.equal((await create(world, 'cellar', 'bob')).joinSeq, 1);
    assert.equal((await join(world, 'lobby', 'bob')).joinSeq, 2);
  });

  test('a second member of the same name has a token of its own and no power of the host', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'lobby', 'ann');
    const twin = await join(world, 'lobby', 'ann');
    assert.notEqual(twin.token, host.token);
    assert.deepEqual([twin.member.isHost, twin.memberCount], [false, 2]);
    assert.equal(world.hub.authenticate(twin.token, 'lobby', undefined), twin.member);
    world.hub.leave(twin.member);
    await world.run();
    assert.equal(world.hub.findRoom('lobby'), host.member.room, 'the room is still open');
    assert.equal(world.hub.authenticate(host.token, 'lobby', undefined), host.member);
  });
});

describe('leaving', () => {
  test('who leaves is out at once, and the room is told when the store has it', async () => {
    const { hub, ann, world, store, removed, room } = await withLobby();
    const bob = await join(world, 'lobby', 'bob');
    const outlet = new RecordingOutlet('ann');
    hub.attach(ann, new RecordingEncoding(), outlet);
    store.hold();
    hub.leave(bob.member);
    hub.leave(bob.member);
    assert.deepEqual([bob.member.state, hub.authenticate(bob.token, 'lobby', undefined)], ['left', undefined]);
    assert.deepEqual(say(world, bob.member, 'ghost'), ['refused NOT_A_MEMBER']);
    await world.run();
    assert.deepEqual([outlet.texts, removed], [[], []]);
    store.release();
    await world.run();
    assert.deepEqual([outlet.texts, removed], [['3 3 bob: '], [{ member: bob.member, reason: 'left' }]]);
    assert.deepEqual([[...room.members.keys()], store.members.has(bob.member.id)], [[ann.id], false]);
  });

  test('when the host leaves, the room closes, everybody is told, and no token opens anything any more', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'lobby', 'ann');
    const bob = await join(world, 'lobby', 'bob');
    const outlet = new RecordingOutlet('bob');
    const reader = world.hub.attach(bob.member, new RecordingEncoding(), outlet);
    world.hub.leave(host.member);
    assert.equal(world.hub.authenticate(host.token, 'lobby', undefined), undefined);
    assert.deepEqual(say(world, bob.member, 'too late'), ['refused ROOM_CLOSED']);
    await world.run();
    assert.deepEqual(outlet.texts, ['3 3 ann: ', '4 4 ann: ']);
    assert.equal(reader.state, 'detached');
    assert.equal(world.hub.authenticate(bob.token, 'lobby', undefined), undefined);
    assert.deepEqual(world.removed, [
      { member: host.member, reason: 'left' },
      { member: bob.member, reason: 'room-closed' },
    ]);
    assert.deepEqual([world.hub.roomCount, world.hub.memberCount, host.member.room.state], [0, 0, 'closed']);
    assert.deepEqual([world.store.openRooms, world.store.members.size], [[], 0]);
    assert.deepEqual(say(world, bob.member, 'much too late'), ['refused NOT_A_MEMBER']);
  });

  test('the name of a closing room is free at once, in the same turn too, and the old tokens do not open the new room', async () => {
    const world = await openHubWorld();
    const old = await create(world, 'lobby', 'ann');
    const bob = await join(world, 'lobby', 'bob');
    world.hub.leave(old.member);
    const fresh = await create(world, 'lobby', 'cem');
    assert.notEqual(fresh.member.room.id, old.member.room.id);
    assert.deepEqual(lines(world.store.events(old.member.room.id)), ['2 ann', '2 bob', '3 ann', '4 ann']);
    assert.deepEqual(lines(world.store.events(fresh.member.room.id)), ['2 cem']);
    assert.equal(world.hub.findRoom('lobby'), fresh.member.room);
    assert.equal(world.hub.authenticate(bob.token, 'lobby', undefined), undefined);
    assert.equal(world.hub.authenticate(fresh.token, 'lobby', undefined), fresh.member);
    assert.deepEqual(world.store.complaints, []);
  });

  test('a host who comes back under the same name is a new member, without the old room', async () => {
    const world = await openHubWorld();
    const first = await create(world, 'lobby', 'ann');
    world.hub.leave(first.member);
    const second = await create(world, 'lobby', 'ann');
    assert.notEqual(second.member.id, first.member.id);
    assert.equal(second.joinSeq, 1);
  });

  test('leaves and closings that the store could not take are tried again by the sweep, once each', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'hosted', 'ann');
    const bob = await join(world, 'hosted', 'bob');
    const cem = await join(world, 'hosted', 'cem');
    const outlet = new RecordingOutlet('cem');
    world.hub.attach(cem.member, new RecordingEncoding(), outlet);
    world.store.fail();
    world.hub.leave(bob.member);
    world.hub.leave(host.member);
    await world.run();
    world.hub.sweep();
    await world.run();
    assert.deepEqual([outlet.texts, world.removed, world.hub.memberCount], [[], [], 1]);
    assert.equal(await world.refusal(world.hub.create(entry('hosted', 'dee'))), 'STORE_FAILED');
    world.store.recover();
    world.hub.sweep();
    await world.run();
    assert.deepEqual(outlet.texts, ['4 3 bob: ', '5 3 ann: ', '6 4 ann: ']);
    assert.deepEqual(
      world.removed.map(({ member, reason }) => [member.user, reason]),
      [
        ['bob', 'left'],
        ['ann', 'left'],
        ['cem', 'room-closed'],
      ],
    );
    assert.deepEqual([world.faults.length, world.store.complaints], [1, []]);
  });

  test('a join that meets the closing of its room in one turn is refused, and nobody is told of a member that never was', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'lobby', 'ann');
    const joining = world.hub.join(entry('lobby', 'bob'));
    world.hub.leave(host.member);
    assert.equal(await world.refusal(joining), 'ROOM_CLOSED');
    assert.deepEqual(
      world.removed.map(({ member }) => member.user),
      ['ann'],
    );
    assert.deepEqual([world.hub.memberCount, world.store.complaints], [0, []]);
  });

  test('who leaves a closing room hears nothing more of it, and is gone with it', async () => {
    const world = await openHubWorld();
    const host = await create(world, 'lobby', 'ann');
    const bob = await join(world, 'lobby', 'bob');
    const outlet = new RecordingOutlet('bob');
    world.hub.attach(bob.member, new RecordingEncoding(), outlet);
    world.hub.leave(host.member);
    world.hub.leave(bob.member);
    await world.run();
    assert.deepEqual([outlet.texts, world.hub.memberCount], [[], 0]);
  });

  test('a member that is taken out while it is still joining leaves no trace in store or memory', async () => {
    for (const when of ['before the commit', 'during a commit that succeeds', 'during a commit that fails']) {
      for (const how of ['create', 'join'] as const) {
        const { hub, world, store, schedule } = await withLobby();
        const before = store.members.size;
        store.hold();
        const request = hub[how](entry(how === 'create' ? 'cellar' : 'lobby', 'bob'));
        await settlePromises();
        if (when !== 'before the commit') {
          schedule.runTurn();
          await settlePromises();
          assert.equal(store.held, 1);
        }
        const bob = [...hub.members()].find((member) => member.user === 'bob')!;
        hub.leave(bob);
        if (when.endsWith('fails')) store.answerNext(new Error('disk full'));
        store.release();
        await world.done(
          request.then(
            () => {},
            () => {},
          ),
        );
        assert.deepEqual([hub.memberCount, store.members.size, bob.state], [1, before, 'left'], `${how} ${when}`);
        assert.deepEqual([hub.roomNames(), store.openRooms.length], [['lobby'], 1], `${how} ${when}`);
        assert.deepEqual(store.complaints, [], `${how} ${when}`);
        // Whatever that left in the queue must not spoil what comes later.
        const cem = await join(world, 'lobby', 'cem');
        assert.equal((await create(world, 'cellar', 'dee')).joinSeq, 1);
        const stay = lines(store.events(cem.member.room.id)).filter((line) => line.endsWith('bob'));
        assert.ok(stay.length === 0 || stay.join() === '2 bob,3 bob', `${how} ${when}: ${stay.join()}`);
      }
    }
  });

  test('an observer that throws costs the others nothing', async () => {
    const world = await openHubWorld();
    const bug = new Error('observer threw');
    world.hub.observe({
      memberRemoved: () => {
        throw bug;
      },
      fault: () => {
        throw bug;
      },
    });
    const heard: string[] = [];
    world.hub.observe({ memberRemoved: (member) => heard.push(member.user) });
    const host = await create(world, 'lobby', 'ann');
    await join(world, 'lobby', 'bob');
    world.hub.leave(host.member);
    await world.run();
    assert.deepEqual(heard, ['ann', 'bob']);
    assert.deepEqual([world.faults, world.hub.memberCount], [[bug, bug], 0]);
  });
});

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

describe('posting', () => {
  test('a post is settled with its event after every reader was handed it', async () => {
    const { hub, ann, world } = await withLobby();
    const outlet = new RecordingOutlet('ann');
    hub.attach(ann, new RecordingEncoding(), outlet);
    let seenAtSettling = -1;
    hub.post(ann, {
      body: encoder.encode('hi'),
      settle: () => {
        seenAtSettling = outlet.units.length;
      },
    });
    assert.deepEqual(outlet.seqs, []);
    await world.run();
    assert.deepEqual([outlet.texts, seenAtSettling], [['2 1 ann: hi'], 1]);
  });

  test('posts of one turn keep their order and are one write to each reader', async () => {
    const { hub, ann, world } = await withLobby();
    const bob = (await join(world, 'lobby', 'bob')).member;
    const encoding = new RecordingEncoding();
    const outlet = new RecordingOutlet('ann');
    hub.attach(ann, encoding, outlet);
    const results = [say(world, ann, 'a'), say(world, bob, 'b'), say(world, ann, 'c')];
    await world.run();
    assert.deepEqual(outlet.texts, ['3 1 ann: a', '4 1 bob: b', '5 1 ann: c']);
    assert.deepEqual([encoding.deliveries.length, results], [1, [[3], [4], [5]]]);
  });

  test('a post carries its kind, target and client id into the log', async () => {
    const { ann, world, store, room, clock } = await withLobby();
    clock.setWall(1_700_000_000_123);
    say(world, ann, 'good');
    await world.run();
    say(world, ann, 'better', { kind: EventKind.EDIT, target: 2, clientId: 'dev1:9' });
    await world.run();
    const { kind, target, clientId, timeMs, author } = store.events(room.id)[2]!;
    assert.deepEqual([kind, target, clientId, timeMs, author], [6, 2, 'dev1:9', 1_700_000_000_123, ann.id]);
  });

  test('a post that the store could not take is settled as failed, and its number is given again', async () => {
    const { ann, world, store } = await withLobby();
    store.fail();
    const lost = say(world, ann, 'lost');
    await world.run();
    store.recover();
    const kept = say(world, ann, 'kept');
    await world.run();
    assert.deepEqual([lost, kept], [['STORE_FAILED'], [2]]);
  });

  test('a body at the limit is taken and one byte more is refused', async () => {
    const { ann, world } = await withLobby({ limits: { messageBytesMax: 10 } });
    const exact = say(world, ann, 'x'.repeat(10));
    await world.run();
    assert.deepEqual([exact, say(world, ann, 'x'.repeat(11))], [[2], ['refused MESSAGE_TOO_LONG']]);
  });

  test('kinds of the server, broken numbers and broken ids are refused', async () => {
    const { ann, world, store } = await withLobby();
    const { JOIN, LEAVE, CLOSE, NOTICE } = EventKind;
    const bad: Partial<Post>[] = [
      ...[JOIN, LEAVE, CLOSE, NOTICE, 0, -1, 1.5, Number.NaN, 2 ** 32].map((kind) => ({ kind })),
      ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((target) => ({ target })),
      ...[1, 31, 2.5, Number.NaN].map((kind) => ({ condition: { kind, seq: 0 } })),
      ...[-1, 0.5, Number.NaN].map((seq) => ({ condition: { kind: 40, seq } })),
      { clientId: 'x'.repeat(CLIENT_ID_LENGTH_MAX + 1) },
      { clientId: 'half \ud800' },
    ];
    for (const post of bad)
      assert.deepEqual(say(world, ann, 'x', post), ['refused POST_INVALID'], JSON.stringify(post));
    const fine = [{ kind: 32, target: 1 }, { kind: 2 ** 32 - 1 }, { clientId: '😀'.repeat(CLIENT_ID_LENGTH_MAX / 2) }];
    for (const post of fine) assert.deepEqual(say(world, ann, 'x', post), []);
    await world.run();
    assert.equal(store.events(ann.room.id).length, 4);
  });

  test('a condition lets one of two rivals through', async () => {
    const { ann, world } = await withLobby();
    const condition = { kind: 40, seq: 0 };
    const results = [1, 2].map(() => say(world, ann, 'commit', { kind: 40, condition }));
    await world.run();
    assert.deepEqual(results, [[2], ['CONDITION_FAILED']]);
    const next = say(world, ann, 'commit', { kind: 40, condition: { kind: 40, seq: 2 } });
    await world.run();
    assert.deepEqual(next, [3]);
  });

  test('the body that is kept is no view of the receive buffer', async () => {
    const { hub, ann, world, room } = await withLobby();
    const buffer = encoder.encode('....hello....');
    hub.post(ann, { body: buffer.subarray(4, 9) });
    buffer.fill(0);
    await world.run();
    const [change] = world.store.commits.at(-1)!;
    assert.ok(change?.type === 'event');
    const { body } = change.event;
    assert.deepEqual([decoder.decode(body), body.buffer.byteLength], ['hello', 5]);
    assert.equal(room.log.headSeq, 2);
  });

  test('a settle that throws costs nobody else the news', async () => {
    const { hub, ann, world, faults } = await withLobby();
    const bug = new Error('settle threw');
    const throwing = () => {
      throw bug;
    };
    hub.post(ann, { body: encoder.encode('a'), clientId: 'k', settle: throwing });
    const repeated = say(world, ann, 'a', { clientId: 'k' });
    const other = say(world, ann, 'b');
    await world.run();
    assert.deepEqual([repeated, other, faults], [[2], [3], [bug]]);
    const after = say(world, ann, 'c');
    await world.run();
    assert.deepEqual(after, [4]);
  });
});

describe('posts that come again', () => {
  test('one that the log has in memory is settled at once with the first event', async () => {
    const { ann, world, store } = await withLobby();
    say(world, ann, 'hi', { clientId: 'k' });
    await world.run();
    const commits = store.commits.length;
    assert.deepEqual(say(world, ann, 'hi', { clientId: 'k' }), [2]);
    await world.run();
    assert.equal(store.commits.length, commits);
  });

  test('one that is still pending is settled with the first, whichever it turns out to be', async () => {
    const { ann, world, store, room } = await withLobby();
    const results = [1, 2, 3].map(() => say(world, ann, 'hi', { clientId: 'k' }));
    await world.run();
    assert.deepEqual(results, [[2], [2], [2]]);
    store.fail();
    const failed = [1, 2].map(() => say(world, ann, 'ho', { clientId: 'k2' }));
    await world.run();
    assert.deepEqual(failed, [['STORE_FAILED'], ['STORE_FAILED']]);
    store.recover();
    const again = say(world, ann, 'ho', { clientId: 'k2' });
    await world.run();
    assert.deepEqual([again, room.pendingPosts.size, store.events(room.id).length], [[3], 0, 3]);
  });

  test('one that only the store remembers is settled with the first event and written once', async () => {
    const { ann, world, store, room } = await withLobby({ limits: { tailEventsMax: 1 } });
    say(world, ann, 'hi', { clientId: 'k' });
    await world.run();
    say(world, ann, 'something else');
    await world.run();
    const results = [say(world, ann, 'hi', { clientId: 'k' }), say(world, ann, 'new', { clientId: 'k2' })];
    await world.run();
    assert.deepEqual(results, [[2], [4]]);
    assert.deepEqual(lines(store.events(room.id)), ['2 ann', '1 ann: hi', '1 ann: something else', '1 ann: new']);
    assert.equal(room.pendingPosts.size, 0);
  });

  test('the same id in another room is another post', async () => {
    const { world, ann } = await withLobby();
    const bob = (await create(world, 'cellar', 'bob')).member;
    const results = [say(world, ann, 'a', { clientId: 'k' }), say(world, bob, 'b', { clientId: 'k' })];
    await world.run();
    assert.deepEqual(results, [[2], [2]]);
  });

  test('repetitions of a pending post are remembered up to a bound', async () => {
    const { ann, world, store } = await withLobby();
    store.hold();
    const results = Array.from({ length: 200 }, () => say(world, ann, 'hi', { clientId: 'k' }));
    await world.run();
    const refused = results.filter((result) => result[0] === 'refused RATE_LIMITED').length;
    assert.ok(refused >= 100, `${refused} refused`);
    store.release();
    await world.run();
    assert.equal(results.filter((result) => result.length === 1 && result[0] === 2).length, 200 - refused);
  });
});

describe('reading', () => {
  test('a reader that starts at its own admission misses nothing that came since', async () => {
    const { hub, world, ann } = await withLobby();
    const bob = await join(world, 'lobby', 'bob');
    say(world, ann, 'quick');
    await world.run();
    const outlet = new RecordingOutlet('bob');
    hub.attach(bob.member, new RecordingEncoding(), outlet, bob.joinSeq);
    say(world, ann, 'quicker');
    await world.run();
    assert.deepEqual(outlet.texts, ['3 1 ann: quick', '4 1 ann: quicker']);
  });

  test('a member has one reader: a new one takes the place of the old', async () => {
    const { hub, world, ann, room } = await withLobby();
    const encoding = new RecordingEncoding();
    const [first, second] = [new RecordingOutlet('tcp'), new RecordingOutlet('udp')];
    const old = hub.attach(ann, encoding, first!);
    const fresh = hub.attach(ann, encoding, second!);
    say(world, ann, 'hi');
    await world.run();
    assert.deepEqual([old.state, fresh.state, first!.seqs, second!.seqs], ['detached', 'live', [], [2]]);
    assert.deepEqual([ann.reader, room.fanout.groupCount], [fresh, 1]);
  });

  test('a reader of a member who is gone is detached from the start, and nothing is kept of it', async () => {
    const { hub, world, ann, room } = await withLobby();
    hub.leave(ann);
    const reader = hub.attach(ann, new RecordingEncoding(), new RecordingOutlet('ann'));
    await world.run();
    assert.deepEqual([reader.state, room.fanout.groupCount, ann.reader], ['detached', 0, undefined]);
  });

  test('a member who leaves during its own catching up is detached', async () => {
    const { hub, ann, room } = await withLobby();
    const encoding = new RecordingEncoding();
    encoding.onDeliver = () => hub.leave(ann);
    const reader = hub.attach(ann, encoding, new RecordingOutlet('ann'), 0);
    assert.deepEqual([reader.state, room.fanout.groupCount], ['detached', 0]);
  });

  test('members who leave during a delivery cost the others nothing', async () => {
    const { hub, world, ann, room } = await withLobby();
    const bob = (await join(world, 'lobby', 'bob')).member;
    const encoding = new RecordingEncoding();
    const outlet = new RecordingOutlet('bob');
    hub.attach(ann, encoding, new RecordingOutlet('ann'));
    hub.attach(bob, encoding, outlet);
    encoding.onDeliver = () => hub.leave(ann);
    say(world, bob, 'x');
    await world.run();
    assert.deepEqual(outlet.texts, ['3 1 bob: x', '4 3 ann: ']);
    assert.equal(room.members.size, 1);
  });

  test('the sweep retries a reader that a failing store stopped', async () => {
    const { hub, world, ann, store, faults } = await withLobby({ limits: { tailEventsMax: 1 } });
    for (const text of ['a', 'b', 'c']) say(world, ann, text);
    await world.run();
    store.readFailure = new Error('bad sector');
    const outlet = new RecordingOutlet('ann');
    hub.attach(ann, new RecordingEncoding(), outlet, 0);
    await world.run();
    assert.deepEqual([outlet.seqs, faults.length], [[], 1]);
    store.recover();
    hub.sweep();
    await world.run();
    assert.deepEqual(outlet.seqs, [1, 2, 3, 4]);
  });

  test('history gives what was asked for, within its bound', async () => {
    const { hub, world, ann, store } = await withLobby({ limits: { tailEventsMax: 2 } });
    for (const text of ['a', 'b', 'c']) say(world, ann, text);
    await world.run();
    const seqs = async (fromSeq: number, limit: number) =>
      (await hub.history(ann, fromSeq, limit)).map((event) => event.seq);
    assert.deepEqual([await seqs(2, 2), await seqs(4, 9), await seqs(5, 9)], [[2, 3], [4], []]);
    await hub.history(ann, 1, 1e9);
    assert.ok(store.reads.every(([, , limit]) => limit <= HISTORY_EVENTS_MAX));
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

describe('closing', () => {
  test('a closing hub refuses what is new, finishes what is under way, and lets go of the store', async () => {
    const { hub, world, ann, store } = await withLobby();
    store.hold();
    const post = say(world, ann, 'last words');
    const joining = hub.join(entry('lobby', 'bob'));
    const closing = hub.close();
    assert.deepEqual(say(world, ann, 'too late'), ['refused SERVER_CLOSING']);
    assert.equal(await world.refusal(hub.join(entry('lobby', 'cem'))), 'SERVER_CLOSING');
    assert.equal(await world.refusal(hub.create(entry('cellar', 'cem'))), 'SERVER_CLOSING');
    await world.run();
    assert.equal(store.isClosed, false);
    store.release();
    await world.done(closing);
    assert.deepEqual([post, (await joining).joinSeq, store.isClosed, store.complaints], [[2], 3, true, []]);
  });

  test('a password that is still being checked when the hub closes lets nobody in', async () => {
    const world = await openHubWorld();
    await create(world, 'vault', 'ann', { password: 'x' });
    world.secrets.hold();
    const joining = world.hub.join(entry('vault', 'bob', { password: 'x' }));
    const creating = world.hub.create(entry('cellar', 'cem', { password: 'x' }));
    await world.done(world.hub.close());
    world.secrets.release();
    const codes = await Promise.all([world.refusal(joining), world.refusal(creating)]);
    assert.deepEqual(codes, ['SERVER_CLOSING', 'SERVER_CLOSING']);
    assert.equal(world.hub.memberCount, 1);
  });

  test('closing twice closes the store once', async () => {
    const { hub, world, store } = await withLobby();
    let closings = 0;
    const { close } = store;
    store.close = () => {
      closings += 1;
      return close.call(store);
    };
    await world.done(Promise.all([hub.close(), hub.close()]));
    assert.equal(closings, 1);
  });

  test('a leave after closing is harmless', async () => {
    const { hub, world, ann } = await withLobby();
    await world.done(hub.close());
    hub.leave(ann);
    hub.saveProfile(ann, 'x');
    await world.run();
    hub.sweep();
    await world.run();
  });
});

describe('restart', () => {
  test('rooms, members, tokens, hosts and numbers are there again', async () => {
    const before = await openHubWorld();
    const host = await create(before, 'vault', 'ann', { password: 'hunter2', profile: 'udp 192.0.2.1:5' });
    const bob = await join(before, 'vault', 'bob', { password: 'hunter2' });
    const cem = await join(before, 'lobby', 'cem', {}, { makeOpen: true });
    before.hub.leave((await create(before, 'cellar', 'dee')).member);
    say(before, bob.member, 'hi', { clientId: 'k' });
    say(before, bob.member, 'commit', { kind: 40 });
    await before.done(before.hub.close());

    const after = await openHubWorld({ store: before.store.reopen(), seed: 2 });
    const { hub } = after;
    assert.deepEqual([hub.roomNames(), hub.memberCount], [['vault', 'lobby'], 3]);
    const annAgain = hub.authenticate(host.token, 'vault', '192.0.2.1')!;
    const bobAgain = hub.authenticate(bob.token, 'vault', '192.0.2.1')!;
    assert.deepEqual([annAgain.id, annAgain.isHost, annAgain.profile], [host.member.id, true, 'udp 192.0.2.1:5']);
    assert.equal(annAgain.room.hostName, 'ann');
    assert.equal(hub.authenticate(cem.token, 'lobby', undefined)?.id, cem.member.id);
    assert.equal(hub.authenticate(bob.token, 'vault', '192.0.2.9'), undefined);
    assert.equal(await after.refusal(hub.join(entry('vault', 'eve', { password: 'x' }))), 'PASSWORD_WRONG');

    const results = [
      say(after, bobAgain, 'hi', { clientId: 'k' }),
      say(after, bobAgain, 'rival', { kind: 40, condition: { kind: 40, seq: 0 } }),
      say(after, bobAgain, 'next', { kind: 40, condition: { kind: 40, seq: 4 } }),
    ];
    await after.run();
    assert.deepEqual(results, [[3], ['CONDITION_FAILED'], [5]]);
    const positions = [1, 2, 3].flatMap((id) => after.store.events(id).map((event) => event.position));
    assert.equal(new Set(positions).size, positions.length);

    const dee = await join(after, 'vault', 'dee', { password: 'hunter2' });
    assert.ok(dee.member.id > 4, 'no member id is given again');
    assert.equal((await create(after, 'cellar', 'dee')).member.room.id, 4, 'no room id is given again');
    hub.leave(annAgain);
    await after.run();
    assert.deepEqual(hub.roomNames(), ['lobby', 'cellar']);
    assert.deepEqual(after.store.complaints, []);
  });

  test('a kill in the middle of a commit leaves all of it or nothing, and reuses no number that anybody saw', async () => {
    const { world, ann, store } = await withLobby();
    const seen = say(world, ann, 'seen');
    await world.run();
    store.hold();
    const unseen = say(world, ann, 'unseen');
    await world.run();
    const after = await openHubWorld({ store: store.reopen() });
    assert.deepEqual([seen, unseen, after.hub.findRoom('lobby')?.log.headSeq], [[2], [], 2]);
  });

  test('a member of a room that is gone is passed over', async () => {
    const store = new ScriptedStore();
    const load = store.load.bind(store);
    const orphan = { id: 9, roomId: 7, user: 'ann', tokenDigest: 'd', address: '', profile: '', joinedMs: 0 };
    store.load = async () => ({ ...(await load()), members: [orphan] });
    assert.equal((await openHubWorld({ store })).hub.memberCount, 0);
  });

  test('members that were loaded count as heard when the server starts', async () => {
    const before = await withLobby();
    const clock = new SimClock({ monotonicMs: 99_000_000 });
    const { hub } = await openHubWorld({ store: before.store.reopen(), clock });
    for (const member of hub.members()) member.timeoutMs = 1000;
    hub.sweep();
    assert.equal(hub.memberCount, 1);
    clock.advance(1001);
    hub.sweep();
    assert.equal(hub.memberCount, 0);
  });
});

describe('cursors', () => {
  test('a cursor is valid up to the head of its own room in the present epoch', async () => {
    const { hub, world, ann, room } = await withLobby();
    say(world, ann, 'hi');
    await world.run();
    const at = (seq: number, more = {}) => hub.isCursorValid(room, { roomId: room.id, epoch: hub.epoch, seq, ...more });
    assert.deepEqual([await at(0), await at(1), await at(2), await at(3)], [true, true, true, false]);
    assert.deepEqual([await at(-1), await at(Number.NaN), await at(1, { roomId: 77 })], [false, false, false]);
    assert.equal(await at(1, { epoch: hub.epoch + 1 }), false, 'an epoch that has not been');
  });

  test('after a plain restart cursors are as valid as before', async () => {
    const { hub, store, room } = await withLobby();
    const after = await openHubWorld({ store: store.reopen() });
    const cursor = { roomId: room.id, epoch: hub.epoch, seq: 1 };
    assert.equal(await after.hub.isCursorValid(after.hub.findRoom('lobby')!, cursor), true);
  });

  test('after a power failure a cursor into what was lost is not valid, though its number was given again', async () => {
    const { hub, world, ann, store, room } = await withLobby();
    for (const text of ['a', 'b', 'lost', 'lost too']) say(world, ann, text);
    await world.run();
    const after = await openHubWorld({ store: store.reopenCutShort(room.id, 2) });
    const annAgain = [...after.hub.members()][0]!;
    for (const text of ['new', 'newer', 'newest']) say(after, annAgain, text);
    await after.run();
    const at = (epoch: number, seq: number) => after.hub.isCursorValid(annAgain.room, { roomId: room.id, epoch, seq });
    const old = hub.epoch;
    assert.deepEqual(
      [await at(old, 0), await at(old, 3), await at(old, 4), await at(old, 5), await at(old, 6)],
      [true, true, false, false, false],
    );
    assert.deepEqual([await at(old + 1, 5), await at(old - 1, 2), await at(old - 1, 0)], [true, false, true]);
  });
});
