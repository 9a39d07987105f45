import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  entry,
  type HubWorld,
  openHubWorld,
  propertyRuns,
  RecordingEncoding,
  RecordingOutlet,
  settlePromises,
} from '@confab/testing';
import fc from 'fast-check';
import { CoreError } from './errors.ts';
import { EventKind, type RoomEvent } from './event.ts';
import type { Limits } from './limits.ts';
import type { Member } from './member.ts';
import type { Reader } from './reader.ts';
import type { Admission, Entry } from './requests.ts';

/*
 * The hub against a naive model, under random requests, a store that holds and fails, readers that pause, and restarts.
 * Nothing here knows how the hub does it; the scripted store's disk is the truth about what was written.
 */

const ROOM_NAMES = ['lobby', 'cellar', 'attic'];
const USER_NAMES = ['ann', 'bob'];
const TIMEOUT_MS = 10_000;

const index = fc.nat(20);
const stepArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('create'), room: fc.nat(2), user: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('join'), room: fc.nat(2), user: fc.nat(1), makeOpen: fc.boolean() }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('post'), member: index, clientId: fc.option(fc.nat(3)) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('rivals'), member: index, other: index }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('leave'), member: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('profile'), member: index }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('attach'),
      member: index,
      back: fc.nat(8),
      group: fc.nat(2),
      units: fc.nat(4),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('drain'), reader: index, units: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('pause'), reader: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('sweep'), ms: fc.nat(4000), touched: fc.array(index) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('turn') }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('run') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('hold', 'release', 'releaseOnce') }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('fail', 'recover', 'failReads', 'holdReads', 'releaseReads') }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart') }) },
);
type Step = typeof stepArbitrary extends fc.Arbitrary<infer One> ? One : never;

const limitsArbitrary: fc.Arbitrary<Partial<Limits>> = fc.record({
  tailEventsMax: fc.nat(5),
  commitBatchMax: fc.integer({ min: 1, max: 6 }),
  roomMembersMax: fc.integer({ min: 2, max: 6 }),
});

interface ModelMember {
  member: Member;
  readonly id: number;
  readonly token: string;
  readonly roomId: number;
  readonly roomName: string;
  readonly isHost: boolean;
  /** Asked to leave, or its room was, whether the store knows of it yet or not. */
  isGone: boolean;
  /** Sequence number of its JOIN. */
  readonly joinSeq: number;
}

interface ModelPost {
  readonly roomId: number;
  readonly text: string;
  readonly clientId: string | undefined;
  result: RoomEvent | CoreError | undefined;
  /** Its process died before it was settled: it may be in the log or not. */
  isForgotten: boolean;
}

interface ModelReader {
  readonly roomId: number;
  readonly start: number;
  readonly outlet: RecordingOutlet;
  readonly reader: Reader<RecordingOutlet>;
  checked: number;
  /** Its process died, and the reader with it. */
  isDead: boolean;
}

class Run {
  world: HubWorld;
  readonly members: ModelMember[] = [];
  readonly posts: ModelPost[] = [];
  readonly readers: ModelReader[] = [];
  /** Requests to create or join that are under way. */
  pending = 0;
  readonly #limits: Partial<Limits>;
  readonly #encodings: RecordingEncoding[];
  /** What anybody was ever shown under a room's sequence number. */
  readonly #shown = new Map<string, string>();
  #generation = 1;
  #texts = 0;

  constructor(world: HubWorld, limits: Partial<Limits>) {
    this.world = world;
    this.#limits = limits;
    this.#encodings = ['text', 'binary', 'echoless'].map((name) => {
      const encoding = new RecordingEncoding({ name, isReplayed: name !== 'binary' });
      encoding.onDeliver = (units, readers) => {
        const { roomId } = this.#found.get(readers[0]!.memberId) ?? {};
        const written = roomId === undefined ? units.length : this.world.store.events(roomId).length;
        for (const unit of units)
          assert.ok(unit.seq <= written || roomId === undefined, 'shown before the store answered');
      };
      return encoding;
    });
  }

  /** Members by id, as soon as they have a reader. */
  readonly #found = new Map<number, ModelMember>();

  get #here(): ModelMember[] {
    return this.members.filter((member) => !member.isGone);
  }

  /** Nothing is under way and the store works: what is asked for now must go exactly as the model says. */
  get #isCalm(): boolean {
    const { store, schedule } = this.world;
    const isQuiet = schedule.pending === 0 && store.held === 0 && this.pending === 0;
    return isQuiet && store.commitFailure === undefined && !this.#isHolding && this.posts.every(isSettled);
  }

  #isHolding = false;

  async take(step: Step): Promise<void> {
    const { world } = this;
    const { hub, store } = world;
    switch (step.type) {
      case 'create':
      case 'join':
        await this.#enter(step as Step & { room: number; user: number; makeOpen?: boolean });
        break;
      case 'post': {
        const { clientId } = step as { clientId: number | null };
        const author = this.#member(step);
        if (author !== undefined) this.#post(author, clientId === null ? undefined : `${author.id}:${clientId}`);
        break;
      }
      case 'rivals': {
        // Two members of one room name the same predecessor: at most one may follow it.
        const first = this.#member(step);
        if (first === undefined) break;
        const rivals = this.#here.filter((member) => member.roomId === first.roomId);
        const second = rivals[(step as { other: number }).other % rivals.length]!;
        const seq = store.events(first.roomId).findLast((event) => event.kind === 40)?.seq ?? 0;
        for (const rival of [first, second]) this.#post(rival, undefined, { kind: 40, seq });
        break;
      }
      case 'leave': {
        const leaver = this.#member(step);
        if (leaver !== undefined) this.#leave(leaver);
        break;
      }
      case 'profile': {
        const changed = this.#member(step);
        if (changed !== undefined) hub.saveProfile(changed.member, `profile ${this.#texts}`);
        this.#texts += 1;
        break;
      }
      case 'attach': {
        const reading = this.#member(step);
        const { back, group, units } = step as { back: number; group: number; units: number };
        if (reading !== undefined) this.#attach(reading, group, back, units);
        break;
      }
      case 'drain':
        this.#reader(step)?.outlet.drain((step as { units: number }).units);
        break;
      case 'pause':
        this.#reader(step)?.reader.pause();
        break;
      case 'sweep': {
        const { ms, touched } = step as { ms: number; touched: number[] };
        world.clock.advance(ms);
        for (const one of touched) if (this.#here.length > 0) hub.touch(this.#here[one % this.#here.length]!.member);
        this.#sweep();
        break;
      }
      case 'turn':
        world.schedule.runTurn();
        break;
      case 'run':
        await world.run();
        break;
      case 'hold':
        store.hold();
        this.#isHolding = true;
        break;
      case 'release':
        store.release();
        this.#isHolding = false;
        break;
      case 'releaseOnce':
        if (this.#isHolding) store.releaseOnce();
        break;
      case 'fail':
        store.fail();
        break;
      case 'recover':
        store.recover();
        break;
      case 'failReads':
        store.readFailure = new Error('bad sector');
        break;
      case 'holdReads':
        store.holdReads();
        break;
      case 'releaseReads':
        store.releaseReads();
        break;
      case 'restart':
        await this.#restart();
        break;
    }
    await settlePromises();
    this.check();
  }

  #sweep(): void {
    const { clock, hub } = this.world;
    const nowMs = clock.monotonicMs();
    const silent = this.#here.filter(({ member }) => nowMs - member.heardMs > TIMEOUT_MS);
    hub.sweep();
    for (const member of silent) this.#noteGone(member);
  }

  async #enter(step: { type: string; room: number; user: number; makeOpen?: boolean }): Promise<void> {
    const { hub } = this.world;
    const name = ROOM_NAMES[step.room]!;
    const asked: Entry = entry(name, USER_NAMES[step.user]!, { timeoutMs: TIMEOUT_MS });
    let expected: string | undefined;
    if (this.#isCalm) {
      // A leave or a closing may still wait for the store that works again by now.
      this.#sweep();
      await this.world.run();
      expected = this.#expectedEntry(step, name);
    }
    this.pending += 1;
    const { world } = this;
    const outcome = (
      step.type === 'create' ? hub.create(asked) : hub.join(asked, { makeOpen: step.makeOpen === true })
    ).then(
      (admission) => {
        this.pending -= 1;
        if (this.world === world) this.#admit(admission);
        return 'in';
      },
      (error: unknown) => {
        this.pending -= 1;
        assert.ok(error instanceof CoreError, String(error));
        return error.code;
      },
    );
    if (expected === undefined) return;
    await this.world.run();
    assert.equal(await outcome, expected, `${step.type} ${name}`);
  }

  #expectedEntry(step: { type: string; makeOpen?: boolean }, name: string): string {
    const isThere = this.world.hub.findRoom(name) !== undefined;
    // An open room outlives its members, so the disk is asked for it.
    assert.equal(
      isThere,
      this.world.store.openRooms.some((room) => room.name === name),
      `room ${name}`,
    );
    if (step.type === 'create') return isThere ? 'ROOM_EXISTS' : 'in';
    if (!isThere) return step.makeOpen === true ? 'in' : 'ROOM_NOT_FOUND';
    const inside = this.#here.filter((member) => member.roomName === name).length;
    return inside >= this.world.hub.limits.roomMembersMax ? 'ROOM_FULL' : 'in';
  }

  #admit({ member, token, joinSeq }: Admission): void {
    const { id, room } = member;
    const join = this.world.store.events(room.id)[joinSeq - 1];
    assert.deepEqual([join?.kind, join?.author], [EventKind.JOIN, id], 'let in before the store knew');
    assert.ok(!this.members.some((other) => other.id === id), 'a member id was given twice');
    // A room that is closing took it in just before its host left.
    const isGone = member.state === 'left' || room.state !== 'open';
    const { isHost } = member;
    this.members.push({ member, id, token, roomId: room.id, roomName: room.name, isHost, isGone, joinSeq });
  }

  #post(author: ModelMember, clientId: string | undefined, condition?: { kind: number; seq: number }): void {
    this.#texts += 1;
    const text = clientId === undefined ? `text ${this.#texts}` : `text of ${clientId}`;
    const post: ModelPost = { roomId: author.roomId, text, clientId, result: undefined, isForgotten: false };
    const { world } = this;
    const refusal = world.hub.post(author.member, {
      body: new TextEncoder().encode(text),
      clientId,
      condition,
      kind: condition?.kind ?? EventKind.MESSAGE,
      settle: (result) => {
        assert.equal(this.world, world, 'settled after the process died');
        assert.equal(post.result, undefined, 'settled twice');
        post.result = result;
        if (!(result instanceof CoreError)) this.#checkAccepted(post, result);
      },
    });
    assert.equal(refusal?.message, undefined);
    this.posts.push(post);
  }

  #checkAccepted(post: ModelPost, event: RoomEvent): void {
    this.#note(event);
    const same = this.world.store.events(post.roomId).filter((one) => decode(one) === post.text);
    assert.deepEqual(same, [event], 'an accepted post is in the log exactly once');
    for (const { roomId, reader, isDead } of this.readers) {
      if (!isDead && roomId === post.roomId && reader.state === 'live')
        assert.ok(reader.cursor >= event.seq, 'told before published');
    }
  }

  #leave(leaver: ModelMember): void {
    this.world.hub.leave(leaver.member);
    this.#noteGone(leaver);
  }

  #noteGone(leaver: ModelMember): void {
    leaver.isGone = true;
    if (leaver.isHost) for (const other of this.members) if (other.roomId === leaver.roomId) other.isGone = true;
  }

  #attach(reading: ModelMember, group: number, back: number, units: number): void {
    const head = reading.member.room.log.headSeq;
    const start = Math.max(0, head - back);
    const outlet = new RecordingOutlet(`member ${reading.id}`, units === 0 ? Number.POSITIVE_INFINITY : units);
    this.#found.set(reading.id, reading);
    const reader = this.world.hub.attach(reading.member, this.#encodings[group]!, outlet, start);
    this.readers.push({ roomId: reading.roomId, start, outlet, reader, checked: 0, isDead: false });
  }

  async #restart(): Promise<void> {
    const left = this.members.filter((member) => member.isGone).map((member) => member.id);
    for (const post of this.posts) if (!isSettled(post)) post.isForgotten = true;
    const cursors: Reader<RecordingOutlet>[] = [];
    for (const one of this.readers) {
      if (!one.isDead && one.reader.state !== 'detached') cursors.push(one.reader);
      one.isDead = true;
    }
    this.pending = 0;
    this.#isHolding = false;
    this.#generation += 1;
    const { clock } = this.world;
    assert.deepEqual(this.world.store.complaints, []);
    const store = this.world.store.reopen();
    this.world = await openHubWorld({ store, clock, limits: this.#limits, seed: this.#generation });
    const { hub } = this.world;
    for (const known of this.#here) {
      const member = hub.authenticate(known.token, known.roomName, '192.0.2.1');
      assert.deepEqual([member?.id, member?.isHost], [known.id, known.isHost], 'a member is gone');
      known.member = member!;
      member!.timeoutMs = TIMEOUT_MS;
    }
    // Who was leaving when the process died is back, as silent as before; a time-out will find it.
    const here = new Set(this.#here.map((member) => member.id));
    for (const member of hub.members()) {
      if (here.has(member.id)) continue;
      assert.ok(left.includes(member.id), 'a member nobody let in');
      hub.leave(member, 'timed-out');
    }
    // Everybody goes on reading from its old cursor, on another path.
    for (const { memberId, cursor } of cursors) {
      const reading = this.#here.find((member) => member.id === memberId);
      if (reading === undefined) continue;
      assert.ok(cursor <= reading.member.room.log.headSeq, 'a published number is gone');
      this.#attach(reading, memberId % 3, reading.member.room.log.headSeq - cursor, 0);
    }
  }

  check(): void {
    const { store, hub, faults } = this.world;
    assert.deepEqual(store.complaints, []);
    for (const fault of faults)
      assert.ok(fault instanceof Error && /disk is full|bad sector/.test(fault.message), String(fault));
    for (const one of this.readers) {
      const { units } = one.outlet;
      const events = store.events(one.roomId);
      for (; one.checked < units.length; one.checked += 1) {
        const unit = units[one.checked]!;
        assert.equal(unit.seq, one.start + one.checked + 1, 'a gap or a double');
        const event = events[unit.seq - 1]!;
        this.#note(event);
        assert.equal(
          new TextDecoder().decode(unit.bytes),
          `${event.seq} ${event.kind} ${event.user}: ${decode(event)}`,
          'not what the log says',
        );
      }
      assert.deepEqual(one.outlet.skipped, []);
      if (one.reader.state === 'live' && !one.isDead) {
        assert.equal(one.reader.cursor, one.start + units.length);
      }
    }
    for (const { member, token, roomName, isGone } of this.members) {
      const found = hub.authenticate(token, roomName, undefined);
      if (!isGone) assert.equal(found, member, 'a token that does not open');
    }
  }

  /** The store works again and everything settles: now nothing may be missing. */
  async finish(): Promise<void> {
    const { store, schedule } = this.world;
    store.recover();
    store.release();
    store.releaseReads();
    await schedule.runUntilIdle();
    this.#sweep();
    await schedule.runUntilIdle();
    for (const { outlet, reader, isDead } of this.readers) {
      if (isDead) continue;
      outlet.roomUnits = Number.POSITIVE_INFINITY;
      reader.resume();
    }
    await schedule.runUntilIdle();
    this.check();
    assert.equal(this.pending, 0, 'a request was never answered');
    for (const post of this.posts) {
      assert.ok(isSettled(post), `${post.text} was never settled`);
      const same = store.events(post.roomId).filter((event) => decode(event) === post.text);
      if (post.result instanceof CoreError && post.clientId === undefined)
        assert.deepEqual(same, [], 'refused and written');
      else if (post.result !== undefined && !(post.result instanceof CoreError)) assert.equal(same.length, 1);
      assert.ok(same.length <= 1);
    }
    for (const { roomId, reader, start, outlet, isDead } of this.readers) {
      if (isDead || reader.state === 'detached') continue;
      const isOurs = this.#here.some(({ member }) => member.reader === reader);
      if (!isOurs) continue;
      assert.deepEqual([reader.state, start + outlet.units.length], ['live', store.events(roomId).length]);
    }
    this.#checkMembership();
    for (const [key, shown] of this.#shown) {
      const [roomId, seq] = key.split(':').map(Number);
      assert.equal(fingerprint(store.events(roomId!)[seq! - 1]!), shown, 'a sequence number was used twice');
    }
  }

  #checkMembership(): void {
    const { store, hub } = this.world;
    const here = this.#here.map((member) => member.id).sort((a, b) => a - b);
    assert.deepEqual(
      [...hub.members()].map((member) => member.id).sort((a, b) => a - b),
      here,
    );
    assert.deepEqual(
      [...store.members.keys()].sort((a, b) => a - b),
      here,
      'rows in the store',
    );
    const positions: number[] = [];
    const folded: number[] = [];
    for (const roomId of store.roomIds) {
      const inside = new Set<number>();
      const clientIds = new Set<string>();
      const rivals = new Set<number>();
      for (const [at, event] of store.events(roomId).entries()) {
        assert.equal(event.seq, at + 1);
        positions.push(event.position);
        if (event.kind === EventKind.JOIN) inside.add(event.author);
        else assert.ok(inside.has(event.author) || event.kind === EventKind.CLOSE, 'somebody who is not in the room');
        if (event.kind === EventKind.LEAVE) inside.delete(event.author);
        if (event.kind === EventKind.CLOSE) {
          assert.equal(event.seq, store.events(roomId).length, 'something follows the end');
          inside.clear();
        }
        if (event.kind === 40) rivals.add(event.seq);
        if (event.clientId !== undefined) {
          assert.ok(!clientIds.has(event.clientId), 'a client id was taken twice');
          clientIds.add(event.clientId);
        }
      }
      folded.push(...inside);
    }
    assert.equal(new Set(positions).size, positions.length, 'a position was given twice');
    assert.deepEqual(
      folded.sort((a, b) => a - b),
      here,
      'the logs tell of other members',
    );
    assert.deepEqual(hub.roomNames().sort(), store.openRooms.map((room) => room.name).sort());
    for (const name of hub.roomNames()) {
      const room = hub.findRoom(name)!;
      assert.equal(room.pendingPosts.size, 0, 'a settled post is still remembered');
      if (room.kind === 'hosted') assert.ok(room.members.has(room.hostId!), 'a hosted room without its host');
    }
  }

  #note(event: RoomEvent): void {
    const key = `${event.roomId}:${event.seq}`;
    const shown = this.#shown.get(key);
    if (shown === undefined) this.#shown.set(key, fingerprint(event));
    else assert.equal(fingerprint(event), shown, 'a sequence number was used twice');
  }

  #member(step: object): ModelMember | undefined {
    const here = this.#here;
    return here.length === 0 ? undefined : here[(step as { member: number }).member % here.length];
  }

  #reader(step: object): ModelReader | undefined {
    const newest = this.readers.filter((one) => !one.isDead).slice(-8);
    return newest.length === 0 ? undefined : newest[(step as { reader: number }).reader % newest.length];
  }
}

function isSettled(post: ModelPost): boolean {
  return post.result !== undefined || post.isForgotten;
}

function decode(event: RoomEvent): string {
  return new TextDecoder().decode(event.body);
}

function fingerprint(event: RoomEvent): string {
  const { kind, author, user, clientId, position } = event;
  return JSON.stringify([kind, author, user, clientId, position, decode(event)]);
}

test('whatever is asked for and however the store fails: every reader is shown the log once and in order, what was accepted is in it once, nothing is shown before it is stored', async () => {
  const scenario = fc.array(stepArbitrary, { maxLength: 80, size: 'max' });
  await fc.assert(
    fc.asyncProperty(limitsArbitrary, scenario, async (limits, steps) => {
      const run = new Run(await openHubWorld({ limits }), limits);
      for (const step of steps) await run.take(step);
      await run.finish();
    }),
    { numRuns: propertyRuns() },
  );
});
