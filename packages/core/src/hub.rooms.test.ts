import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  entry,
  fakeSecrets,
  openHubWorld,
  RecordingEncoding,
  RecordingOutlet,
  ScriptedStore,
  SimClock,
  settlePromises,
} from '@confab/testing';
import { create, join, lines, say, withLobby } from './fixtures/hub-acts.ts';
import { Hub } from './hub.ts';
import { defaultLimits } from './limits.ts';

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
