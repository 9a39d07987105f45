import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendEvent,
  exampleEvent,
  exampleMember,
  exampleRoom,
  putMember,
  putRoom,
  withoutUndefined,
} from './examples.ts';
import { everything, type OpenStore, refused } from './support.ts';

export function repeatsContract(open: OpenStore): void {
  test('a batch that repeats client ids is not written, and each repeat is answered with the event that stands', async (context) => {
    const { store } = await open(context);
    const first = [exampleEvent(1, { clientId: 'a', target: 1 }), exampleEvent(2, { clientId: 'b' })];
    await store.commit([putRoom(exampleRoom(1)), ...first.map(appendEvent)]);
    const before = await everything(store);
    const result = await store.commit([
      appendEvent(exampleEvent(3, { clientId: 'new' })),
      appendEvent(exampleEvent(4, { clientId: 'b', user: 'somebody else' })),
      putMember(exampleMember(1, 1)),
      appendEvent(exampleEvent(5, { clientId: 'a' })),
      appendEvent(exampleEvent(6)),
    ]);
    assert.ok(result.status === 'duplicates');
    assert.deepEqual(
      result.duplicates.map(({ index, event }) => [index, withoutUndefined(event)]),
      [
        [1, first[1]],
        [3, first[0]],
      ],
    );
    assert.deepEqual(await everything(store), before);
    assert.equal((await store.commit([appendEvent(exampleEvent(3, { clientId: 'new' }))])).status, 'committed');
  });

  test('an id that the log has may stand twice in a batch, and is reported twice', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { clientId: 'a' }))]);
    const repeats = [2, 3].map((seq) => appendEvent(exampleEvent(seq, { clientId: 'a' })));
    const result = await store.commit(repeats);
    assert.ok(result.status === 'duplicates');
    assert.deepEqual(
      result.duplicates.map(({ index, event }) => [index, event.seq]),
      [
        [0, 1],
        [1, 1],
      ],
    );
  });

  test('a new id that stands twice in a batch is the fault of whoever made the batch', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1))]);
    await refused(
      store,
      'STORE_FAILED',
      [1, 2].map((seq) => appendEvent(exampleEvent(seq, { clientId: 'a' }))),
    );
    assert.equal((await store.load()).lastPosition, 0);
  });

  test('a batch that is out of step is fenced off even when it repeats a client id', async (context) => {
    const { store } = await open(context);
    await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { clientId: 'a' }))]);
    await refused(store, 'STORE_FENCED', [
      appendEvent(exampleEvent(2, { clientId: 'a' })),
      appendEvent(exampleEvent(4, { clientId: 'b' })),
    ]);
  });

  test('client ids are compared within a room and exactly, and events without one never repeat', async (context) => {
    const { store } = await open(context);
    const ids = ['a', 'A', ' a', 'é', 'e\u0301', '', undefined, undefined];
    const result = await store.commit([
      putRoom(exampleRoom(1)),
      putRoom(exampleRoom(2)),
      ...ids.map((clientId, index) => appendEvent(exampleEvent(index + 1, { clientId }))),
      appendEvent(exampleEvent(1, { roomId: 2, position: 100, clientId: 'a' })),
    ]);
    assert.equal(result.status, 'committed');
  });

  test('client ids are known after the store was opened again', async (context) => {
    const { store, reopen } = await open(context);
    if (reopen === undefined) return context.skip('not durable');
    await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { clientId: 'a' }))]);
    const reopened = await reopen();
    assert.equal((await reopened.commit([appendEvent(exampleEvent(2, { clientId: 'a' }))])).status, 'duplicates');
  });
}
