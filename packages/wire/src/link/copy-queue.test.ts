import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChannelSender } from './channel-sender.ts';
import { CopyQueue } from './copy-queue.ts';
import type { OutgoingRecord } from './outgoing-record.ts';

const FIRST = { aloneMs: 5, alongMs: 2 };
const LATER = { aloneMs: 25, alongMs: 5 };

function records(count: number): OutgoingRecord[] {
  const sender = new ChannelSender(1, 1, { windowRecords: 100, windowBytes: 1_000 });
  return Array.from({ length: count }, () => sender.push(new Uint8Array(1), false));
}

describe('Records that wait to be copied', () => {
  it('are due in a packet of their own, or earlier along with another', () => {
    const [one, two] = records(2) as [OutgoingRecord, OutgoingRecord];
    const queue = new CopyQueue();
    queue.add(0, one, FIRST);
    queue.add(1, two, FIRST);
    assert.deepEqual([queue.next(4.9, false), queue.next(1.9, true)], [undefined, undefined]);
    assert.deepEqual([queue.next(5, false), queue.next(2, true), queue.dueMs], [one, one, 5]);
    queue.take(one);
    assert.deepEqual([queue.next(5, false), queue.next(6, false), queue.dueMs], [undefined, two, 6]);
  });

  it('do not wait for those whose later copies may take longer', () => {
    const [one, two] = records(2) as [OutgoingRecord, OutgoingRecord];
    const queue = new CopyQueue();
    one.copiesSent = 1;
    queue.add(0, one, LATER);
    queue.add(10, two, FIRST);
    assert.equal(queue.dueMs, 15);
    assert.equal(queue.next(15, false), two);
    queue.take(two);
    assert.deepEqual([queue.next(15, false), queue.next(15, true), queue.dueMs], [undefined, one, 25]);
    queue.take(one);
    assert.deepEqual([queue.next(100, true), queue.dueMs], [undefined, undefined]);
  });

  it('wait once, however often they are put in, and not at all when they have come or are forgotten', () => {
    const [one, two, three] = records(3) as [OutgoingRecord, OutgoingRecord, OutgoingRecord];
    const queue = new CopyQueue();
    for (const nowMs of [0, 3]) for (const record of [one, two]) queue.add(nowMs, record, FIRST);
    one.isDone = true;
    assert.equal(queue.next(5, false), two);
    queue.clear();
    assert.equal(queue.next(100, false), undefined);
    queue.add(200, two, FIRST);
    queue.add(200, three, FIRST);
    assert.equal(queue.next(205, false), two);
    queue.take(two);
    assert.equal(queue.next(205, false), three);
  });
});
