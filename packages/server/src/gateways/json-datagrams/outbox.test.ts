import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prng } from '@confab/testing';
import { type Broadcast, Outbox, type OutboxOptions } from './outbox.ts';

const BYTES = 100;

function broadcast(seq: number, isHistory = false): Broadcast {
  // The first byte tells which one it is.
  return { seq, bytes: new Uint8Array(BYTES).fill(seq), isHistory };
}

function open(options: Partial<OutboxOptions> = {}) {
  const sent: number[] = [];
  const outbox = new Outbox({
    baseDelayMs: 500,
    retriesMax: 3,
    unackedMax: 4,
    send: (bytes) => sent.push(bytes[0]!),
    mayReachUnproven: () => true,
    ...options,
  });
  outbox.enterRoom(0);
  const take = (): number[] => sent.splice(0);
  /** Let time pass, calling whenever the outbox asks for it. */
  const pass = (fromMs: number, toMs: number): void => {
    for (let nowMs = outbox.nextTimeoutMs(); nowMs <= toMs; nowMs = outbox.nextTimeoutMs()) {
      outbox.onTimeout(Math.max(nowMs, fromMs));
    }
  };
  return { outbox, take, pass };
}

/** A peer that acknowledges and has proved it. */
function openProven(options: Partial<OutboxOptions> = {}) {
  const world = open(options);
  world.outbox.heard(0, 1000);
  world.outbox.post(0, broadcast(1));
  world.outbox.acked(0, 1);
  world.take();
  assert.equal(world.outbox.isProven, true);
  return world;
}

describe('An address that has not proved itself', () => {
  test('is sent history for three times the bytes it sent, in order, and no more', () => {
    const { outbox, take } = open();
    outbox.heard(0, 50);
    for (let seq = 1; seq <= 5; seq += 1) outbox.post(0, broadcast(seq, true));
    assert.deepEqual(take(), [1]);
    outbox.heard(10, 16);
    outbox.flush(10);
    assert.deepEqual(take(), [], 'three times 66, of which 100 are spent: 98, and the next one has 100');
    outbox.heard(20, 1);
    outbox.flush(20);
    assert.deepEqual(take(), [2]);
    outbox.heard(30, 1000);
    outbox.flush(30);
    assert.deepEqual(take(), [3, 4, 5]);
  });

  test('hears what is said now behind the history, but not later than the grace allows', () => {
    const { outbox, take, pass } = open();
    outbox.heard(0, 40);
    outbox.post(0, broadcast(1, true));
    outbox.post(0, broadcast(2, true));
    outbox.post(0, broadcast(3));
    assert.deepEqual(take(), [1]);
    assert.equal(outbox.nextTimeoutMs(), 300);
    pass(0, 299);
    assert.deepEqual(take(), []);
    pass(0, 300);
    assert.deepEqual(take(), [3]);
    outbox.post(400, broadcast(4));
    assert.deepEqual(take(), [4], 'from now on live chat does not wait');
    outbox.heard(500, 40);
    outbox.flush(500);
    assert.deepEqual(take(), [2]);
    assert.equal(outbox.nextTimeoutMs(), Number.POSITIVE_INFINITY);
  });

  test('proves itself by a number that it was really sent, and then hears all that waited, in order', () => {
    const { outbox, take } = open({ unackedMax: 100 });
    outbox.heard(0, 40);
    for (let seq = 1; seq <= 4; seq += 1) outbox.post(0, broadcast(seq, true));
    outbox.post(0, broadcast(5));
    assert.deepEqual(take(), [1]);
    for (const guess of [0, 2, 5, 99]) outbox.acked(1, guess);
    outbox.flush(1);
    assert.deepEqual([outbox.isProven, take()], [false, []]);
    outbox.acked(2, 1);
    outbox.flush(2);
    assert.deepEqual([outbox.isProven, take()], [true, [2, 3, 4, 5]]);
  });

  test('that was heard but once is sent live chat within its share only', () => {
    let share = 150;
    const { outbox, take } = open({
      mayReachUnproven: (bytes) => {
        if (bytes > share) return false;
        share -= bytes;
        return true;
      },
    });
    outbox.heard(0, 10);
    outbox.post(0, broadcast(1));
    outbox.post(0, broadcast(2));
    assert.deepEqual(take(), [1]);
    outbox.heard(1, 10);
    outbox.post(1, broadcast(3));
    assert.deepEqual(take(), [3]);
  });

  test('is sent nothing again beyond its budget, whatever it says of acknowledging', () => {
    const { outbox, take, pass } = open();
    outbox.heard(0, 40);
    outbox.post(0, broadcast(1));
    outbox.acked(0, 0);
    assert.deepEqual(take(), [1]);
    pass(0, 500);
    assert.deepEqual(take(), [1], '120 bytes of budget are one repetition');
    pass(500, 60_000);
    assert.deepEqual(take(), []);
    outbox.heard(61_000, 40);
    pass(61_000, 61_000);
    assert.deepEqual(take(), [1], 'and each datagram gives budget for more');
  });

  test('answers come out of the budget, too', () => {
    const { outbox } = open();
    outbox.heard(0, 10);
    assert.deepEqual(
      [outbox.spend(20), outbox.spend(11), outbox.spend(10), outbox.spend(1)],
      [true, false, true, false],
    );
  });

  test('never has more history waiting than is allowed: the oldest is left out', () => {
    const { outbox, take } = open({ unackedMax: 10_000 });
    const large = new Uint8Array(10_000);
    for (let seq = 1; seq <= 100; seq += 1) {
      outbox.post(0, { seq, bytes: new Uint8Array(large.fill(seq)), isHistory: true });
    }
    outbox.heard(0, 10_000_000);
    outbox.flush(0);
    const sent = take();
    assert.deepEqual([sent[0], sent.at(-1), sent.length], [75, 100, 26]);
  });
});

describe('A peer that acknowledges', () => {
  test('is sent again what it does not acknowledge, after twice as long each time, as often as allowed', () => {
    const { outbox, take, pass } = openProven();
    outbox.post(1000, broadcast(2));
    assert.deepEqual(take(), [2]);
    const times: number[] = [];
    for (let nowMs = outbox.nextTimeoutMs(); nowMs < 100_000; nowMs = outbox.nextTimeoutMs()) {
      outbox.onTimeout(nowMs);
      for (const _ of take()) times.push(nowMs);
    }
    assert.deepEqual(times, [1500, 2500, 4500]);
    assert.equal(outbox.isEmpty, false, 'it rests until the peer is heard');
    outbox.heard(200_000, 10);
    pass(200_000, 200_000);
    assert.deepEqual(take(), [2]);
    outbox.acked(200_001, 2);
    pass(200_001, 400_000);
    assert.deepEqual([take(), outbox.isEmpty], [[], true]);
  });

  test('has no more under way than allowed: the rest waits, and is sent in order as it acknowledges', () => {
    const { outbox, take } = openProven({ unackedMax: 4 });
    for (let seq = 2; seq <= 11; seq += 1) outbox.post(0, broadcast(seq));
    assert.deepEqual([take(), outbox.underwayCount, outbox.isFull], [[2, 3, 4, 5], 4, true]);
    outbox.acked(1, 3);
    outbox.acked(1, 4);
    outbox.acked(1, 4);
    assert.deepEqual([take(), outbox.underwayCount, outbox.hasRoom], [[6, 7], 4, false]);
    for (let seq = 2; seq <= 9; seq += 1) outbox.acked(2, seq);
    assert.deepEqual([take(), outbox.underwayCount, outbox.hasRoom], [[8, 9, 10, 11], 2, true]);
  });

  test('is sent at most so many again at one time', () => {
    const { outbox, take } = openProven({ unackedMax: 100 });
    for (let seq = 2; seq <= 91; seq += 1) outbox.post(0, broadcast(seq));
    take();
    outbox.onTimeout(500);
    assert.equal(take().length, 32);
    assert.equal(outbox.nextTimeoutMs(), 505);
    outbox.onTimeout(505);
    outbox.onTimeout(510);
    assert.equal(take().length, 90 - 32);
  });

  test('what it was sent before its first acknowledgement is sent again, too', () => {
    const { outbox, take, pass } = open();
    outbox.heard(0, 1000);
    outbox.post(0, broadcast(1));
    outbox.post(0, broadcast(2));
    outbox.acked(100, 2);
    take();
    pass(100, 500);
    assert.deepEqual(take(), [1]);
  });

  test('one that enters another room is told no more of the last one', () => {
    const { outbox, take, pass } = openProven();
    for (let seq = 2; seq <= 11; seq += 1) outbox.post(0, broadcast(seq));
    take();
    outbox.enterRoom(10);
    pass(10, 60_000);
    assert.deepEqual([take(), outbox.isEmpty], [[], true]);
  });
});

test('A peer that never acknowledges is sent each once, and nothing is kept for it', () => {
  const { outbox, take, pass } = open({ unackedMax: 4 });
  outbox.heard(0, 1000);
  for (let seq = 1; seq <= 10; seq += 1) outbox.post(seq, broadcast(seq));
  pass(0, 60_000);
  assert.deepEqual([take(), outbox.isFull], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false]);
  outbox.post(60_000, broadcast(11));
  assert.equal(outbox.isEmpty, true);
});

test('Any losses: a peer that goes on acknowledging gets everything, and not more than allowed is ever under way', () => {
  for (let seed = 0; seed < 40; seed += 1) {
    const random = prng(seed);
    const loss = random.next() * 0.6;
    const arrived = new Set<number>();
    const acks: { atMs: number; seq: number }[] = [];
    let nowMs = 0;
    const outbox = new Outbox({
      baseDelayMs: 100,
      retriesMax: 3,
      unackedMax: 8,
      mayReachUnproven: () => true,
      send: (bytes) => {
        if (random.chance(loss)) return;
        arrived.add(bytes[0]!);
        if (!random.chance(loss)) acks.push({ atMs: nowMs + random.int(1, 50), seq: bytes[0]! });
      },
    });
    outbox.enterRoom(0);
    outbox.heard(0, 60);
    for (let seq = 1; seq <= 60; seq += 1) outbox.post(0, broadcast(seq, seq <= 20));
    for (; nowMs < 600_000 && arrived.size < 60; nowMs += 10) {
      // A sign of life now and then, as from a client that knows it has heard too little.
      if (nowMs % 2000 === 0 && (nowMs === 0 || !random.chance(loss))) {
        outbox.heard(nowMs, 30);
        outbox.acked(nowMs, 0);
      }
      for (const ack of acks.splice(0)) {
        if (ack.atMs > nowMs) acks.push(ack);
        else {
          outbox.heard(nowMs, 30);
          outbox.acked(nowMs, ack.seq);
        }
      }
      outbox.flush(nowMs);
      outbox.onTimeout(nowMs);
      assert.ok(outbox.underwayCount <= 8, `seed ${seed}: ${outbox.underwayCount} under way`);
    }
    assert.equal(arrived.size, 60, `seed ${seed}, loss ${loss.toFixed(2)}: ${arrived.size} of 60`);
  }
});
