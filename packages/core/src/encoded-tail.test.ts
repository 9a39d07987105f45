import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EncodedTail } from './encoded-tail.ts';
import type { UnitRun } from './encoding.ts';

const unit = (seq: number) => ({ seq, author: 1, bytes: Uint8Array.of(seq) });

/** A run that shows the even events only. */
const run = (firstSeq: number, lastSeq: number): UnitRun => ({
  firstSeq,
  lastSeq,
  count: 1,
  unitOf: (seq) => (seq % 2 === 0 ? unit(seq) : undefined),
});

const seqsOf = (tail: EncodedTail, seq: number) => tail.find(seq)?.map((found) => found.seq);

test('what was encoded together or alone is found, and what was not is not', () => {
  const tail = new EncodedTail(1);
  tail.keepRun(run(1, 4));
  tail.keep(5, [unit(5)]);
  tail.keepRun(run(8, 9));
  assert.deepEqual(
    [1, 2, 4, 5, 6, 8, 9, 10].map((seq) => seqsOf(tail, seq)),
    [[], [2], [4], [5], undefined, [8], [], undefined],
  );
});

test('what the log no longer holds is forgotten, a run with its last event', () => {
  const tail = new EncodedTail(1);
  tail.keepRun(run(1, 4));
  tail.keep(5, [unit(5)]);
  tail.keepRun(run(6, 7));
  tail.forgetBefore(4);
  assert.deepEqual(seqsOf(tail, 4), [4]);
  tail.forgetBefore(6);
  assert.deepEqual(
    [seqsOf(tail, 2), seqsOf(tail, 4), seqsOf(tail, 5), seqsOf(tail, 6)],
    [undefined, undefined, undefined, [6]],
  );
  tail.keep(5, [unit(5)]);
  tail.keepRun(run(3, 5));
  assert.equal(tail.find(5), undefined, 'what is not of the tail is not kept');
});
