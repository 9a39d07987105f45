import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CoreError } from '@confab/core';
import { entry, openHubWorld, ScriptedStore } from '@confab/testing';
import { DEVICE_KEY_LENGTH_MAX } from './name-owners.ts';

const address = '192.0.2.1';
const claim = (user: string, deviceKey: string, from = address) => ({ user, deviceKey, address: from });
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

describe('A user name', () => {
  it('belongs to the key that takes it first, for every later session of that key and for no other', async () => {
    const { hub, done, refusal } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    await done(hub.names.claim(claim('Ann', 'key 1')));
    assert.equal(await refusal(hub.names.claim(claim('Ann', 'key 2'))), 'NAME_TAKEN');
    assert.deepEqual([hub.names.isOwnedBy('Ann', 'key 1'), hub.names.isOwnedBy('Ann', 'key 2')], [true, false]);
    await done(hub.names.claim(claim('ann', 'key 2')));
    assert.equal(hub.names.size, 2);
  });

  it('is owned when the store has it and not before, and still after the process was killed', async () => {
    const { hub, store, done, refusal, run } = await openHubWorld();
    store.hold();
    const first = hub.names.claim(claim('Ann', 'key 1'));
    const again = hub.names.claim(claim('Ann', 'key 1'));
    await run();
    assert.equal(hub.names.isOwned('Ann'), false);
    assert.throws(() => hub.names.expectFree('Ann'), { code: 'NAME_TAKEN' });
    assert.equal(await refusal(hub.names.claim(claim('Ann', 'key 2'))), 'NAME_TAKEN');
    store.release();
    await done(Promise.all([first, again]));
    assert.equal(hub.names.isOwned('Ann'), true);
    assert.equal(store.commits.length, 1, 'the same key asked twice and was written once');
    const next = await openHubWorld({ store: store.reopen() });
    assert.equal(next.hub.names.isOwnedBy('Ann', 'key 1'), true);
    assert.equal(await next.refusal(next.hub.names.claim(claim('Ann', 'key 2'))), 'NAME_TAKEN');
  });

  it('is free again when the store did not take it', async () => {
    const { hub, store, done, refusal } = await openHubWorld({ limits: { namesMax: 1, keyNamesMax: 1 } });
    store.fail();
    assert.equal(await refusal(hub.names.claim(claim('Ann', 'key 1'))), 'STORE_FAILED');
    store.recover();
    hub.names.expectFree('Ann');
    await done(hub.names.claim(claim('Bo', 'key 1')));
    assert.equal(hub.names.isOwnedBy('Bo', 'key 1'), true);
  });

  it('that is not valid belongs to nobody', async () => {
    const { hub, refusal, store } = await openHubWorld();
    for (const user of ['', ' Ann', 'a\u0007b', 'System', 'x'.repeat(256)]) {
      assert.equal(await refusal(hub.names.claim(claim(user, 'key 1'))), 'USER_NAME_INVALID');
    }
    assert.equal(store.commits.length, 0);
  });
});

describe('Names that belong to keys', () => {
  it('are bounded for each key and for the server, counting those on their way to the store', async () => {
    const { hub, done, refusal } = await openHubWorld({ limits: { namesMax: 3, keyNamesMax: 2 } });
    const both = Promise.all([hub.names.claim(claim('a', 'key 1')), hub.names.claim(claim('b', 'key 1'))]);
    await assert.rejects(hub.names.claim(claim('c', 'key 1')), { code: 'LIMIT_REACHED', message: /This device has 2/ });
    await done(both);
    await done(hub.names.claim(claim('c', 'key 2')));
    await assert.rejects(hub.names.claim(claim('d', 'key 2')), { code: 'LIMIT_REACHED', message: /server keeps 3/ });
    assert.equal(await refusal(hub.names.claim(claim('a', 'key 1'))), 'not refused', 'owned names cost nothing');
  });

  it('are bounded for each key after a restart, too', async () => {
    const { hub, store, done } = await openHubWorld({ limits: { keyNamesMax: 1 } });
    await done(hub.names.claim(claim('a', 'key 1')));
    const next = await openHubWorld({ store: store.reopen(), limits: { keyNamesMax: 1 } });
    assert.equal(await next.refusal(next.hub.names.claim(claim('b', 'key 1'))), 'LIMIT_REACHED');
  });

  it('come from one address at a bounded rate; refusals and names owned already do not count', async () => {
    const limits = { addressNames: { perSecond: 1, burst: 2 } };
    const { hub, clock, done, refusal } = await openHubWorld({ limits });
    await done(hub.names.claim(claim('a', 'key 1')));
    assert.equal(await refusal(hub.names.claim(claim('a', 'key 2'))), 'NAME_TAKEN');
    await done(hub.names.claim(claim('a', 'key 1')));
    await done(hub.names.claim(claim('b', 'key 2')));
    assert.equal(await refusal(hub.names.claim(claim('c', 'key 3'))), 'RATE_LIMITED');
    await done(hub.names.claim(claim('c', 'key 3', '192.0.2.2')));
    clock.advance(1000);
    await done(hub.names.claim(claim('d', 'key 3')));
  });

  it('are taken no more once the server is closing', async () => {
    const { hub, done, refusal } = await openHubWorld();
    await done(hub.close());
    assert.equal(await refusal(hub.names.claim(claim('Ann', 'key 1'))), 'SERVER_CLOSING');
  });

  it('need a key of a sane length, which is for gateways to see to', async () => {
    const { hub } = await openHubWorld();
    await assert.rejects(hub.names.claim(claim('Ann', '')), RangeError);
    await assert.rejects(hub.names.claim(claim('Ann', 'k'.repeat(DEVICE_KEY_LENGTH_MAX + 1))), RangeError);
  });
});

describe('A member', () => {
  it('is verified with a key that owns the name, and so is all that it says', async () => {
    const { hub, store, done, run } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    const { member } = await done(hub.create(entry('lobby', 'Ann', { deviceKey: 'key 1' })));
    const other = (await done(hub.join(entry('lobby', 'Ann')))).member;
    hub.post(member, { body: text('hi') });
    hub.post(other, { body: text('ho') });
    hub.leave(other);
    await run();
    assert.deepEqual([member.isVerified, other.isVerified], [true, false]);
    assert.deepEqual(
      store.events(1).map(({ isVerified }) => isVerified),
      [true, undefined, true, undefined, undefined],
    );
    const next = await openHubWorld({ store: store.reopen() });
    assert.deepEqual(
      [...next.hub.members()].map(({ user, deviceKey }) => [user, deviceKey]),
      [['Ann', 'key 1']],
    );
    const [again] = [...next.hub.members()];
    next.hub.post(again!, { body: text('back') });
    await next.run();
    assert.equal(next.store.events(1).at(-1)?.isVerified, true);
  });

  it('is refused with a key that does not own the name, whether it makes a room or joins one', async () => {
    const { hub, done, refusal, store } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    await done(hub.create(entry('lobby', 'Bo')));
    const before = store.commits.length;
    for (const user of ['Ann', 'Bo']) {
      assert.equal(await refusal(hub.join(entry('lobby', user, { deviceKey: 'key 2' }))), 'NAME_TAKEN');
      assert.equal(await refusal(hub.create(entry('den', user, { deviceKey: 'key 2' }))), 'NAME_TAKEN');
    }
    assert.equal(store.commits.length, before);
  });

  it('who cannot prove a key may use any name, and is unverified', async () => {
    const { hub, done } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    const { member } = await done(hub.join(entry('lobby', 'Ann'), { makeOpen: true }));
    assert.equal(member.isVerified, false);
    assert.throws(
      () => hub.names.expectFree('Ann'),
      (error) => error instanceof CoreError && error.code === 'NAME_TAKEN',
    );
    hub.names.expectFree('Bo');
  });
});

describe('A hub on a store that holds a name of several keys', () => {
  it('takes each of them for an owner', async () => {
    const { store, hub, done } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    const disk = store.reopen();
    const load = disk.load.bind(disk);
    const shared = Object.assign(new ScriptedStore(), {
      load: async () => {
        const state = await load();
        return { ...state, names: [...state.names, { user: 'Ann', deviceKey: 'key 2', takenMs: 1 }] };
      },
    });
    const next = await openHubWorld({ store: shared });
    assert.equal(next.hub.names.size, 1);
    for (const key of ['key 1', 'key 2']) await next.done(next.hub.names.claim(claim('Ann', key)));
    assert.equal(await next.refusal(next.hub.names.claim(claim('Ann', 'key 3'))), 'NAME_TAKEN');
  });
});
