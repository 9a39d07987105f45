import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hub } from '@confab/core';
import { entry, openHubWorld, SimClock } from '@confab/testing';
import { encodeJsonRooms } from '@confab/wire/json';
import { RoomList } from './json-rooms.ts';

test('the list is sorted by code point and carries the current counter', async () => {
  const world = await openHubWorld();
  const rooms = new RoomList(world.hub);
  assert.equal(rooms.text, '{"type":"rooms","rooms":[],"seq":0}');
  for (const name of ['lobby', '🎉', 'Ａ', 'Zoo', '],"seq":']) {
    await world.done(world.hub.join(entry(name, 'Ann'), { makeOpen: true }));
  }
  assert.equal(rooms.text, '{"type":"rooms","rooms":["Zoo","],\\"seq\\":","lobby","Ａ","🎉"],"seq":5}');
  assert.deepEqual(rooms.names, ['Zoo', '],"seq":', 'lobby', 'Ａ', '🎉']);
});

test('a room that closes is gone from the list', async () => {
  const world = await openHubWorld();
  const rooms = new RoomList(world.hub);
  const { member } = await world.done(world.hub.create(entry('hosted', 'Host')));
  assert.deepEqual(rooms.names, ['hosted']);
  world.hub.leave(member);
  assert.deepEqual(rooms.names, []);
});

/** A hub of which the list asks only this, and which takes a while to name its rooms. */
function slowHub(clock: SimClock, names: string[]) {
  const counts = { position: 1, made: 0 };
  const hub = {
    clock,
    get position() {
      return counts.position;
    },
    get roomCount() {
      return names.length;
    },
    roomNames() {
      counts.made += 1;
      clock.advance(50);
      return [...names];
    },
  };
  return { hub: hub as unknown as Hub, counts };
}

test('a long list is made anew at most a tenth of the time, its number is always the current one', () => {
  const clock = new SimClock();
  const names = Array.from({ length: 2000 }, (_, index) => `room ${index}`);
  const { hub, counts } = slowHub(clock, names);
  const rooms = new RoomList(hub);
  for (let step = 0; step < 100; step += 1) {
    counts.position += 1;
    clock.advance(5);
    assert.ok(rooms.text.includes(`"seq":${counts.position}`));
  }
  assert.equal(counts.made, 1);
  clock.advance(500);
  names.push('zzz');
  assert.ok(rooms.names.includes('zzz'));
});

test('a list too long for a line lacks its last names, and says how many', () => {
  const names = Array.from({ length: 5000 }, (_, index) => `a room with a long name, number ${index}`);
  const { hub, counts } = slowHub(new SimClock(), names);
  const told = JSON.parse(new RoomList(hub).text) as { rooms: string[]; seq: number; more: number };
  assert.equal(told.rooms.length + told.more, 5000);
  assert.ok(told.more > 0);
  assert.equal(told.seq, counts.position);
  assert.ok(encodeJsonRooms(names, 1).length <= 65_536);
});
