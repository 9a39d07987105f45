import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LinkStatusEvent } from '@confab/client';
import { pathNoteOf } from '../bench/loss/agent/link-view.ts';
import { composeMessage, parseMessage } from '../bench/loss/agent/message.ts';
import type { PosterView } from '../bench/loss/agent/protocol.ts';
import { Tally } from '../bench/loss/agent/tally.ts';
import { parseTraffic } from '../bench/loss/agent/traffic.ts';
import { parseLossOptions } from '../bench/loss/options.ts';
import { quantile } from '../bench/loss/quantile.ts';
import { arrivalRules, parseCounters } from '../bench/loss/rig/firewall.ts';
import { parseFacts } from '../bench/loss/rig/tool-rig.ts';
import { changesAfter } from '../bench/loss/scenarios/failover.ts';
import { type Cell, pairsFor } from '../bench/loss/scenarios/latency.ts';
import { judgeViews } from '../bench/loss/scenarios/views.ts';
import { judgeTarget } from '../bench/loss/targets.ts';

describe('the counting of the loss benchmark', () => {
  it('dates and numbers a message of exactly the size asked for', () => {
    const text = composeMessage(17, 123_456_789.6, 100);
    assert.equal(Buffer.byteLength(text), 100);
    assert.deepEqual(parseMessage(text), { index: 17, timeUs: 123_456_789 });
    assert.equal(parseMessage('a0 joined'), undefined);
  });

  it('tells what came late, twice and not at all apart', () => {
    const tally = new Tally();
    for (const index of [0, 1, 3, 2, 3]) tally.note(index, 1000 * index, 5000);
    const { delivered, doubled, outOfOrder } = tally;
    assert.deepEqual({ delivered, doubled, outOfOrder }, { delivered: 4, doubled: 1, outOfOrder: 1 });
    assert.deepEqual(tally.measured(2), { latenciesUs: [2000, 3000], sentUs: [3000, 2000] });
  });

  it('gives exact quantiles', () => {
    const values = Array.from({ length: 1000 }, (_, index) => 1000 - index);
    assert.deepEqual(
      [0.5, 0.99, 0.999, 1].map((share) => quantile(values, share)),
      [500, 990, 999, 1000],
    );
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });

  it('counts what left by every interface but loopback', () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     900      9    0    0    0     0          0         0      900       9    0    0    0     0       0          0
 leg-a:     100      2    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
 leg-b:     100      2    0    0    0     0          0         0      234       5    0    0    0     0       0          0
`;
    assert.deepEqual(parseTraffic(text), { bytes: 1234, packets: 15 });
  });

  it('reads how many packets the firewall and the tool have dropped', () => {
    const counter = (name: string, packets: number) => ({ counter: { family: 'inet', name, packets, bytes: 0 } });
    const json = JSON.stringify({ nftables: [{ metainfo: {} }, counter('seen', 200), counter('lost', 11)] });
    assert.deepEqual(parseCounters(json), { packets: 200, lost: 11 });
    const direction = (lost: number, p999: number) => ({ in_pkts: 100, lost, late_us: { p50: 5, p999 } });
    const stats = JSON.stringify({ seed: 1, up: direction(4, 130), down: direction(6, 90) });
    assert.deepEqual(parseFacts(stats), { packets: 200, lost: 10, lateUs: 130 });
  });

  it('counts changes of path from the block that caused them, each user alone', () => {
    const note = (user: string, timeUs: number, path: string) => ({ user, timeUs, path, reason: '' });
    const notes = [note('a0', 50, 'tcp'), note('a0', 150, 'tcp'), note('a0', 300, 'udp'), note('b0', 400, 'udp')];
    const fallback = changesAfter(notes, 100, 200, (path) => path !== 'udp');
    assert.deepEqual(fallback, { a0: 50, b0: undefined });
    assert.deepEqual(
      changesAfter(notes, 200, 500, (path) => path === 'udp'),
      { a0: 100, b0: 200 },
    );
  });

  it('reads paths from changes of the link only', () => {
    const status = { path: 'tcp', reason: 'nothing-received' } as LinkStatusEvent['status'];
    const event: LinkStatusEvent = { type: 'link', isChange: true, status, text: '' };
    assert.deepEqual(pathNoteOf(event), { path: 'tcp', reason: 'nothing-received' });
    assert.equal(pathNoteOf({ ...event, isChange: false }), undefined);
    assert.equal(pathNoteOf({ type: 'notice', text: 'Ann joined' }), undefined);
  });
});

describe('the judging of the loss benchmark', () => {
  const view = (seen: PosterView['seen'], accepted: readonly string[] = []): PosterView => {
    return { user: 'u', accepted, uncertain: 0, connects: 1, seen, contradictions: 0 };
  };

  it('finds nothing wrong when everybody saw every accepted message once, in one order', () => {
    const seen = [
      [3, 'x:1'],
      [5, 'y:1'],
      [6, 'x:2'],
    ] as const;
    // y:1 was never confirmed, and that is all right.
    const verdict = judgeViews([view(seen, ['x:1', 'x:2']), view(seen)]);
    assert.deepEqual(verdict, { accepted: 2, missing: 0, doubled: 0, contradictions: 0 });
  });

  it('finds a message that one of them missed, one that came under two numbers, and two orders', () => {
    const verdict = judgeViews([
      view(
        [
          [3, 'x:1'],
          [4, 'x:2'],
        ],
        ['x:1', 'x:2'],
      ),
      view([[3, 'x:1']]),
      view([
        [3, 'x:2'],
        [4, 'x:1'],
        [5, 'x:1'],
      ]),
    ]);
    assert.deepEqual(verdict, { accepted: 2, missing: 1, doubled: 1, contradictions: 2 });
  });

  const cell = { wire: 'link', isJudged: true, loss: 0.05, pattern: '50', delayMs: 20 } as Cell;
  const met = { ...cell, p99Us: 60_000, p999Us: 110_000, bytesPerMessage: 2.2 * 420 };

  it('holds a judged wire to p99, p99.9 and bytes, and to each by itself', () => {
    const verdicts = (changed: Partial<Cell>) => judgeTarget({ ...met, ...changed }, 1).map(({ isMet }) => isMet);
    assert.deepEqual(verdicts({}), [true, true, true]);
    assert.deepEqual(verdicts({ p99Us: 60_001 }), [false, true, true]);
    assert.deepEqual(verdicts({ p999Us: 110_001 }), [true, false, true]);
    assert.deepEqual(verdicts({ bytesPerMessage: 925 }), [true, true, false]);
  });

  it('has targets only for the delay and the losses that they were set for', () => {
    assert.deepEqual(judgeTarget({ ...met, delayMs: 0 }, 1), []);
    assert.deepEqual(judgeTarget({ ...met, loss: 0.03 }, 1), []);
    assert.deepEqual(judgeTarget({ ...met, isJudged: false }, 1), []);
    const [runs, ...others] = judgeTarget({ ...met, p99Us: 120_001 }, 4);
    assert.deepEqual([runs?.isMet, others], [false, []]);
  });
});

describe('the options of the loss benchmark', () => {
  it('reads losses as per cent, and gaps with their bursts', () => {
    const { losses, patterns, messages } = parseLossOptions(['--losses', '0,2.5', '--gaps', '20,50x4']);
    assert.deepEqual(losses, [0, 0.025]);
    assert.deepEqual(patterns, [
      { name: '20', gapMs: 20, burst: 1 },
      { name: '50x4', gapMs: 50, burst: 4 },
    ]);
    assert.equal(messages, 5000);
  });

  it('refuses what it cannot do', () => {
    for (const args of [
      ['--scenario', 'rain'],
      ['--wires', 'pigeon'],
      ['--losses', '91'],
      ['--losses', ''],
      ['--gaps', '50y4'],
      ['--messages', '0'],
      ['--loss-run', '4'],
      ['--unknown'],
    ]) {
      assert.throws(() => parseLossOptions(args), Error, args.join(' '));
    }
  });

  it('puts as many rooms side by side as keep the rate where the machine is not what they wait for', () => {
    const pairs = (gapMs: number, burst: number, messages = 20_000): number =>
      pairsFor({ name: '', gapMs, burst }, { pairs: undefined, messages });
    assert.deepEqual([pairs(20, 1), pairs(50, 1), pairs(200, 1), pairs(50, 4), pairs(1, 1)], [2, 5, 20, 1, 1]);
    assert.deepEqual([pairs(200, 1, 5_000), pairs(200, 1, 100)], [5, 1], 'a thousand messages in each');
    assert.equal(pairsFor({ name: '', gapMs: 20, burst: 1 }, { pairs: 2, messages: 100 }), 2);
  });

  it('writes rules that spare loopback, and drop to a part in a million', () => {
    const rules = arrivalRules({ loss: 0.0125, blocked: 'udp' });
    assert.match(rules, /iifname "lo" accept\n\s+meta l4proto udp drop\n\s+counter name seen\n/);
    assert.match(rules, /numgen random mod 1000000 < 12500 counter name lost drop/);
    assert.doesNotMatch(arrivalRules({ loss: 0, blocked: undefined }), /numgen|l4proto/);
  });
});
