import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair } from '@confab/testing/link-pair';
import { AnswerHold } from './answer-hold.ts';
import { encodeOwnEvent } from './records.ts';

const ROUND_TRIP_MS = 40;

/** After calm posts, so far apart, each answered at once. */
function streaming(gapMs: number, posts = 60): { readonly hold: AnswerHold; readonly nowMs: number } {
  const hold = new AnswerHold({ holdMsMax: 250 });
  let nowMs = 1_000;
  for (let post = 0; post < posts; post += 1) {
    nowMs += gapMs;
    hold.posted(nowMs, true);
    hold.told(nowMs, ROUND_TRIP_MS);
  }
  return { hold, nowMs };
}

describe('The answers to posts', () => {
  it('wait while calm posts follow each other, for the longest time that an acknowledgement may take', () => {
    const { hold, nowMs } = streaming(20);
    for (let laterMs = 20; laterMs < 270; laterMs += 20) {
      hold.posted(nowMs + laterMs, true);
      assert.equal(hold.holds(nowMs + laterMs, ROUND_TRIP_MS), true, `after ${laterMs} ms`);
    }
    assert.equal(hold.holds(nowMs + 270, ROUND_TRIP_MS), false);
    hold.told(nowMs + 270, ROUND_TRIP_MS);
    hold.posted(nowMs + 280, true);
    assert.equal(hold.holds(nowMs + 280, ROUND_TRIP_MS), true, 'and those to the next ones again');
  });

  it('go out at once when a post is in a hurry, and when posts are too far apart', () => {
    const { hold, nowMs } = streaming(20);
    hold.posted(nowMs + 20, false);
    assert.equal(hold.holds(nowMs + 20, ROUND_TRIP_MS), false);
    const rare = streaming(400);
    assert.equal(rare.hold.holds(rare.nowMs, ROUND_TRIP_MS), false);
  });

  it('go out when the next post does not come, and then at once for a hundred posts', () => {
    const { hold, nowMs } = streaming(20);
    assert.equal(hold.holds(nowMs, ROUND_TRIP_MS), true);
    const dueMs = hold.dueMs(ROUND_TRIP_MS)!;
    assert.ok(dueMs > nowMs + 20 + ROUND_TRIP_MS && dueMs < nowMs + 20 + 2 * ROUND_TRIP_MS, `${dueMs - nowMs} ms`);
    assert.equal(hold.holds(dueMs, ROUND_TRIP_MS), false);
    hold.told(dueMs, ROUND_TRIP_MS);
    let laterMs = dueMs;
    for (let post = 1; post <= 100; post += 1) {
      laterMs += 20;
      hold.posted(laterMs, true);
      assert.equal(hold.holds(laterMs, ROUND_TRIP_MS), post === 100, `post ${post}`);
      if (post < 100) hold.told(laterMs, ROUND_TRIP_MS);
    }
  });
});

describe('The answers of a server', () => {
  it('come several in a packet to whoever goes on posting', () => {
    const pair = answering(new LinkPair({ tuning: { copyShareMin: 1 } }).start());
    for (let post = 0; post < 300; post += 1) {
      pair.send('client', new Uint8Array(100));
      pair.pass(20);
    }
    const before = pair.server.session.readout.packetsSent;
    for (let post = 0; post < 300; post += 1) {
      pair.send('client', new Uint8Array(100));
      pair.pass(20);
    }
    pair.pass(500);
    assert.equal(pair.bodies('client').length, 600);
    const packets = pair.server.session.readout.packetsSent - before;
    assert.ok(packets <= 70, `${packets} packets for 300 answers`);
  });

  it('come in a round trip to whoever waits for each, but for one in a hundred', () => {
    const pair = answering(new LinkPair({ tuning: { copyShareMin: 1 } }).start());
    const took: number[] = [];
    let postedMs = 0;
    const post = (): void => {
      postedMs = pair.network.nowMs;
      pair.send('client', new Uint8Array(100));
    };
    const answer = pair.onEvent;
    pair.onEvent = (side, event) => {
      answer(side, event);
      if (side !== 'client' || event.type !== 'record') return;
      took.push(pair.network.nowMs - postedMs);
      // It thinks for a while about what to say next.
      if (took.length < 500) pair.network.after(20, post);
    };
    post();
    pair.pass(60_000);
    assert.equal(took.length, 500);
    const late = took.filter((ms) => ms > 50);
    assert.ok(late.length <= 6, `${late.length} answers of 500 were held`);
    assert.ok(Math.max(...took) <= 300, `${Math.max(...took)} ms`);
  });

  /** A server that answers each post with its own event. */
  function answering(pair: LinkPair): LinkPair {
    let outbox = 0;
    pair.onEvent = (side, event) => {
      if (side !== 'server' || event.type !== 'record') return;
      outbox += 1;
      const body = encodeOwnEvent({ kind: 0, timeMs: Math.round(pair.network.nowMs), outbox });
      pair.network.after(1, () => pair.send('server', body));
    };
    return pair;
  }
});
