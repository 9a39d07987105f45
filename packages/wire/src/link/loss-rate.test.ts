import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { LossRate, ReceiveLossRate } from './loss-rate.ts';

function tell(rate: LossRate, lost: number, acknowledged: number): void {
  for (let count = 0; count < lost; count += 1) rate.onLost();
  for (let count = 0; count < acknowledged; count += 1) rate.onAcknowledged();
}

describe('The measured loss', () => {
  it('is not known before any fate is', () => {
    const rate = new LossRate();
    assert.deepEqual([rate.share, rate.cautiousShare, rate.isClean], [undefined, 1 / 30, false]);
  });

  it('is the share of lost packets among the last 500', () => {
    const rate = new LossRate();
    tell(rate, 5, 95);
    assert.equal(rate.share, 0.05);
    tell(rate, 0, 400);
    assert.equal(rate.share, 0.01);
    tell(rate, 0, 3);
    assert.equal(rate.share, 2 / 500);
    tell(rate, 0, 2);
    assert.equal(rate.share, 0);
  });

  it('remembers a single loss for a thousand packets', () => {
    const rate = new LossRate();
    tell(rate, 1, 999);
    assert.equal(rate.isClean, false);
    tell(rate, 0, 1);
    assert.equal(rate.isClean, true);
  });

  it('is taken for none only when enough is known', () => {
    const rate = new LossRate();
    tell(rate, 0, 149);
    assert.equal(rate.isClean, false);
    tell(rate, 0, 1);
    assert.equal(rate.isClean, true);
    tell(rate, 1, 0);
    assert.equal(rate.isClean, false);
  });

  it('decides nothing large upon few packets', () => {
    const rate = new LossRate();
    tell(rate, 1, 1);
    assert.deepEqual([rate.share, rate.cautiousShare], [0.5, 1.98 / 30]);
    tell(rate, 0, 48);
    assert.equal(rate.cautiousShare, 1.5 / 50);
    tell(rate, 0, 50);
    assert.equal(rate.cautiousShare, 1 / 100);
  });

  it('takes back a loss that was none', () => {
    const rate = new LossRate();
    rate.onSpurious();
    assert.equal(rate.share, undefined);
    tell(rate, 2, 8);
    rate.onSpurious();
    assert.equal(rate.share, 0.1);
    rate.onSpurious();
    rate.onSpurious();
    assert.deepEqual([rate.share, rate.isClean], [0, false]);
    tell(rate, 1, 500);
    rate.onSpurious();
    assert.deepEqual([rate.share, rate.isClean], [0, true], 'an older one counts only for the memory');
  });

  it('begins anew', () => {
    const rate = new LossRate();
    tell(rate, 9, 9);
    rate.reset();
    assert.deepEqual([rate.share, rate.isClean], [undefined, false]);
    tell(rate, 0, 1_200);
    assert.deepEqual([rate.share, rate.isClean], [0, true]);
  });

  it('is what counting the list gives', () => {
    const run = fc.tuple(fc.constantFrom('lost', 'acknowledged', 'spurious'), fc.integer({ min: 1, max: 400 }));
    fc.assert(
      fc.property(fc.array(run, { maxLength: 20 }), (runs) => {
        const rate = new LossRate();
        const fates: boolean[] = [];
        for (const [what, times] of runs) {
          for (let count = 0; count < times; count += 1) {
            if (what === 'spurious') {
              rate.onSpurious();
              const at = fates.lastIndexOf(true);
              if (at >= fates.length - 1_000 && at >= 0) fates[at] = false;
            } else {
              if (what === 'lost') rate.onLost();
              else rate.onAcknowledged();
              fates.push(what === 'lost');
            }
          }
        }
        const recent = fates.slice(-500);
        assert.equal(rate.share, fates.length === 0 ? undefined : recent.filter(Boolean).length / recent.length);
        assert.equal(rate.isClean, fates.length >= 150 && !fates.slice(-1_000).includes(true));
      }),
      { numRuns: Math.min(propertyRuns(), 2_000) },
    );
  });
});

describe('The loss of what is received', () => {
  it('is the share of numbers that did not come, of the last 500', () => {
    const rate = new ReceiveLossRate();
    assert.equal(rate.share, undefined);
    for (let number = 0; number < 100; number += 1) if (number % 10 !== 3) rate.onReceived(number);
    assert.ok(Math.abs(rate.share! - 0.1) < 1e-12);
    for (let number = 100; number < 600; number += 1) rate.onReceived(number);
    assert.equal(rate.share, 0);
  });

  it('counts what is late when it comes, and a repeat once', () => {
    const rate = new ReceiveLossRate();
    for (const number of [0, 3, 3, 0]) rate.onReceived(number);
    assert.equal(rate.share, 0.5);
    rate.onReceived(2);
    assert.equal(rate.share, 0.25);
  });

  it('begins where the peer does', () => {
    const rate = new ReceiveLossRate(1_000);
    rate.onReceived(999);
    assert.equal(rate.share, undefined);
    rate.onReceived(1_001);
    assert.equal(rate.share, 0.5);
  });

  it('takes a leap of any length, and nothing from before it', () => {
    const rate = new ReceiveLossRate();
    for (let number = 0; number < 500; number += 1) rate.onReceived(number);
    rate.onReceived(2 ** 52);
    assert.ok(Math.abs(rate.share! - 499 / 500) < 1e-12);
    rate.onReceived(2 ** 52 - 500);
    assert.ok(Math.abs(rate.share! - 499 / 500) < 1e-12);
    rate.onReceived(2 ** 52 - 499);
    assert.ok(Math.abs(rate.share! - 498 / 500) < 1e-12);
  });

  it('is what counting a set gives', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat({ max: 700 }), fc.nat({ max: 3_000 })), { maxLength: 200 }), (numbers) => {
        const rate = new ReceiveLossRate();
        let highest = -1;
        const came = new Set<number>();
        for (const number of numbers) {
          rate.onReceived(number);
          if (number > highest - 500) came.add(number);
          highest = Math.max(highest, number);
        }
        if (highest < 0) return assert.equal(rate.share, undefined);
        const from = Math.max(0, highest - 499);
        const counted = [...came].filter((number) => number >= from).length;
        assert.ok(Math.abs(rate.share! - (1 - counted / (highest - from + 1))) < 1e-12);
      }),
      { numRuns: propertyRuns() },
    );
  });
});
