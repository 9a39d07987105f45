import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualTimers, SimClock } from '@confab/testing';
import { Alarms } from '../alarms.ts';
import { DepartedPeers } from './departed-peers.ts';
import { seqOf } from './encoding.ts';
import { HeldAcks } from './held-acks.ts';
import { SeenIds } from './seen-ids.ts';

describe('Held acknowledgements', () => {
  function open() {
    const clock = new SimClock({ monotonicMs: 0 });
    const timers = new ManualTimers(clock);
    const acks = new HeldAcks(new Alarms(clock, timers), 200);
    const sent: string[] = [];
    return { timers, acks, sent, hold: (name: string) => acks.hold(clock.monotonicMs(), () => sent.push(name)) };
  }

  test('go out when they are released, once; or when their time is over', () => {
    const { timers, acks, sent, hold } = open();
    const first = hold('first');
    timers.advance(50);
    const second = hold('second');
    first.release();
    first.release();
    assert.deepEqual(sent, ['first']);
    timers.advance(199);
    assert.deepEqual([sent, second.isReleased], [['first'], false]);
    timers.advance(1);
    assert.deepEqual([sent, second.isReleased, acks.size], [['first', 'second'], true, 0]);
    second.cancel();
    assert.equal(second.isReleased, true);
  });

  test('do not go out when they are cancelled', () => {
    const { timers, acks, sent, hold } = open();
    hold('never').cancel();
    timers.advance(1000);
    assert.deepEqual([sent, acks.size, timers.pending], [[], 0, 0]);
  });
});

describe('Seen ids', () => {
  test('tell a number from a text, and the oldest are forgotten first', () => {
    const ids = new SeenIds(2);
    const one = ids.add(1, 0);
    ids.add('1', 0);
    assert.notEqual(ids.get(1), ids.get('1'));
    ids.add(2, 0);
    assert.deepEqual([ids.size, ids.get(1)], [2, undefined]);
    const again = ids.add(1, 5);
    ids.forget(1, one);
    assert.equal(ids.get(1), again, 'a refusal that comes late does not touch the next request of that id');
    ids.forget(1, again);
    assert.equal(ids.get(1), undefined);
  });
});

describe('Departed peers', () => {
  test('a copy of the join with which a peer came is known for a moment; another join is another', () => {
    const departed = new DepartedPeers();
    departed.note('a', { id: 1, join: 'lobby\0Ann' }, 0);
    assert.equal(departed.isRepeat('a', 1, 'lobby\0Ann', 100), true);
    assert.equal(departed.isRepeat('a', 2, 'lobby\0Ann', 100), false);
    assert.equal(departed.isRepeat('a', 1, 'lobby\0Bob', 100), false);
    assert.equal(departed.isRepeat('b', 1, 'lobby\0Ann', 100), false);
    assert.equal(departed.isRepeat('a', 1, 'lobby\0Ann', 2000), false);
    assert.equal(departed.size, 0);
  });

  test('no more than so many are remembered', () => {
    const departed = new DepartedPeers();
    for (let port = 0; port < 3000; port += 1) departed.note(`a|${port}`, { id: 1, join: 'x' }, 0);
    assert.equal(departed.size, 1024);
    assert.equal(departed.isRepeat('a|2999', 1, 'x', 0), true);
    departed.note('b', { id: 1, join: 'x' }, 5000);
    assert.equal(departed.size, 1);
  });
});

test('The number of a broadcast is read from its end', () => {
  const bytes = (text: string) => Buffer.from(text);
  assert.equal(seqOf(bytes('{"type":"message","text":"\\"seq\\":7}","seq":42}')), 42);
  assert.equal(seqOf(bytes(`{"seq":${Number.MAX_SAFE_INTEGER}}`)), Number.MAX_SAFE_INTEGER);
  assert.equal(seqOf(bytes('{"seq":0}')), 0);
});
