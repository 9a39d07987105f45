import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runLinkStory } from '@confab/testing/link-story';
import { propertyRuns } from '@confab/testing/property-runs';

/** Seeds of a normal run; `CONFAB_TEST_RUNS=100000` is the long one. */
const SEEDS = 2_000;
/** Stories beyond those that showed a fault once: answers that were due while the congestion window was full. */
const TOLD_BEFORE = [5_264, 57_910];
const FILE = 'packages/wire/src/link/link.simulation.test.ts';

/** `CONFAB_LINK_SEED=17` runs that one alone, `CONFAB_LINK_SEED=5001-6000` a stretch of the long run. */
function seeds(): { readonly first: number; readonly last: number } {
  const only = process.env.CONFAB_LINK_SEED;
  if (only !== undefined && only !== '') {
    const [first = Number.NaN, last = first] = only.split('-').map(Number);
    if (!(first <= last)) throw new RangeError(`CONFAB_LINK_SEED "${only}" is neither a number nor two with a dash`);
    return { first, last };
  }
  return { first: 1, last: (process.env.CONFAB_TEST_RUNS ?? '') === '' ? SEEDS : propertyRuns() };
}

describe('clients, rooms and a bad network', () => {
  it('show every member the log, each event once and in order, and bring everything when the network is well again', (t) => {
    const { first, last } = seeds();
    for (let seed = first; seed <= last; seed += 1) tell(seed);
    t.diagnostic(`seeds ${first} to ${last}`);
  });

  it('go on as well where that went wrong before', () => {
    for (const seed of TOLD_BEFORE) tell(seed);
  });

  function tell(seed: number): void {
    try {
      runLinkStory(seed);
    } catch (error) {
      assert.fail(`${error}\nReplay: CONFAB_LINK_SEED=${seed} node --test ${FILE}`);
    }
  }
});
