import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadedState, StoreChange } from '@confab/core';
import {
  appendEvent,
  closeRoom,
  exampleEvent,
  exampleMember,
  exampleRoom,
  ManualTimers,
  putMember,
  putRoom,
  SimClock,
} from '@confab/testing';
import { decodeEvents } from './event-codec.ts';
import type { JournalBounds } from './options.ts';
import { QuickCommits } from './quick-commits.ts';

const bounds: JournalBounds = {
  handOverMs: 20,
  handOverBytes: 500,
  bytesMax: 1_000,
  stallMs: 100,
  stallShare: 0.1,
  pauseMs: 5_000,
};

const loaded: LoadedState = {
  epoch: 1,
  epochStartPosition: 0,
  lastPosition: 7,
  lastRoomId: 1,
  lastMemberId: 3,
  rooms: [{ ...exampleRoom(1), firstSeq: 1, lastSeq: 7, lastSeqByKind: new Map() }],
  members: [],
  names: [],
};

/** A journal and a database that do as they are told. Its room has seven events, its author is number 3 at most. */
class World {
  readonly clock = new SimClock();
  readonly timers = new ManualTimers(this.clock);
  readonly quick: QuickCommits;
  /** Sequence numbers, batch by batch. */
  readonly journaled: number[][] = [];
  readonly given: number[][] = [];
  readonly answers: { resolve(): void; reject(error: Error): void }[] = [];
  /** What series were asked for, and the questions. */
  readonly asked: string[] = [];
  readonly highest: { resolve(number: number): void; reject(error: Error): void }[] = [];
  rewinds = 0;
  bytes = 0;
  isOurs = true;
  writeMs = 0;
  fault: Error | undefined;
  #seq = 7;

  constructor() {
    const world = this;
    this.quick = new QuickCommits({
      journal: {
        append: (records) => {
          this.clock.advance(this.writeMs);
          if (this.fault !== undefined) throw this.fault;
          this.journaled.push(decodeEvents(records).map(({ seq }) => seq));
          this.bytes += records.length;
        },
        get bytes() {
          return world.bytes;
        },
        get isOurs() {
          return world.isOurs;
        },
        rewind: () => {
          this.rewinds += 1;
          this.bytes = 0;
        },
        close: () => undefined,
      },
      bounds,
      take: (records) => {
        this.given.push(decodeEvents(records).map(({ seq }) => seq));
        return new Promise<void>((resolve, reject) => this.answers.push({ resolve, reject }));
      },
      highestOf: (roomId, series) => {
        this.asked.push(`${roomId} ${series}`);
        return new Promise<number>((resolve, reject) => this.highest.push({ resolve, reject }));
      },
      nowMs: () => this.clock.monotonicMs(),
      after: (ms, task) => {
        const timer = this.timers.set(ms, task);
        return () => this.timers.clear(timer);
      },
    });
    this.quick.restore(loaded);
  }

  /** The next event of the room, committed quickly or, if not, by the database. */
  say(more: Parameters<typeof exampleEvent>[1] = {}): boolean {
    const changes = [appendEvent(exampleEvent(this.#seq + 1, more))];
    const isQuick = this.quick.commit(changes);
    if (!isQuick) this.quick.committed(changes);
    this.#seq += 1;
    return isQuick;
  }

  isQuick(...changes: StoreChange[]): boolean {
    return this.quick.commit(changes);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a commit is done when the journal has it', () => {
  test('if it is nothing but events, each the next of its room’s log', () => {
    const world = new World();
    assert.equal(world.isQuick(appendEvent(exampleEvent(8)), appendEvent(exampleEvent(9))), true);
    assert.equal(world.isQuick(appendEvent(exampleEvent(10, { author: 3 }))), true);
    assert.deepEqual(world.journaled, [[8, 9], [10]]);
    assert.deepEqual(world.given, []);
  });

  test('not if it has a client id, a new author, an event out of turn or anything else: then nothing has happened', () => {
    const world = new World();
    const next = appendEvent(exampleEvent(8));
    assert.equal(world.isQuick(), false);
    assert.equal(world.isQuick(next, appendEvent(exampleEvent(9, { clientId: 'a' }))), false);
    assert.equal(world.isQuick(next, appendEvent(exampleEvent(9, { author: 4 }))), false);
    assert.equal(world.isQuick(next, appendEvent(exampleEvent(8, { position: 9 }))), false);
    assert.equal(world.isQuick(next, appendEvent(exampleEvent(10))), false);
    assert.equal(world.isQuick(next, appendEvent(exampleEvent(9, { position: 8 }))), false);
    assert.equal(world.isQuick(next, appendEvent(exampleEvent(1, { roomId: 2, position: 9 }))), false);
    assert.equal(world.isQuick(next, putMember(exampleMember(4, 1))), false);
    assert.equal(world.isQuick(next, closeRoom(1)), false);
    assert.deepEqual(world.journaled, []);
    assert.equal(world.isQuick(next), true);
  });

  test('of what the database has committed meanwhile', () => {
    const world = new World();
    const changes = [
      putRoom(exampleRoom(2)),
      putMember(exampleMember(4, 2)),
      appendEvent(exampleEvent(1, { roomId: 2, position: 8, author: 4, clientId: 'a' })),
    ];
    assert.equal(world.quick.commit(changes), false);
    world.quick.committed(changes);
    assert.equal(world.isQuick(appendEvent(exampleEvent(2, { roomId: 2, position: 9, author: 4 }))), true);
    world.quick.committed([closeRoom(2)]);
    assert.equal(world.isQuick(appendEvent(exampleEvent(3, { roomId: 2, position: 10, author: 4 }))), false);
  });

  test('if its client ids count up from the highest one that the database has of their series', async () => {
    const world = new World();
    assert.equal(world.say({ clientId: 'outbox/1' }), false);
    assert.equal(world.say({ clientId: 'outbox/2' }), false, 'the database has not answered yet');
    assert.deepEqual(world.asked, ['1 outbox/']);
    world.highest.shift()?.resolve(1);
    await settled();
    assert.equal(world.say({ clientId: 'outbox/2' }), false, 'committed since it was asked');
    assert.equal(world.say({ clientId: 'outbox/3' }), true);
    assert.equal(world.say({ clientId: 'outbox/3' }), false);
    assert.equal(world.say({ clientId: 'outbox/10' }), true);
    assert.equal(world.say({ clientId: 'outbox/9' }), false, 'whether it has this one, the database knows');
    for (const clientId of ['outbox', 'outbox/', 'outbox/011', 'outbox/1234567890123456', 'other/11'])
      assert.equal(world.say({ clientId }), false, clientId);
    assert.equal(world.say(), true, 'without an id');
    assert.deepEqual(world.asked, ['1 outbox/', '1 other/'], 'nobody asks for what is in no series');
  });

  test('also when several of a series are in one batch, but none of them twice', async () => {
    const world = new World();
    world.say({ clientId: 'a1' });
    world.highest.shift()?.resolve(4);
    await settled();
    const next = (seq: number, clientId: string) => appendEvent(exampleEvent(seq, { clientId }));
    assert.equal(world.isQuick(next(9, 'a5'), next(10, 'a5')), false);
    assert.equal(world.isQuick(next(9, 'a4'), next(10, 'a5')), false);
    assert.equal(world.isQuick(next(9, 'a5'), next(10, 'a6')), true);
    assert.equal(world.isQuick(next(11, 'a6')), false);
  });

  test('not if nobody could tell what the database has of the series; then it is asked again', async () => {
    const world = new World();
    world.say({ clientId: 'a1' });
    world.highest.shift()?.reject(new Error('it was closed'));
    await settled();
    assert.equal(world.say({ clientId: 'a2' }), false);
    world.highest.shift()?.resolve(2);
    await settled();
    assert.equal(world.say({ clientId: 'a3' }), true);
  });

  test('not before it is known what the database has, nor after it took what breaks a rule', () => {
    const world = new World();
    world.quick.committed([appendEvent(exampleEvent(99, { position: 8 }))]);
    assert.equal(world.isQuick(appendEvent(exampleEvent(8))), false);
    world.quick.restore(loaded);
    assert.equal(world.isQuick(appendEvent(exampleEvent(8))), true);
  });

  test('never after another process has taken the folder', () => {
    const world = new World();
    world.isOurs = false;
    assert.throws(() => world.say(), { code: 'STORE_FENCED' });
    assert.deepEqual(world.journaled, []);
  });
});

describe('the database gets what the journal has', () => {
  test('20 ms later, all of it at once', () => {
    const world = new World();
    world.say();
    world.timers.advance(10);
    world.say();
    world.timers.advance(9);
    assert.deepEqual(world.given, []);
    world.timers.advance(1);
    assert.deepEqual(world.given, [[8, 9]]);
    assert.equal(world.timers.pending, 0);
  });

  test('at once when it is much', () => {
    const world = new World();
    for (let count = 0; count < 3; count += 1) world.say({ body: new Uint8Array(200) });
    assert.deepEqual(world.given, [[8, 9, 10]]);
    assert.equal(world.timers.pending, 0);
  });

  test('before it is asked for anything else', () => {
    const world = new World();
    world.say();
    world.quick.handOver();
    world.quick.handOver();
    assert.deepEqual(world.given, [[8]]);
    assert.equal(world.timers.pending, 0);
  });

  test('and the journal begins anew when nothing is on its way', async () => {
    const world = new World();
    world.say();
    world.quick.handOver();
    world.say();
    world.answers.shift()?.resolve();
    await settled();
    assert.equal(world.rewinds, 0);
    world.quick.handOver();
    world.answers.shift()?.resolve();
    await settled();
    assert.equal(world.rewinds, 1);
  });
});

describe('commits wait for the database', () => {
  test('while the journal is full', async () => {
    const world = new World();
    const said = Array.from({ length: 5 }, () => world.say({ body: new Uint8Array(250) }));
    assert.deepEqual(said, [true, true, true, false, false]);
    for (const answer of world.answers.splice(0)) answer.resolve();
    await settled();
    assert.equal(world.say(), true);
    assert.equal(world.say({ body: new Uint8Array(2_000) }), false, 'what does not fit at all is not written either');
    assert.equal(world.journaled.length, 4);
  });

  test('from when it could not write what it was given until it can', async () => {
    const world = new World();
    world.say();
    world.quick.handOver();
    world.answers.shift()?.reject(new Error('the disk is full'));
    await settled();
    assert.equal(world.isQuick(appendEvent(exampleEvent(9))), false);
    assert.equal(world.rewinds, 0, 'the journal alone has it');
    assert.equal(world.say(), false);
    assert.equal(world.rewinds, 1);
    assert.equal(world.say(), true);
  });

  test('for five seconds after the journal could not be written', () => {
    const world = new World();
    world.fault = new Error('the disk is full');
    assert.equal(world.say(), false);
    world.fault = undefined;
    world.timers.advance(4_999);
    assert.equal(world.say(), false);
    world.timers.advance(1);
    assert.equal(world.say(), true);
  });

  test('for five seconds when the disk holds up the caller for too long, or too often', () => {
    const world = new World();
    world.writeMs = 102;
    assert.equal(world.say(), true);
    assert.equal(world.say(), false);
    world.timers.advance(5_000);
    // 20 ms in 200 are the tenth that it may take, with the one that nobody notices.
    world.writeMs = 21;
    for (let times = 0; times < 50; times += 1) {
      assert.equal(world.say(), true);
      world.timers.advance(200);
      world.bytes = 0;
    }
    world.writeMs = 41;
    let times = 0;
    while (world.say()) {
      world.timers.advance(200);
      world.bytes = 0;
      times += 1;
    }
    assert.ok(times >= 4 && times <= 6, `after ${times}`);
  });
});
