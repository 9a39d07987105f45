import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entry, type HubWorld, openHubWorld, RecordingEncoding, RecordingOutlet } from '@confab/testing';
import { CoreError } from './errors.ts';
import type { Member } from './member.ts';
import { RUN_MESSAGES_MAX } from './posts.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Texts as views of one buffer, `gap` bytes apart. */
function views(texts: readonly string[], gap = 0): Uint8Array[] {
  const parts = texts.map(encode);
  const all = new Uint8Array(parts.reduce((total, { length }) => total + length + gap, 0));
  let at = 0;
  return parts.map((part) => {
    all.set(part, at);
    const view = all.subarray(at, at + part.length);
    at += part.length + gap;
    return view;
  });
}

async function withAnn(options: Parameters<typeof openHubWorld>[0] = {}) {
  const world = await openHubWorld(options);
  const { member } = await world.done(world.hub.join(entry('lobby', 'ann'), { makeOpen: true }));
  return { world, hub: world.hub, ann: member };
}

function postRun(world: HubWorld, member: Member, bodies: readonly Uint8Array[]) {
  const results: (number | string)[] = [];
  const { taken, refusal } = world.hub.postRun(member, bodies, (result) => {
    results.push(result instanceof CoreError ? result.code : result.seq);
  });
  return { taken, refusal: refusal?.code, results };
}

async function textsOf(hub: HubWorld['hub'], member: Member): Promise<string[]> {
  return (await hub.history(member, 2, 1000)).map(({ body }) => decode(body));
}

describe('A run of messages', () => {
  test('is in the log one message behind the other, is one delivery, and is settled once, after it', async () => {
    const { world, hub, ann } = await withAnn();
    const encoding = new RecordingEncoding();
    const outlet = new RecordingOutlet('ann');
    hub.attach(ann, encoding, outlet);
    const { taken, refusal, results } = postRun(world, ann, views(['a', 'b', 'c']));
    assert.deepEqual([taken, refusal, results], [3, undefined, []]);
    await world.run();
    assert.deepEqual([results, outlet.seqs, encoding.deliveries.length], [[4], [2, 3, 4], 1]);
    assert.deepEqual(await textsOf(hub, ann), ['a', 'b', 'c']);
  });

  test('costs a token for each message; what is beyond them is refused, and what is before is said', async () => {
    const { world, hub, ann } = await withAnn({ limits: { memberMessages: { perSecond: 1, burst: 2 } } });
    const run = postRun(world, ann, views(['1', '2', '3', '4']));
    assert.deepEqual([run.taken, run.refusal], [2, 'RATE_LIMITED']);
    assert.deepEqual(postRun(world, ann, views(['5'])), { taken: 0, refusal: 'RATE_LIMITED', results: [] });
    await world.run();
    assert.deepEqual([run.results, await textsOf(hub, ann)], [[3], ['1', '2']]);
  });

  test('ends before a message that is too long, which costs no token', async () => {
    const limits = { messageBytesMax: 3, memberMessages: { perSecond: 1, burst: 3 } };
    const { world, hub, ann } = await withAnn({ limits });
    const { taken, refusal } = postRun(world, ann, views(['abc', 'abcd', 'x']));
    assert.deepEqual([taken, refusal], [1, 'MESSAGE_TOO_LONG']);
    assert.equal(postRun(world, ann, views(['d', 'e', 'f'])).taken, 2);
    await world.run();
    assert.deepEqual(await textsOf(hub, ann), ['abc', 'd', 'e']);
  });

  test('weighs as many as it holds: the queue takes no more than it may, whoever asks', async () => {
    const { world, hub, ann } = await withAnn({ limits: { commitQueueMax: 3 } });
    const { taken, refusal } = postRun(world, ann, views(['1', '2', '3', '4']));
    assert.deepEqual([taken, refusal], [3, 'RATE_LIMITED']);
    assert.equal(hub.post(ann, { body: encode('5') })?.code, 'RATE_LIMITED');
    await world.run();
    assert.equal(hub.post(ann, { body: encode('6') }), undefined);
  });

  test('is looked at no further than RUN_MESSAGES_MAX', async () => {
    const limits = { memberMessages: { perSecond: 1, burst: 5000 } };
    const { world, hub, ann } = await withAnn({ limits });
    const texts = Array.from({ length: RUN_MESSAGES_MAX + 1 }, (_, index) => String(index));
    assert.deepEqual(postRun(world, ann, views(texts)), { taken: RUN_MESSAGES_MAX, refusal: undefined, results: [] });
    await world.run();
    assert.equal(ann.room.log.headSeq, RUN_MESSAGES_MAX + 1);
    assert.equal((await textsOf(hub, ann)).at(-1), String(999), 'oldest first');
  });

  test('fails as one when the store does, and the numbers are given again', async () => {
    const { world, hub, ann } = await withAnn();
    world.store.fail();
    const { results } = postRun(world, ann, views(['1', '2']));
    await world.run();
    assert.deepEqual(results, ['STORE_FAILED']);
    world.store.recover();
    const again = postRun(world, ann, views(['3']));
    await world.run();
    assert.deepEqual([again.results, await textsOf(hub, ann)], [[2], ['3']]);
  });

  test('is refused whole from somebody who is gone, and while the server closes', async () => {
    const { world, hub, ann } = await withAnn();
    hub.leave(ann);
    assert.deepEqual(postRun(world, ann, views(['1'])), { taken: 0, refusal: 'NOT_A_MEMBER', results: [] });
    const closing = hub.close();
    assert.equal(postRun(world, ann, views(['1'])).refusal, 'SERVER_CLOSING');
    await world.done(closing);
  });

  test('keeps the buffer it came in only when it makes up half of it', async () => {
    const { world, hub, ann } = await withAnn();
    for (const bodies of [views(['hello', 'you'], 4), views(['hello', 'you'], 5), views(['x'], 100)]) {
      postRun(world, ann, bodies);
    }
    await world.run();
    const events = world.store.commits.flat().flatMap((change) => (change.type === 'event' ? [change.event] : []));
    const kept = events.slice(1).map(({ body }) => body.buffer.byteLength);
    assert.deepEqual(kept, [16, 16, 8, 8, 1]);
    assert.deepEqual(await textsOf(hub, ann), ['hello', 'you', 'hello', 'you', 'x']);
  });
});
