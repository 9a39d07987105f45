import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entry, openHubWorld } from '@confab/testing';
import { Hub } from './hub.ts';
import { defaultLimits } from './limits.ts';

const oneRoom = { roomsMax: 1, addressRooms: { perSecond: 0.001, burst: 1 } };

describe('A room that is held open', () => {
  test('nobody can make a hosted room of its name, and everybody can join it', async () => {
    const { hub, done, refusal } = await openHubWorld();
    assert.equal(await done(hub.holdOpenRoom('stage1')), 'open');
    assert.equal(await refusal(hub.create(entry('stage1', 'Eve', { password: 'x' }))), 'ROOM_EXISTS');
    assert.deepEqual(hub.roomNames(), ['stage1']);
    const { member, memberCount } = await done(hub.join(entry('stage1', 'Ann')));
    assert.deepEqual([member.room.kind, memberCount], ['open', 1]);
    hub.leave(member);
    assert.equal(await refusal(hub.create(entry('stage1', 'Eve'))), 'ROOM_EXISTS');
  });

  test('before the store has it, its name is taken and it can be joined', async () => {
    const { hub, store, run, refusal } = await openHubWorld();
    store.hold();
    const holding = hub.holdOpenRoom('stage1');
    await run();
    assert.equal(await refusal(hub.create(entry('stage1', 'Eve'))), 'ROOM_EXISTS');
    const joining = hub.join(entry('stage1', 'Ann'), { makeOpen: true });
    store.release();
    await run();
    assert.equal(await holding, 'open');
    assert.equal((await joining).memberCount, 1);
  });

  test('it counts against nobody', async () => {
    const { hub, done, refusal } = await openHubWorld({ limits: oneRoom });
    await done(hub.holdOpenRoom('stage1'));
    await done(hub.holdOpenRoom('stage1'));
    await done(hub.create(entry('lobby', 'Ann')));
    assert.equal(await refusal(hub.create(entry('cellar', 'Ann'))), 'LIMIT_REACHED');
    hub.changeLimits({ ...defaultLimits, ...oneRoom });
    assert.equal(await refusal(hub.create(entry('stage1', 'Ann'))), 'ROOM_EXISTS', 'changed limits change nothing');
  });

  test('it is the same room after a restart', async () => {
    const world = await openHubWorld();
    await world.done(world.hub.holdOpenRoom('stage1'));
    const { id } = world.hub.findRoom('stage1')!;
    const { store, clock, secrets, schedule } = world;
    const again = await Hub.open({
      store: store.reopen(),
      clock,
      secrets,
      schedule: schedule.schedule,
      limits: defaultLimits,
    });
    assert.equal(await world.done(again.holdOpenRoom('stage1')), 'open');
    assert.equal(again.findRoom('stage1')!.id, id);
  });

  test('a hosted room of that name is left to its members, and the open one comes after it', async () => {
    const world = await openHubWorld();
    const { hub, done, refusal, run, store } = world;
    const { member: host } = await done(hub.create(entry('stage1', 'Eve')));
    assert.equal(await done(hub.holdOpenRoom('stage1')), 'hosted');
    // Also when the store fails at that very moment.
    store.fail();
    hub.leave(host);
    await run();
    assert.equal(await refusal(hub.create(entry('stage1', 'Eve'))), 'ROOM_EXISTS');
    store.recover();
    hub.sweep();
    await run();
    assert.equal(hub.findRoom('stage1')!.kind, 'open');
    assert.equal((await done(hub.join(entry('stage1', 'Ann')))).memberCount, 1);
    assert.deepEqual(hub.roomNames(), ['stage1']);
  });

  test('a store that fails is told, and takes no name', async () => {
    const { hub, store, done, refusal } = await openHubWorld();
    store.fail();
    assert.equal(await refusal(hub.holdOpenRoom('stage1')), 'STORE_FAILED');
    assert.equal(await refusal(hub.holdOpenRoom(' ')), 'ROOM_NAME_INVALID');
    store.recover();
    assert.equal(await done(hub.holdOpenRoom('stage1')), 'open');
  });
});
