import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleEvent } from '@confab/testing';
import { encodeEvents } from './event-codec.ts';
import { EventPick } from './event-pick.ts';

const records = (roomId: number, ...seqs: number[]): Uint8Array =>
  encodeEvents(seqs.map((seq) => exampleEvent(seq, { roomId })));
const seqsOf = (pick: EventPick): number[] => pick.events.map(({ seq }) => seq);

test('what is wanted is picked out, and nothing of another room', () => {
  const pick = new EventPick(1, [2, 5, 6]);
  pick.take(records(1, 1, 2, 3));
  assert.equal(pick.nextSeq, 5);
  pick.take(records(2, 5, 6));
  pick.take(records(1, 4, 5, 6, 7));
  assert.deepEqual(seqsOf(pick), [2, 5, 6]);
  assert.equal(pick.nextSeq, undefined);
});

test('what a log has lost is passed over, and what came twice is taken once', () => {
  const pick = new EventPick(1, [1, 2, 8, 9]);
  pick.take(records(1, 7, 8));
  pick.take(records(1, 7, 8, 9));
  assert.deepEqual(seqsOf(pick), [8, 9]);
});

test('a segment that is damaged is not read for ever', () => {
  const pick = new EventPick(1, [1, 2]);
  while (pick.nextSeq !== undefined) pick.takeSegment(records(2, 1, 2));
  assert.deepEqual(seqsOf(pick), []);
});
