import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualTimers, prng, SimClock } from '@confab/testing';
import { type Alarm, Alarms, LATE_MS } from './alarms.ts';

function world() {
  const clock = new SimClock({ monotonicMs: 0 });
  const timers = new ManualTimers(clock);
  return { clock, timers, alarms: new Alarms(clock, timers) };
}

describe('Alarms', () => {
  test('ring in the order of their times, on one timer', () => {
    const { alarms, timers, clock } = world();
    const rung: string[] = [];
    for (const [name, atMs] of [
      ['b', 20],
      ['a', 10],
      ['c', 30],
    ] as const) {
      alarms.create((nowMs) => rung.push(`${name}@${nowMs}`)).ringBy(atMs);
      assert.equal(timers.pending, 1);
    }
    timers.advance(25);
    assert.deepEqual(rung, ['a@10', 'b@20']);
    timers.advance(25);
    assert.deepEqual(rung, ['a@10', 'b@20', 'c@30']);
    assert.deepEqual([timers.pending, alarms.size, clock.monotonicMs()], [0, 0, 50]);
  });

  test('an alarm that is set moves forward only, rings once, and may be set again while it rings', () => {
    const { alarms, timers } = world();
    const rung: number[] = [];
    const alarm: Alarm = alarms.create((nowMs) => {
      rung.push(nowMs);
      if (rung.length < 3) alarm.ringBy(nowMs + 5);
    });
    alarm.ringBy(50);
    alarm.ringBy(10);
    alarm.ringBy(40);
    alarm.ringBy(undefined);
    alarm.ringBy(Number.POSITIVE_INFINITY);
    assert.equal(alarms.size, 1);
    timers.advance(100);
    assert.deepEqual(rung, [10, 15, 20]);
  });

  test('one that is set to now while it rings does not keep the others from their turn', () => {
    const { alarms, timers } = world();
    let spins = 0;
    const rung: string[] = [];
    const spinner: Alarm = alarms.create((nowMs) => {
      spins += 1;
      if (spins < 100) spinner.ringBy(nowMs);
    });
    spinner.ringBy(10);
    alarms.create(() => rung.push('other')).ringBy(10);
    timers.advance(10);
    assert.deepEqual([spins, rung], [100, ['other']]);
  });

  test('what is cancelled does not ring, and nothing rings after the end', () => {
    const { alarms, timers } = world();
    const rung: string[] = [];
    const first = alarms.create(() => rung.push('first'));
    const second = alarms.create(() => rung.push('second'));
    first.ringBy(10);
    second.ringBy(20);
    first.cancel();
    first.cancel();
    timers.advance(20);
    assert.deepEqual(rung, ['second']);
    first.ringBy(30);
    alarms.close();
    second.ringBy(30);
    timers.advance(100);
    assert.deepEqual([rung, timers.pending, alarms.size], [['second'], 0, 0]);
  });

  test('that are late let what has come meanwhile be read before they ring, and the others wait with them', () => {
    const clock = new SimClock({ monotonicMs: 0 });
    const timers = new ManualTimers(clock);
    const tasks: (() => void)[] = [];
    const alarms = new Alarms(clock, timers, (task) => tasks.push(task));
    const rung: string[] = [];
    const dead = alarms.create(() => rung.push('dead'));
    const other = alarms.create((nowMs) => rung.push(`other@${nowMs}`));
    dead.ringBy(10);
    // The loop stands still: nobody calls the timer in time.
    clock.advance(10 + LATE_MS + 1);
    timers.advance(0);
    assert.deepEqual([rung, tasks.length], [[], 1]);
    // An acknowledgement is read.
    dead.cancel();
    dead.ringBy(500);
    other.ringBy(15);
    tasks.shift()?.();
    assert.deepEqual(rung, ['other@31']);
    timers.advance(500 - clock.monotonicMs());
    assert.deepEqual([rung, tasks.length], [['other@31', 'dead'], 0]);
  });

  test('any settings and cancellations: each rings at its time, or not at all', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const random = prng(seed);
      const { alarms, timers, clock } = world();
      const expected = new Map<number, number>();
      const rung = new Map<number, number>();
      const all = Array.from({ length: 20 }, (_, index) => alarms.create((nowMs) => rung.set(index, nowMs)));
      for (let step = 0; step < 100; step += 1) {
        const index = random.int(0, 19);
        if (random.chance(0.2)) {
          all[index]!.cancel();
          expected.delete(index);
        } else {
          const atMs = clock.monotonicMs() + random.int(1, 50);
          all[index]!.ringBy(atMs);
          expected.set(index, Math.min(atMs, expected.get(index) ?? atMs));
        }
        assert.equal(alarms.size, expected.size);
        timers.advance(random.int(0, 3));
        for (const [ringer, atMs] of expected) {
          if (atMs > clock.monotonicMs()) continue;
          assert.equal(rung.get(ringer), atMs, `seed ${seed}`);
          expected.delete(ringer);
          rung.delete(ringer);
        }
        assert.equal(rung.size, 0, `seed ${seed}: one that was not set rang`);
      }
    }
  });
});
