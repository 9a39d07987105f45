import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReceivedPackets } from './received-packets.ts';

const fresh = (gatherMs = 0): ReceivedPackets => new ReceivedPackets({ gatherMs, delayMsMax: 200, rangesMax: 32 });

describe('The acknowledgement of a packet', () => {
  it('is due at once, after what may be gathered, or when the longest delay is over', () => {
    const packets = fresh(2);
    packets.add(10, 0, 'lazy');
    assert.equal(packets.dueMs, 210);
    packets.add(20, 1, 'soon');
    assert.equal(packets.dueMs, 22);
    packets.add(21, 2, 'now');
    assert.equal(packets.dueMs, 21);
    packets.said(21);
    assert.equal(packets.dueMs, undefined);
    packets.add(30, 3, undefined);
    assert.equal(packets.dueMs, undefined);
  });

  it('is due at once behind a gap', () => {
    const packets = fresh(2);
    packets.add(10, 0, 'lazy');
    packets.add(20, 2, 'soon');
    assert.equal(packets.dueMs, 20);
  });

  it('is in no hurry for what came before', () => {
    const packets = fresh();
    packets.add(10, 0, 'soon');
    packets.said(10);
    packets.add(500, 1, 'repeat');
    assert.equal(packets.dueMs, 700);
    packets.add(510, 2, 'now');
    assert.equal(packets.dueMs, 510, 'a probe asks with PING');
  });

  it('tells of a gap for a while only', () => {
    const packets = fresh();
    for (let number = 0; number < 40; number += 1) {
      if (number !== 3) packets.add(50 * number, number, 'soon');
      packets.said(50 * number);
    }
    assert.equal(packets.ranges()[0], 39);
    assert.equal(packets.ranges().length, 2, 'one range');
  });

  it('tells of a gap in five ACKs, and more when several go out at once', () => {
    const packets = fresh();
    const told: number[] = [];
    for (let number = 0; number < 12; number += 1) {
      if (number !== 3) packets.add(20 * number, number, 'soon');
      // Two numbers for each range.
      told.push(packets.ranges().length / 2);
      for (const laterMs of [0, 1, 2]) packets.said(20 * number + laterMs);
    }
    assert.deepEqual(told, [1, 1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1]);
  });
});
