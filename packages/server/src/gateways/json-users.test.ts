import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, openHubWorld } from '@confab/testing';
import { closeAll, openScene } from './fixtures/json-scene.ts';
import { UserLists } from './json-users.ts';

test('who is in the room is told to who is in it, each member once, whatever wire it is on', async () => {
  const { world, join } = await openScene();
  const [ann, bob, eve] = [await join('Zoë'), await join('Bob'), await join('Eve', 'elsewhere')];
  await world.done(world.hub.join(entry('lobby', 'Bob')));
  ann.take();
  ann.hear({ type: 'who' });
  eve.hear({ type: 'who' });
  assert.deepEqual([ann.take(), eve.take()], [['4 lobby: Bob Bob Zoë'], ['4 elsewhere: Eve']]);
  bob.session.closed();
  await world.run();
  ann.take();
  ann.hear({ type: 'who' });
  assert.deepEqual(ann.take(), ['5 lobby: Bob Zoë']);
  closeAll(ann, eve);
});

test('the answer comes in its place among the others, and who is in no room gets an error', async () => {
  const { world, join, open } = await openScene();
  const ann = await join('Ann');
  ann.hear({ type: 'message', text: 'one' }, { type: 'who' }, { type: 'message', text: 'two' });
  await world.run();
  assert.deepEqual(ann.take(), ['2 Ann: one', '3 Ann: two', '3 lobby: Ann']);
  const bob = open();
  bob.take();
  bob.hear({ type: 'who' });
  assert.deepEqual(bob.take(), ['3 ! Join a room first']);
  closeAll(ann, bob);
});

test('somebody whom the store has not let in yet is not there', async () => {
  const { world, join } = await openScene();
  const ann = await join('Ann');
  world.store.hold();
  const joining = world.hub.join(entry('lobby', 'Bob'));
  await world.run();
  ann.hear({ type: 'who' });
  assert.deepEqual(ann.take(), ['1 lobby: Ann']);
  world.store.release();
  await world.done(joining);
  ann.take();
  ann.hear({ type: 'who' });
  assert.deepEqual(ann.take(), ['2 lobby: Ann Bob']);
  closeAll(ann);
});

test('a list that is too long lacks its last names, and says how many', async () => {
  const { hub, done, run } = await openHubWorld();
  const joining = Array.from({ length: 300 }, (_, index) =>
    hub.join(entry('lobby', `somebody with a long name ${index}`), { makeOpen: true }),
  );
  await run();
  const { member } = await done(joining[0]!);
  const text = new UserLists(hub, 1100).text(member.room);
  assert.ok(Buffer.byteLength(text) <= 1100);
  const { users, more } = JSON.parse(text) as { users: string[]; more: number };
  assert.equal(users.length + more, 300);
  assert.ok(users.length > 20);
});
