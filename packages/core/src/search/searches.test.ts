import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, Hub, type Limits, type Member, type SearchAsk, type SearchPage } from '@confab/core';
import { entry, fakeSecrets, ManualSchedule, ScriptedStore, SimClock } from '@confab/testing';

const nothing: SearchPage = { messages: [], nextBeforeSeq: undefined, unsearched: 0 };

/** A hub whose index does as it is told. */
async function openWorld({ limits = {}, isSearched = true }: { limits?: Partial<Limits>; isSearched?: boolean } = {}) {
  const asks: SearchAsk[] = [];
  const held: (() => void)[] = [];
  let isHolding = false;
  const index = {
    find: async (ask: SearchAsk) => {
      asks.push(ask);
      if (isHolding) await new Promise<void>((resolve) => held.push(resolve));
      return nothing;
    },
  };
  const clock = new SimClock();
  const schedule = new ManualSchedule();
  const hub = await Hub.open({
    store: new ScriptedStore(),
    clock,
    secrets: fakeSecrets(1),
    schedule: schedule.schedule,
    limits: { ...defaultLimits, ...limits },
    searchIndex: isSearched ? index : undefined,
  });
  const join = async (room: string, address?: string): Promise<Member> => {
    const joining = hub.join(entry(room, 'Ann', address === undefined ? {} : { address }), { makeOpen: true });
    await schedule.runUntilIdle();
    return (await joining).member;
  };
  const hold = (): void => {
    isHolding = true;
  };
  const release = (): void => {
    isHolding = false;
    for (const go of held.splice(0)) go();
  };
  return { hub, clock, schedule, asks, join, hold, release };
}

test('a member searches its own room, up to what is published, and within the limits of a page', async () => {
  const { hub, join, asks } = await openWorld({ limits: { searchPageMax: 10 } });
  await join('elsewhere');
  const ann = await join('lobby');
  await hub.search(ann, { query: 'hello' });
  await hub.search(ann, { query: 'hello', beforeSeq: 99, limit: 99 });
  await hub.search(ann, { query: 'hello', beforeSeq: -1, limit: 0.5 });
  await hub.search(ann, { query: 'hello', beforeSeq: Number.NaN, limit: 3 });
  assert.deepEqual(
    asks.map(({ roomId, headSeq, beforeSeq, limit }) => [roomId, headSeq, beforeSeq, limit]),
    [
      [2, 1, 2, 10],
      [2, 1, 2, 10],
      [2, 1, 1, 1],
      [2, 1, 2, 3],
    ],
  );
});

test('who is not in the room finds nothing, also when it left while the search was under way', async () => {
  const { hub, join, hold, release } = await openWorld();
  const ann = await join('lobby');
  hold();
  const searching = hub.search(ann, { query: 'hello' });
  hub.leave(ann);
  release();
  await assert.rejects(searching, { code: 'NOT_A_MEMBER' });
  await assert.rejects(hub.search(ann, { query: 'hello' }), { code: 'NOT_A_MEMBER' });
});

test('searches of one address come as fast as its rate, bad ones too, and others are not kept waiting', async () => {
  const { hub, join, clock } = await openWorld({ limits: { addressSearches: { perSecond: 1, burst: 2 } } });
  const [ann, bob, eve] = [await join('lobby'), await join('lobby'), await join('lobby', '192.0.2.9')];
  await hub.search(ann, { query: 'hello' });
  await assert.rejects(hub.search(bob, { query: '"' }), { code: 'QUERY_INVALID' });
  await assert.rejects(hub.search(bob, { query: 'hello' }), { code: 'RATE_LIMITED' });
  await hub.search(eve, { query: 'hello' });
  clock.advance(1000);
  await hub.search(ann, { query: 'hello' });
});

test('more than so many at a time are refused until one is done', async () => {
  const { hub, join, hold, release } = await openWorld({ limits: { searchesMax: 2 } });
  const ann = await join('lobby');
  hold();
  const searching = [hub.search(ann, { query: 'a1' }), hub.search(ann, { query: 'a2' })];
  await assert.rejects(hub.search(ann, { query: 'a3' }), { code: 'RATE_LIMITED' });
  release();
  await Promise.all(searching);
  await hub.search(ann, { query: 'a4' });
});

test('a server without an index, and one that closes, say so', async () => {
  const { hub, join } = await openWorld({ isSearched: false });
  const ann = await join('lobby');
  await assert.rejects(hub.search(ann, { query: 'hello' }), { code: 'SEARCH_UNAVAILABLE' });
  await hub.close();
  await assert.rejects(hub.search(ann, { query: 'hello' }), { code: 'SERVER_CLOSING' });
});
