import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendEvent,
  deleteName,
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
    const later = { address: '192.0.2.9', addedBy: 'key 1' };
    await store.commit([
      putName('Ann', 'key 1', 7, later),
      putName('Ann', 'key 1', 6),
      putName('Ann', 'key 3', 8, later),
      putName('ann', 'key 2', 9),
    ]);
    const { names } = plainState(await (await (reopen?.() ?? store)).load());
    const address = '192.0.2.1';
    assert.deepEqual(names, [
      { user: 'Ann', deviceKey: 'key 1', takenMs: 5, usedMs: 7, address },
      { user: 'Ann', deviceKey: 'key 3', takenMs: 8, usedMs: 8, ...later },
      { user: 'Bo', deviceKey: 'key 2', takenMs: 6, usedMs: 6, address },
      { user: 'ann', deviceKey: 'key 2', takenMs: 9, usedMs: 9, address },
    ]);
  });

  test('a name is free again, or a key has it no more, and nothing else changes', async (context) => {
    const { store, reopen } = await open(context);
    await store.commit([
      putName('Ann', 'key 1'),
      putName('Ann', 'key 2'),
      putName('Bo', 'key 1'),
      putName('Bo', 'key 2'),
    ]);
    await store.commit([deleteName('Ann'), deleteName('Bo', 'key 1'), deleteName('nobody'), deleteName('Bo', 'key 9')]);
    const again = await (reopen?.() ?? store);
    const { names } = plainState(await again.load());
    assert.deepEqual(
      names.map(({ user, deviceKey }) => [user, deviceKey]),
      [['Bo', 'key 2']],
    );
    await again.commit([putName('Ann', 'key 3'), deleteName('Ann'), putName('Ann', 'key 4')]);
    assert.equal((await again.load()).names.find(({ user }) => user === 'Ann')?.deviceKey, 'key 4');
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
