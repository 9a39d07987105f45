import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendEvent,
  exampleEvent,
  exampleMember,
  exampleRoom,
  plainState,
  putMember,
  putName,
  putRoom,
} from './examples.ts';
import { type OpenStore, refused } from './support.ts';

export function namesContract(open: OpenStore): void {
  test('a user name and its keys are kept, each pair once and as it was taken first', async (context) => {
    const { store, reopen } = await open(context);
    await store.commit([putName('Ann', 'key 1', 5), putName('Bo', 'key 2', 6)]);
    await store.commit([putName('Ann', 'key 1', 7), putName('Ann', 'key 3', 8), putName('ann', 'key 2', 9)]);
    const { names } = plainState(await (await (reopen?.() ?? store)).load());
    assert.deepEqual(names, [
      { user: 'Ann', deviceKey: 'key 1', takenMs: 5 },
      { user: 'Ann', deviceKey: 'key 3', takenMs: 8 },
      { user: 'Bo', deviceKey: 'key 2', takenMs: 6 },
      { user: 'ann', deviceKey: 'key 2', takenMs: 9 },
    ]);
  });

  test('a name of a batch that is refused belongs to nobody', async (context) => {
    const { store } = await open(context);
    await refused(store, 'STORE_FENCED', [putName('Ann', 'key 1'), appendEvent(exampleEvent(1))]);
    assert.deepEqual((await store.load()).names, []);
  });

  test('who is verified stays so, members and authors alike, and nobody else becomes it', async (context) => {
    const { store, reopen } = await open(context);
    await store.commit([
      putRoom(exampleRoom(1)),
      putMember(exampleMember(1, 1, { deviceKey: 'key 1' })),
      putMember(exampleMember(2, 1)),
      appendEvent(exampleEvent(1, { isVerified: true })),
      appendEvent(exampleEvent(2)),
    ]);
    const again = await (reopen?.() ?? store);
    const { members } = plainState(await again.load());
    assert.deepEqual(
      members.map(({ id, deviceKey }) => [id, deviceKey]),
      [
        [1, 'key 1'],
        [2, undefined],
      ],
    );
    assert.deepEqual(
      (await again.read(1, 1, 9)).map(({ isVerified }) => isVerified),
      [true, undefined],
    );
  });
}
