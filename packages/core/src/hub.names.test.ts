import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CoreError, defaultLimits } from '@confab/core';
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
        return {
          ...state,
          names: [...state.names, { user: 'Ann', deviceKey: 'key 2', takenMs: 1, usedMs: 1, address: '' }],
        };
      },
    });
    const next = await openHubWorld({ store: shared });
    assert.equal(next.hub.names.size, 1);
    for (const key of ['key 1', 'key 2']) await next.done(next.hub.names.claim(claim('Ann', key)));
    assert.equal(await next.refusal(next.hub.names.claim(claim('Ann', 'key 3'))), 'NAME_TAKEN');
  });
});

const DAY_MS = 86_400_000;

describe('A name that nobody uses', () => {
  it('is somebody else’s to take after its time, sooner when it was never used again, and its owner’s until then', async () => {
    const { hub, clock, store, done, refusal } = await openHubWorld();
    const { nameTrialMs, nameIdleMs } = defaultLimits;
    await done(hub.names.claim(claim('Ann', 'key 1')));
    await done(hub.names.claim(claim('Bo', 'key 1')));
    clock.advance(DAY_MS);
    await done(hub.names.claim(claim('Bo', 'key 1')));
    clock.advance(nameTrialMs - DAY_MS - 1);
    assert.equal(await refusal(hub.names.claim(claim('Ann', 'key 2'))), 'NAME_TAKEN');
    clock.advance(1);
    assert.equal(hub.names.isOwned('Ann'), false);
    hub.names.expectFree('Ann');
    await done(hub.names.claim(claim('Ann', 'key 2')));
    assert.deepEqual([hub.names.isOwnedBy('Ann', 'key 1'), hub.names.isOwnedBy('Ann', 'key 2')], [false, true]);
    assert.equal(await refusal(hub.names.claim(claim('Bo', 'key 2'))), 'NAME_TAKEN');
    clock.advance(nameIdleMs - nameTrialMs + DAY_MS - 1);
    assert.equal(hub.names.isOwned('Bo'), true);
    clock.advance(1);
    await done(hub.names.claim(claim('Bo', 'key 1')));
    assert.equal(await refusal(hub.names.claim(claim('Bo', 'key 2'))), 'NAME_TAKEN', 'nobody else came before');
    const next = await openHubWorld({ store: store.reopen() });
    assert.deepEqual(
      ['Ann', 'Bo'].map((user) => next.hub.names.keysOf(user).map(({ deviceKey }) => deviceKey)),
      [['key 2'], ['key 1']],
    );
  });

  it('is written to be used once a day, and while its owner is in a room', async () => {
    const { hub, clock, store, done, run } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    await done(hub.create(entry('lobby', 'Ann', { deviceKey: 'key 1' })));
    const before = store.commits.length;
    for (let hour = 0; hour < 50; hour += 1) {
      clock.advance(DAY_MS / 24);
      hub.sweep();
      await run();
    }
    assert.equal(store.commits.length - before, 2);
    assert.equal(store.names[0]!.usedMs - store.names[0]!.takenMs, 2 * DAY_MS);
  });

  it('makes room for another one when the server is full', async () => {
    const { hub, clock, store, done, refusal } = await openHubWorld({ limits: { namesMax: 3 } });
    for (const user of ['a', 'b', 'c']) await done(hub.names.claim(claim(user, `key of ${user}`)));
    assert.equal(await refusal(hub.names.claim(claim('d', 'key of d'))), 'LIMIT_REACHED');
    clock.advance(2 * DAY_MS);
    await done(hub.names.claim(claim('a', 'key of a')));
    clock.advance(defaultLimits.nameTrialMs - 2 * DAY_MS);
    await done(hub.names.claim(claim('d', 'key of d')));
    assert.equal(hub.names.size, 2);
    assert.deepEqual(
      store.names.map(({ user }) => user),
      ['a', 'd'],
    );
  });
});

describe('Names taken from one address', () => {
  it('are bounded until they are used again on a later day, those on their way to the store included', async () => {
    const { hub, clock, done, refusal } = await openHubWorld({ limits: { addressNewNamesMax: 2 } });
    const both = Promise.all(['a', 'b'].map((user) => hub.names.claim(claim(user, `key of ${user}`))));
    await assert.rejects(hub.names.claim(claim('c', 'key 3')), {
      code: 'LIMIT_REACHED',
      message: /2 user names taken/,
    });
    await done(both);
    assert.equal(await refusal(hub.names.claim(claim('c', 'key 3'))), 'LIMIT_REACHED');
    await done(hub.names.claim(claim('c', 'key 3', '192.0.2.2')));
    clock.advance(DAY_MS);
    await done(hub.names.claim(claim('a', 'key of a')));
    await done(hub.names.claim(claim('d', 'key 4')));
    assert.equal(await refusal(hub.names.claim(claim('e', 'key 5'))), 'LIMIT_REACHED');
  });
});

describe('The keys of a name', () => {
  const add = (user: string, deviceKey: string, by: string) => ({ ...claim(user, deviceKey), by });

  it('are added by one that owns it, and taken away again, over restarts', async () => {
    const { hub, store, done, refusal } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    await done(hub.names.addKey(add('Ann', 'key 2', 'key 1')));
    await done(hub.names.addKey(add('Ann', 'key 2', 'key 1')));
    await done(hub.names.claim(claim('Ann', 'key 2')));
    assert.equal(await refusal(hub.names.addKey(add('Ann', 'key 3', 'key 9'))), 'NAME_TAKEN');
    assert.equal(await refusal(hub.names.removeKey({ user: 'Ann', deviceKey: 'key 1', by: 'key 9' })), 'NAME_TAKEN');
    const next = await openHubWorld({ store: store.reopen() });
    await next.done(next.hub.names.removeKey({ user: 'Ann', deviceKey: 'key 1', by: 'key 2' }));
    await next.done(next.hub.names.removeKey({ user: 'Ann', deviceKey: 'key 1', by: 'key 2' }));
    assert.equal(await next.refusal(next.hub.names.claim(claim('Ann', 'key 1'))), 'NAME_TAKEN');
    const last = { user: 'Ann', deviceKey: 'key 2', by: 'key 2' };
    assert.equal(await next.refusal(next.hub.names.removeKey(last)), 'LIMIT_REACHED');
    assert.equal(next.hub.names.isOwnedBy('Ann', 'key 2'), true);
  });

  it('are bounded, also by the rate of the address, and use up no name of a key that somebody else adds', async () => {
    const limits = { nameKeysMax: 2, keyNamesMax: 1, addressNames: { perSecond: 0.001, burst: 4 } };
    const { hub, done, refusal } = await openHubWorld({ limits });
    await done(hub.names.claim(claim('Ann', 'key 1')));
    await done(hub.names.addKey(add('Ann', 'key 2', 'key 1')));
    assert.equal(await refusal(hub.names.addKey(add('Ann', 'key 3', 'key 1'))), 'LIMIT_REACHED');
    await done(hub.names.claim(claim('Bo', 'key 2')));
    assert.equal(await refusal(hub.names.claim(claim('Cid', 'key 2'))), 'LIMIT_REACHED');
    await done(hub.names.claim(claim('Cid', 'key 3')));
    assert.equal(await refusal(hub.names.addKey(add('Cid', 'key 4', 'key 3'))), 'RATE_LIMITED');
    await assert.rejects(hub.names.addKey(add('Cid', 'k'.repeat(DEVICE_KEY_LENGTH_MAX + 1), 'key 3')), RangeError);
  });

  it('change one at a time, and stay as they were when the store fails', async () => {
    const { hub, store, done, refusal, run } = await openHubWorld();
    await done(hub.names.claim(claim('Ann', 'key 1')));
    store.hold();
    const adding = hub.names.addKey(add('Ann', 'key 2', 'key 1'));
    await run();
    assert.equal(hub.names.isOwnedBy('Ann', 'key 2'), false);
    assert.equal(await refusal(hub.names.addKey(add('Ann', 'key 3', 'key 1'))), 'RATE_LIMITED');
    store.release();
    await done(adding);
    store.fail();
    assert.equal(await refusal(hub.names.removeKey({ user: 'Ann', deviceKey: 'key 2', by: 'key 1' })), 'STORE_FAILED');
    store.recover();
    assert.equal(hub.names.isOwnedBy('Ann', 'key 2'), true);
    await done(hub.names.removeKey({ user: 'Ann', deviceKey: 'key 2', by: 'key 1' }));
    assert.equal(hub.names.isOwnedBy('Ann', 'key 2'), false);
  });
});
