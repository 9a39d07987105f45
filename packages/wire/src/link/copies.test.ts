import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { type CopyMoment, CopyPolicy, copyShare } from './copies.ts';

/** By hand: 0.46 % less 4.9 % of what is lost, and 0.161 % (0.35 of 0.46 %) at least. */
const goalAt = (loss: number): number => Math.max(0.0046 - 0.049 * loss, 0.00161);
const assertNear = (actual: number, expected: number, within: number): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual}, not ${expected}`);

describe('The share of copies', () => {
  it('follows the loss: the table worked out by hand', () => {
    for (const [loss, share] of [
      [0.01, (0.01 - 0.00411) / (0.01 - 0.0001)], // 0.59
      [0.06, 1 + (0.0036 - 0.00166) / (0.0036 - 0.000216)], // 1.57
      [0.1, 1 + (0.01 - 0.00161) / (0.01 - 0.001)], // 1.93
      [0.2, 2 + (0.008 - 0.00161) / (0.008 - 0.0016)], // 3.00
    ] as const)
      assertNear(copyShare(loss, false), Math.min(share, 3), 0.003);
  });

  it('is a twentieth on a clean link, and a half as long as it may not be one', () => {
    assert.equal(copyShare(0, true), 0.05);
    assert.equal(copyShare(0, false), 0.5);
    assert.equal(copyShare(0.002, false), 0.5);
  });

  it('is more where a late record holds up others', () => {
    assert.equal(copyShare(0, true, undefined, 0.2), 0.05);
    assertNear(copyShare(0, false, undefined, 0.2), 1 - 0.5 * 0.0894, 0.001); // 0.2 to the power of 1.5
    assertNear(copyShare(0.02, false, undefined, 0.5), (0.02 - 0.00181) / (0.02 - 0.0004), 0.001);
  });

  it('is never more than three, however much is lost', () => {
    for (const loss of [0.25, 0.3, 0.4, 0.9, 1]) assert.equal(copyShare(loss, false), 3);
  });

  it('leaves just the goal without any transmission that arrives, where neither bound holds', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.008, max: 0.24, noNaN: true }), (loss) => {
        const share = copyShare(loss, false);
        if (share <= 0.5 || share >= 3) return;
        const few = Math.floor(share) + 1;
        const more = share - Math.floor(share);
        assertNear((1 - more) * loss ** few + more * loss ** (few + 1), goalAt(loss), 1e-9);
      }),
      { numRuns: propertyRuns() },
    );
  });

  it('never falls when more is lost', () => {
    const loss = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(loss, loss, (one, other) => {
        assert.ok(copyShare(Math.min(one, other), false) <= copyShare(Math.max(one, other), false) + 1e-9);
      }),
      { numRuns: propertyRuns() },
    );
  });
});

describe('The copy policy', () => {
  const copiesOf = (policy: CopyPolicy, loss: number, records: number, isClean = loss === 0): number[] =>
    Array.from({ length: records }, () => policy.copiesFor(100, loss, isClean));
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

  it('spreads a fraction evenly, beginning with a copy', () => {
    const ofClean = copiesOf(new CopyPolicy(), 0, 40).flatMap((copies, at) => (copies > 0 ? [at] : []));
    assert.deepEqual(ofClean, [0, 19, 39]);
    assert.deepEqual(copiesOf(new CopyPolicy(), 0.0001, 8), [1, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('gives as many copies as the share says, over any run of records', () => {
    for (const loss of [0, 0.01, 0.05, 0.1, 0.2, 0.5]) {
      const share = copyShare(loss, loss === 0);
      const copies = copiesOf(new CopyPolicy(), loss, 1_000);
      assertNear(sum(copies), 1_000 * share, 1.001);
      for (let at = 0; at + 40 <= copies.length; at += 40)
        assertNear(sum(copies.slice(at, at + 40)), 40 * share, 1.001);
      assert.ok(copies.every((count) => count <= 3 && count >= Math.floor(share)));
    }
  });

  it('gives those whose turn it is theirs rather than others, and as many as without', () => {
    const policy = new CopyPolicy();
    const copies = Array.from({ length: 1_000 }, (_, at) =>
      policy.copiesFor(100, 0.01, false, 1, at % 2 === 0 ? 1 : -1),
    );
    assertNear(sum(copies), 1_000 * copyShare(0.01, false), 2.001);
    assert.ok(copies.every((count, at) => count <= 1 && (at % 2 === 1 || count === 1)));
  });

  it('gives as many where it is never their turn, only later', () => {
    const policy = new CopyPolicy();
    const copies = Array.from({ length: 1_000 }, () => policy.copiesFor(100, 0.01, false, 1, -1));
    assertNear(sum(copies), 1_000 * copyShare(0.01, false), 2.001);
  });

  it('gives a probe a copy where what it carries may well be missing, and the probe be lost as well', () => {
    const policy = new CopyPolicy();
    const given = ([loss, transmissions]: readonly [number, number]): boolean =>
      policy.isProbeCopied(100, loss, transmissions);
    // By hand: a half of 2 %, a 21st of 5 %, an eleventh of 10 %, a 26th of 20 %: more than 0.153 %.
    const often = [
      [0.02, 1],
      [0.05, 2],
      [0.1, 2],
      [0.2, 3],
    ] as const;
    for (const moment of often) assert.equal(given(moment), true, String(moment));
    const seldom = [
      [0, 1],
      [0.002, 1],
      [0.02, 2],
      [0.1, 3],
    ] as const;
    for (const moment of seldom) assert.equal(given(moment), false, String(moment));
    assert.equal(policy.isProbeCopied(601, 0.2, 1), false);
  });

  it('gives none to long records, which owe nothing to others', () => {
    const policy = new CopyPolicy();
    for (let round = 0; round < 20; round += 1) assert.equal(policy.copiesFor(601, 0.4, false), 0);
    assert.equal(policy.copiesFor(600, 0.4, false), 3);
  });

  it('waits an eighth of the round trip, 3 to 12 ms', () => {
    const policy = new CopyPolicy();
    assert.deepEqual(
      [0.2, 12, 40, 48, 333].map((smoothedMs) => policy.delayMs(smoothedMs)),
      [3, 3, 5, 6, 12],
    );
  });

  it('lets a later copy wait for the next record, where one is hardly needed and the next record is near', () => {
    const policy = new CopyPolicy();
    const first = { aloneMs: 5, alongMs: 2.5 };
    assert.deepEqual(policy.firstWait(40), first);
    assert.deepEqual(policy.laterWait(40, 20, 0.05, 1), { aloneMs: 25, alongMs: 5 });
    assert.deepEqual(policy.laterWait(40, 26, 0.05, 1), first, 'as late as a repair, nearly');
    assert.deepEqual(policy.laterWait(40, 20, 0.1, 1), first, 'of a hundred records one needs it');
    assert.deepEqual(policy.laterWait(40, 20, 0.1, 2), { aloneMs: 25, alongMs: 5 });
  });

  it('takes other bounds than the usual ones', () => {
    const policy = new CopyPolicy({ copyShareMin: 0, copyShareAfterLoss: 0, copyRecordBytesMax: 50 });
    assert.equal(policy.copiesFor(50, 0, false), 1, 'the first one');
    for (let round = 0; round < 20; round += 1) assert.equal(policy.copiesFor(50, 0, false), 0);
    assert.equal(policy.copiesFor(51, 1, false), 0);
  });

  it('backs off where the link has no room or something better to do', () => {
    const policy = new CopyPolicy();
    const clear: CopyMoment = {
      hasNewRecords: false,
      windowRoomBytes: 150,
      bytes: 150,
      isPaced: true,
      smoothedMs: 99,
      minMs: 40,
    };
    assert.equal(policy.mayCopy(clear), true);
    assert.equal(policy.mayCopy({ ...clear, hasNewRecords: true }), false);
    assert.equal(policy.mayCopy({ ...clear, windowRoomBytes: 149 }), false);
    assert.equal(policy.mayCopy({ ...clear, isPaced: false }), false);
    assert.equal(policy.mayCopy({ ...clear, smoothedMs: 100 }), false, 'twice the least and 20 ms: a queue');
    assert.equal(policy.mayCopy({ ...clear, minMs: undefined, smoothedMs: 333 }), true, 'nothing was measured');
  });
});
