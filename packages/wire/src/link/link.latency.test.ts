import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measureLatency } from '@confab/testing/link-latency';

/** Of each leg and direction; what is asked for at a message every 50 ms, with 20 ms each way per leg. */
const TARGETS = [
  { loss: 0, p99: 45, p999: 60, bytes: 525 },
  { loss: 0.01, p99: 55, p999: 100, bytes: 630 },
  { loss: 0.05, p99: 60, p999: 110, bytes: 924 },
  { loss: 0.1, p99: 65, p999: 130, bytes: 1_260 },
] as const;
const MESSAGES = 6_000;

/** Of all runs together: beyond that of one run are six messages, which may be late for one reason. */
function pooledP999(reports: readonly { readonly took: readonly number[] }[]): number {
  const took = reports.flatMap((report) => report.took).toSorted((one, other) => one - other);
  return took[Math.floor(took.length * 0.999)]!;
}

describe('a message from one client over the server to another', () => {
  for (const { loss, p99, p999, bytes } of TARGETS) {
    it(`comes in time at ${loss * 100} % loss, for a bounded number of bytes`, (t) => {
      const reports = [7, 8, 9].map((seed) => measureLatency({ seed, loss, gapMs: 50, messages: MESSAGES }));
      for (const { detail, took: _, ...figures } of reports) {
        t.diagnostic(`${loss * 100} %: ${JSON.stringify(figures)}; ${detail}`);
        assert.equal(figures.missing, 0);
        assert.ok(figures.p99 <= p99, `p99 ${figures.p99} ms`);
        assert.ok(figures.bytesPerMessage <= bytes, `${figures.bytesPerMessage} bytes per message`);
        assert.equal(figures.moves, 0, 'it stays on its path');
      }
      assert.ok(pooledP999(reports) <= p999, `p99.9 ${pooledP999(reports)} ms`);
    });
  }

  it('shares acknowledgements at 1 % loss when there is one every 200 ms, and takes none of them for a dead path', (t) => {
    for (const seed of [2, 3]) {
      const { detail, took: _, ...figures } = measureLatency({ seed, loss: 0.01, gapMs: 200, messages: MESSAGES });
      t.diagnostic(`every 200 ms: ${JSON.stringify(figures)}; ${detail}`);
      assert.deepEqual([figures.missing, figures.moves], [0, 0]);
      assert.ok(figures.p999 <= 100, `p99.9 ${figures.p999} ms`);
      assert.ok(figures.bytesPerMessage <= 650, `${figures.bytesPerMessage} bytes per message`);
    }
  });

  for (const gapMs of [20, 200]) {
    it(`comes in time when there is one every ${gapMs} ms at 5 % loss`, (t) => {
      const reports = [11, 12, 13].map((seed) => measureLatency({ seed, loss: 0.05, gapMs, messages: MESSAGES }));
      for (const { detail, took: _, ...figures } of reports) {
        t.diagnostic(`every ${gapMs} ms: ${JSON.stringify(figures)}; ${detail}`);
        assert.equal(figures.missing, 0);
        assert.ok(figures.p99 <= 60, `p99 ${figures.p99} ms`);
        assert.ok(figures.bytesPerMessage <= 940, `${figures.bytesPerMessage} bytes per message`);
      }
      assert.ok(pooledP999(reports) <= 110, `p99.9 ${pooledP999(reports)} ms`);
    });
  }
});
