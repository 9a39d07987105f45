import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openHubWorld, RecordingEncoding, RecordingOutlet } from '@confab/testing';
import { EventKind } from './event.ts';
import { create, join, lines, say, withLobby } from './fixtures/hub-acts.ts';
import { HISTORY_EVENTS_MAX } from './hub.ts';
import { CLIENT_ID_LENGTH_MAX } from './post-rules.ts';
import type { Post } from './requests.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

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
