import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entry, type HubWorld, openHubWorld } from '@confab/testing';
import { CoreError } from './errors.ts';
import { EventKind } from './event.ts';
import type { Member } from './member.ts';

const { EDIT, DELETE, REACTION, MESSAGE } = EventKind;
const APPLICATION = 40;

async function enter(world: HubWorld, user: string): Promise<Member> {
  return (await world.done(world.hub.join(entry('lobby', user), { makeOpen: true }))).member;
}

/** Post, and how it ends: its sequence number or the error's code. */
function post(world: HubWorld, member: Member, kind: number, target?: number, clientId?: string) {
  const results: (number | string)[] = [];
  const body = new TextEncoder().encode('x');
  const refused = world.hub.post(member, {
    kind,
    target,
    clientId,
    body,
    settle: (result) => void results.push(result instanceof CoreError ? result.code : result.seq),
  });
  if (refused !== undefined) results.push(refused.code);
  return results;
}

async function ended(world: HubWorld, results: readonly (number | string)[]): Promise<number | string | undefined> {
  await world.run();
  return results[0];
}

/** Ann and Bob in a room: their joins are events 1 and 2, Ann's line is 3, Bob's 4, Ann's reaction to Bob 5. */
async function talk(options: Parameters<typeof openHubWorld>[0] = {}) {
  const world = await openHubWorld(options);
  const [ann, bob] = [await enter(world, 'Ann'), await enter(world, 'Bob')];
  assert.equal(await ended(world, post(world, ann, MESSAGE)), 3);
  assert.equal(await ended(world, post(world, bob, MESSAGE)), 4);
  assert.equal(await ended(world, post(world, ann, REACTION, 4)), 5);
  return { world, ann, bob };
}

describe('Edits, deletions and reactions', () => {
  test('one edits and withdraws what one said oneself, and withdraws reactions', async () => {
    const { world, ann } = await talk();
    assert.equal(await ended(world, post(world, ann, EDIT, 3)), 6);
    assert.equal(await ended(world, post(world, ann, DELETE, 3)), 7);
    assert.equal(await ended(world, post(world, ann, DELETE, 5)), 8);
  });

  test('what somebody else said can be reacted to, and neither edited nor withdrawn', async () => {
    const { world, ann, bob } = await talk();
    assert.deepEqual(post(world, bob, EDIT, 3), ['NOT_THE_AUTHOR']);
    assert.deepEqual(post(world, bob, DELETE, 3), ['NOT_THE_AUTHOR']);
    assert.deepEqual(post(world, bob, DELETE, 5), ['NOT_THE_AUTHOR']);
    assert.equal(await ended(world, post(world, bob, REACTION, 3)), 6);
    assert.equal(await ended(world, post(world, ann, REACTION, 3)), 7);
  });

  test('the same name is not the same person', async () => {
    const { world } = await talk();
    const other = await enter(world, 'Ann');
    assert.deepEqual(post(world, other, EDIT, 3), ['NOT_THE_AUTHOR']);
  });

  test('they name an event that exists and that can be edited, withdrawn or reacted to', async () => {
    const { world, ann } = await talk();
    assert.equal(await ended(world, post(world, ann, EDIT, 3)), 6);
    const none = [EDIT, DELETE, REACTION].map((kind) => [kind, undefined] as const);
    const later = [EDIT, DELETE, REACTION].map((kind) => [kind, 7] as const);
    const joins = [EDIT, DELETE, REACTION].map((kind) => [kind, 1] as const);
    const edits = [EDIT, DELETE, REACTION].map((kind) => [kind, 6] as const);
    const reactions = [EDIT, REACTION].map((kind) => [kind, 5] as const);
    for (const [kind, target] of [...none, ...later, ...joins, ...edits, ...reactions]) {
      assert.deepEqual(post(world, ann, kind, target), ['POST_INVALID'], `kind ${kind}, event ${target}`);
    }
  });

  test('what applications say can be edited by who said it, and their own kinds may name anything', async () => {
    const { world, ann, bob } = await talk();
    assert.equal(await ended(world, post(world, ann, APPLICATION, 99)), 6);
    assert.equal(await ended(world, post(world, ann, EDIT, 6)), 7);
    assert.deepEqual(post(world, bob, EDIT, 6), ['NOT_THE_AUTHOR']);
  });

  test('of what memory no longer holds, the store tells whose it is', async () => {
    const { world, ann, bob } = await talk({ limits: { tailEventsMax: 1 } });
    world.store.holdReads();
    const [edit, repeated, theft] = [
      post(world, ann, EDIT, 3, 'edit 1'),
      post(world, ann, EDIT, 3, 'edit 1'),
      post(world, bob, EDIT, 3),
    ];
    await world.run();
    assert.deepEqual([edit, repeated, theft], [[], [], []]);
    world.store.releaseReads();
    await world.run();
    assert.deepEqual([edit, repeated, theft], [[6], [6], ['NOT_THE_AUTHOR']]);
  });

  test('who leaves before the store has told, or finds the store broken, is refused', async () => {
    const { world, ann, bob } = await talk({ limits: { tailEventsMax: 1 } });
    world.store.holdReads();
    const [left, broken] = [post(world, ann, EDIT, 3), post(world, bob, REACTION, 3, 'again')];
    world.hub.leave(ann);
    world.store.readFailure = new Error('broken');
    world.store.releaseReads();
    await world.run();
    world.store.readFailure = undefined;
    assert.equal(broken[0], 'STORE_FAILED');
    assert.ok(['NOT_A_MEMBER', 'STORE_FAILED'].includes(String(left[0])));
    const again = post(world, bob, REACTION, 3, 'again');
    assert.equal(typeof (await ended(world, again)), 'number', 'the id was not used up');
  });

  test('as many wait for the store as may wait for a commit, and the next is refused', async () => {
    const { world, ann } = await talk({ limits: { tailEventsMax: 1, commitQueueMax: 3 } });
    world.store.holdReads();
    const waiting = [1, 2, 3].map(() => post(world, ann, EDIT, 3));
    assert.deepEqual(post(world, ann, EDIT, 3), ['RATE_LIMITED']);
    world.store.releaseReads();
    await world.run();
    assert.deepEqual(waiting, [[6], [7], [8]]);
    assert.equal(await ended(world, post(world, ann, EDIT, 3)), 9);
  });
});
