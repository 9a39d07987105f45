import assert from 'node:assert/strict';
import perfHooks from 'node:perf_hooks';
import { test } from 'node:test';
import { openHubWorld } from '@confab/testing';
import { Metrics } from './metrics.ts';
import { Stats } from './stats.ts';

test('the process is watched once somebody asks, and only once', async (context) => {
  const watching = context.mock.method(perfHooks, 'monitorEventLoopDelay');
  const { hub } = await openHubWorld();
  const metrics = [new Metrics(hub, new Stats()), new Metrics(hub, new Stats())];
  assert.equal(watching.mock.callCount(), 0);
  const [text = '', other = ''] = await Promise.all(metrics.map((of) => of.text()));
  assert.equal(watching.mock.callCount(), 1);
  for (const one of [text, other]) {
    assert.match(one, /^confab_rooms 0$/m);
    assert.match(one, /^process_cpu_seconds_total /m);
  }
  const [, shortestLag] = /^nodejs_eventloop_lag_min_seconds (\S+)$/m.exec(text) ?? [];
  assert.ok(Number(shortestLag) < 60, `the event loop was late by ${shortestLag} s at least`);
});
