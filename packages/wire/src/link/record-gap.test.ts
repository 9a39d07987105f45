import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecordGap } from './record-gap.ts';

/** The share after a hundred records, `gapMs` apart. */
function shareAt(gapMs: number, smoothedMs: number): number {
  const gap = new RecordGap();
  for (let index = 0; index < 100; index += 1) gap.sent(5_000 + index * gapMs);
  return gap.goalShare(smoothedMs);
}

describe('the gap between records', () => {
  it('leaves the goal alone where a repair is over before the next record', () => {
    assert.equal(new RecordGap().goalShare(40), 1);
    assert.equal(shareAt(60, 40), 1);
    assert.equal(shareAt(200, 40), 1);
  });

  it('lowers the goal by the records that a late one holds up, within bounds', () => {
    // To the power of 0.6: of a third, and of five sixths.
    assert.ok(Math.abs(shareAt(20, 40) - 0.5173) < 0.001);
    assert.ok(Math.abs(shareAt(50, 40) - 0.8964) < 0.001);
    assert.equal(shareAt(2, 40), 0.2);
  });

  it('takes what is sent at once for one record', () => {
    const gap = new RecordGap();
    for (let index = 0; index < 400; index += 1) gap.sent(5_000 + Math.floor(index / 4) * 100);
    assert.equal(gap.goalShare(40), 1);
  });
});
