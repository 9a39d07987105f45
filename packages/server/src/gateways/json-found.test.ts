import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind } from '@confab/core';
import { closeAll, openScene } from './fixtures/json-scene.ts';

test('what was said in the room is found by who is in it, a page at a time', async () => {
  const { world, join } = await openScene();
  const [ann, eve] = [await join('Ann'), await join('Eve', 'elsewhere')];
  ann.hear(...['hello one', 'bye', 'hello two', 'hello three'].map((text) => ({ type: 'message', text })));
  await world.run();
  ann.take();
  ann.hear({ type: 'search', query: 'HELLO', limit: 2 });
  eve.hear({ type: 'search', query: 'hello' });
  await world.run();
  assert.deepEqual([ann.take(), eve.take()], [['6 found Ann: hello three, Ann: hello two < 4'], ['6 found ']]);
  ann.hear({ type: 'search', query: 'hello', limit: 2, before: 4 });
  await world.run();
  assert.deepEqual(ann.take(), ['6 found Ann: hello one']);
  closeAll(ann, eve);
});

test('the answer comes in its place among the others, and holds what was said before it', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  ann.hear(
    { type: 'message', text: 'hello' },
    { type: 'search', query: '-' },
    { type: 'search', query: 'hello' },
    { type: 'who' },
  );
  await world.run();
  ann.hear({ type: 'search', query: 'hello' });
  await world.run();
  assert.deepEqual(ann.take(), [
    '2 Ann: hello',
    '2 ! Invalid search: it holds no word',
    '2 found ',
    '2 lobby: Ann',
    '2 found Ann: hello',
  ]);
  closeAll(ann);
});

test('who is in no room, and who searches too often, gets an error', async () => {
  const { world, open, join } = await openScene({ limits: { addressSearches: { perSecond: 1, burst: 1 } } });
  const stranger = open();
  stranger.take();
  stranger.hear({ type: 'search', query: 'hello' });
  assert.deepEqual(stranger.take(), ['0 ! Join a room first']);
  const ann = await join('Ann');
  ann.hear({ type: 'search', query: 'hello' }, { type: 'search', query: 'hello' });
  await world.run();
  assert.deepEqual(ann.take(), ['1 found ', '1 ! Too many requests, slow down']);
  closeAll(ann, stranger);
});

test('an edited message says so, with its newest text and its own number', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  const { member } = ann.session;
  ann.hear({ type: 'message', text: 'helo' });
  await world.run();
  world.hub.post(member!, { body: Buffer.from('hello'), kind: EventKind.EDIT, target: 2 });
  await world.run();
  ann.writes = [];
  ann.hear({ type: 'search', query: 'hello' });
  await world.run();
  const { messages } = JSON.parse(ann.writes[0]![0]!) as { messages: unknown[] };
  const { timeMs } = world.store.events(member!.room.id)[1]!;
  assert.deepEqual(messages, [
    { type: 'message', room: 'lobby', user: 'Ann', text: 'hello', seq: 2, time: timeMs, edited: true },
  ]);
  closeAll(ann);
});

test('one that is gone by the time is not answered', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  ann.hear({ type: 'search', query: 'hello' });
  ann.session.closed();
  ann.isEnded = true;
  await world.run();
  assert.deepEqual(ann.take(), []);
});
