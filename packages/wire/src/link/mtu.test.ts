import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LossDetector } from './loss.ts';
import { MTU_DEFAULTS, MtuSearch } from './mtu.ts';
import { RttEstimator } from './rtt.ts';

const PTO_MS = 100;
const probe = (bytes: number, sentMs = 0) => ({ bytes, sentMs, isMtuProbe: true });
const data = (bytes: number, sentMs = 0) => ({ bytes, sentMs, isMtuProbe: false });

/** Send the probes that are due at this time on a path that carries so much. @returns the sizes tried */
function search(mtu: MtuSearch, nowMs: number, pathBytes: number): number[] {
  const sizes: number[] = [];
  for (let size = mtu.probeBytes(nowMs); size !== undefined; size = mtu.probeBytes(nowMs)) {
    sizes.push(size);
    mtu.onProbeSent();
    if (size <= pathBytes) mtu.onAcknowledged(nowMs, probe(size, nowMs));
    else mtu.onLost(nowMs, probe(size, nowMs), PTO_MS);
  }
  return sizes;
}

/** A search that has come up to 1472 bytes at time 0. */
function settled(): MtuSearch {
  const mtu = new MtuSearch(1_472, 0);
  search(mtu, 0, 1_472);
  assert.equal(mtu.bytes, 1_472);
  return mtu;
}

describe('The search for the MTU', () => {
  it('goes up by the sizes of the page as long as they pass', () => {
    const mtu = new MtuSearch(65_507, 50);
    assert.equal(mtu.bytes, 1_200);
    assert.equal(mtu.nextTimeoutMs(), 50);
    assert.deepEqual(search(mtu, 50, 100_000), [1_400, 1_452, 1_472, 4_096, 8_192, 16_384, 32_768, 65_507]);
    assert.deepEqual([mtu.bytes, mtu.nextTimeoutMs()], [65_507, undefined]);
  });

  it('ends at what both sides take', () => {
    const mtu = new MtuSearch(1_500, 0);
    assert.deepEqual(search(mtu, 0, 100_000), [1_400, 1_452, 1_472, 1_500]);
    assert.equal(mtu.bytes, 1_500);
    assert.equal(new MtuSearch(1_200, 0).probeBytes(0), undefined);
    assert.throws(() => new MtuSearch(1_199, 0), RangeError);
    assert.throws(() => new MtuSearch(Number.NaN, 0), RangeError);
  });

  it('sends one probe at a time, and none before its time', () => {
    const mtu = new MtuSearch(1_472, 50);
    assert.equal(mtu.probeBytes(49), undefined);
    assert.equal(mtu.probeBytes(50), 1_400);
    assert.equal(mtu.probeBytes(50), 1_400, 'asking is not sending');
    mtu.onProbeSent();
    assert.deepEqual([mtu.probeBytes(60), mtu.nextTimeoutMs()], [undefined, undefined]);
    mtu.onAcknowledged(70, probe(1_400, 50));
    assert.equal(mtu.probeBytes(70), 1_452);
  });

  it('ends after three losses of a size, a second apart, and begins again there after ten minutes', () => {
    const mtu = new MtuSearch(65_507, 0);
    assert.deepEqual(search(mtu, 0, 1_452), [1_400, 1_452, 1_472]);
    assert.equal(mtu.nextTimeoutMs(), 1_000);
    assert.deepEqual(search(mtu, 1_000, 1_452), [1_472]);
    assert.deepEqual(search(mtu, 2_000, 1_452), [1_472]);
    assert.deepEqual([mtu.bytes, mtu.nextTimeoutMs()], [1_452, 2_000 + MTU_DEFAULTS.raiseMs]);
    for (const nowMs of [602_000, 603_000, 604_000]) assert.deepEqual(search(mtu, nowMs, 1_452), [1_472]);
    assert.equal(mtu.nextTimeoutMs(), 604_000 + MTU_DEFAULTS.raiseMs);
    assert.deepEqual(search(mtu, 1_204_000, 1_472), [1_472, 4_096]);
    assert.equal(mtu.bytes, 1_472);
  });

  it('goes on after two losses of a size, and counts each size by itself', () => {
    const mtu = new MtuSearch(1_452, 0);
    assert.deepEqual([search(mtu, 0, 1_200), search(mtu, 1_000, 1_200)], [[1_400], [1_400]]);
    assert.deepEqual(search(mtu, 2_000, 1_400), [1_400, 1_452]);
    assert.deepEqual(search(mtu, 3_000, 1_400), [1_452]);
    assert.deepEqual(search(mtu, 4_000, 1_452), [1_452]);
    assert.equal(mtu.bytes, 1_452);
  });

  it('believes a probe that comes after it was declared lost', () => {
    const mtu = new MtuSearch(1_452, 0);
    assert.deepEqual(search(mtu, 0, 1_200), [1_400]);
    mtu.onAcknowledged(300, probe(1_400));
    assert.deepEqual([mtu.bytes, mtu.probeBytes(300)], [1_400, 1_452]);
  });

  it('ignores the fate of probes of other sizes', () => {
    const mtu = settled();
    mtu.onAcknowledged(5, probe(1_400));
    mtu.onLost(5, probe(1_452), PTO_MS);
    mtu.onAcknowledged(5, data(9_000));
    assert.deepEqual([mtu.bytes, mtu.nextTimeoutMs()], [1_472, undefined]);
  });

  it('begins anew on another path', () => {
    const mtu = settled();
    mtu.reset(500);
    assert.deepEqual([mtu.bytes, mtu.nextTimeoutMs()], [1_200, 500]);
    assert.deepEqual(search(mtu, 500, 1_400), [1_400, 1_452]);
  });
});

describe('A black hole', () => {
  it('is three probe timeouts in which only large packets were lost; then it is 1200 bytes for ten minutes', () => {
    const mtu = settled();
    for (const nowMs of [1_000, 1_050, 1_100, 1_199]) mtu.onLost(nowMs, data(1_472, nowMs - 60), PTO_MS);
    assert.equal(mtu.bytes, 1_472, 'what is lost within a timeout counts once');
    mtu.onLost(1_200, data(1_201, 1_140), PTO_MS);
    assert.deepEqual([mtu.bytes, mtu.nextTimeoutMs()], [1_200, 1_200 + MTU_DEFAULTS.raiseMs]);
    for (const nowMs of [2_000, 3_000, 4_000]) mtu.onLost(nowMs, data(1_472, 1_140), PTO_MS);
    assert.equal(mtu.nextTimeoutMs(), 1_200 + MTU_DEFAULTS.raiseMs, 'later losses of earlier packets do not delay it');
    assert.deepEqual(search(mtu, 601_200, 1_472), [1_400, 1_452, 1_472]);
  });

  it('is none when a small packet is lost as well', () => {
    const mtu = settled();
    for (const nowMs of [1_000, 2_000]) mtu.onLost(nowMs, data(1_472, nowMs - 60), PTO_MS);
    mtu.onLost(2_500, data(1_200, 2_400), PTO_MS);
    for (const nowMs of [3_000, 4_000]) mtu.onLost(nowMs, data(1_472, nowMs - 60), PTO_MS);
    assert.equal(mtu.bytes, 1_472);
  });

  it('is none when a large one has come that was sent later', () => {
    const mtu = settled();
    for (const nowMs of [1_000, 2_000]) mtu.onLost(nowMs, data(1_472, nowMs - 60), PTO_MS);
    mtu.onAcknowledged(2_100, data(1_472, 2_050));
    for (const nowMs of [3_000, 4_000, 5_000]) mtu.onLost(nowMs, data(1_472, 2_050), PTO_MS);
    for (const nowMs of [6_000, 7_000]) mtu.onLost(nowMs, data(1_472, nowMs - 60), PTO_MS);
    assert.equal(mtu.bytes, 1_472);
  });

  it('is found by probe timeouts alone when nothing but large packets is in flight', () => {
    const mtu = settled();
    const loss = new LossDetector<undefined>(new RttEstimator());
    loss.sent(0, 0, 1_472, 'prompt', undefined);
    loss.sent(0, 1, 60, 'none', undefined);
    for (let round = 0; round < 3; round += 1) {
      assert.equal(mtu.bytes, 1_472);
      mtu.onPto(round * PTO_MS, loss.oldestInFlight);
    }
    assert.equal(mtu.bytes, 1_200);
  });

  it('is not found by probe timeouts with a small packet, or nothing but an MTU probe, in flight', () => {
    const mtu = settled();
    const small = new LossDetector<undefined>(new RttEstimator());
    small.sent(0, 0, 1_472, 'prompt', undefined);
    small.sent(0, 1, 60, 'prompt', undefined);
    const alone = new LossDetector<undefined>(new RttEstimator());
    alone.sent(0, 0, 4_096, 'prompt', undefined, true);
    for (let round = 0; round < 9; round += 1) {
      mtu.onPto(round * PTO_MS, small.oldestInFlight);
      mtu.onPto(round * PTO_MS, alone.oldestInFlight);
      mtu.onPto(round * PTO_MS, undefined);
    }
    assert.equal(mtu.bytes, 1_472);
  });
});
