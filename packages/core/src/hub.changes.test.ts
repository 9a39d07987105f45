import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entry, openHubWorld } from '@confab/testing';
import { EventKind } from './event.ts';
import { defaultLimits } from './limits.ts';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

describe('Limits that change while the hub runs', () => {
  it('hold for the next message, whether longer or shorter', async () => {
    const { hub, done } = await openHubWorld({ limits: { messageBytesMax: 4 } });
    const { member } = await done(hub.create(entry('lobby', 'Ann')));
    assert.equal(hub.post(member, { body: text('hello') })?.code, 'MESSAGE_TOO_LONG');
    hub.changeLimits({ ...defaultLimits, messageBytesMax: 5 });
    assert.equal(hub.post(member, { body: text('hello') }), undefined);
    hub.changeLimits({ ...defaultLimits, messageBytesMax: 2 });
    assert.equal(hub.post(member, { body: text('hey') })?.code, 'MESSAGE_TOO_LONG');
    assert.equal(hub.limits.messageBytesMax, 2);
  });

  it('hold for the rates of members who are in already', async () => {
    const slow = { perSecond: 1, burst: 1 };
    const { hub, clock, done } = await openHubWorld({ limits: { memberMessages: slow } });
    const { member } = await done(hub.create(entry('lobby', 'Ann')));
    assert.equal(hub.post(member, { body: text('1') }), undefined);
    assert.equal(hub.post(member, { body: text('2') })?.code, 'RATE_LIMITED');
    hub.changeLimits({ ...defaultLimits, memberMessages: { perSecond: 100, burst: 3 } });
    clock.advance(1000);
    for (const word of ['3', '4', '5']) assert.equal(hub.post(member, { body: text(word) }), undefined);
    assert.equal(hub.post(member, { body: text('6') })?.code, 'RATE_LIMITED');
  });

  it('leave alone the limits object that was handed in', async () => {
    const limits = structuredClone(defaultLimits);
    const { hub } = await openHubWorld({ limits });
    hub.changeLimits({ ...defaultLimits, roomsMax: 1, addressFaults: { perSecond: 1, burst: 1 } });
    assert.deepEqual(limits, defaultLimits);
  });

  it('put nobody out of a room that has become too full', async () => {
    const { hub, done, refusal } = await openHubWorld();
    const { member: ann } = await done(hub.create(entry('lobby', 'Ann')));
    const { member: bob } = await done(hub.join(entry('lobby', 'Bob')));
    hub.changeLimits({ ...defaultLimits, roomMembersMax: 1 });
    assert.equal(await refusal(hub.join(entry('lobby', 'Eve'))), 'ROOM_FULL');
    assert.deepEqual([ann.state, bob.state], ['joined', 'joined']);
  });

  it('shrink the table of addresses', async () => {
    const { hub } = await openHubWorld();
    for (const address of ['a', 'b', 'c', 'd']) hub.fault(address, 1000);
    hub.changeLimits({ ...defaultLimits, addressesMax: 2 });
    hub.fault('e', 1000);
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((address) => hub.isIgnored(address)),
      [false, false, false, true, true],
    );
  });
});

describe('Somebody who listens to what is published', () => {
  it('hears each event once, after the store has it, until it stops', async () => {
    const { hub, done, run } = await openHubWorld();
    const heard: string[] = [];
    const stop = hub.observe({
      published: (room, events) => {
        for (const { kind, user, seq } of events) heard.push(`${room} ${seq} ${user} ${kind}`);
      },
    });
    const { member } = await done(hub.create(entry('lobby', 'Ann')));
    hub.post(member, { body: text('hello') });
    assert.deepEqual(heard, [`lobby 1 Ann ${EventKind.JOIN}`]);
    await run();
    assert.deepEqual(heard.slice(1), [`lobby 2 Ann ${EventKind.MESSAGE}`]);
    stop();
    hub.post(member, { body: text('again') });
    await run();
    assert.equal(heard.length, 2);
  });

  it('costs nobody else anything when it throws', async () => {
    const { hub, done, faults, run } = await openHubWorld();
    const fault = new Error('broken');
    hub.observe({
      published: () => {
        throw fault;
      },
    });
    const { member } = await done(hub.create(entry('lobby', 'Ann')));
    const results: unknown[] = [];
    hub.post(member, { body: text('hello'), settle: (result) => results.push(result) });
    await run();
    assert.deepEqual(faults, [fault, fault]);
    assert.equal((results[0] as { seq: number }).seq, 2);
  });
});
