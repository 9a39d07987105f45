import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualSchedule, ScriptedStore, SimClock, settlePromises } from '@confab/testing';
import { type Batch, Committer, type Operation } from './committer.ts';
import { CoreError } from './errors.ts';
import type { RoomEvent } from './event.ts';
import { defaultLimits } from './limits.ts';
import { type AppendCondition, RoomLog } from './log.ts';

interface FakeOptions {
  readonly clientId?: string;
  readonly condition?: AppendCondition;
  readonly kind?: number;
  /** What `failed` answers; default: drop. */
  readonly onFailure?: 'again' | 'drop';
  readonly inSeal?: (batch: Batch) => void;
  readonly inCommitted?: () => void;
}

/** As an operation that adds so many events. */
const weighing = (operation: Operation, weight: number): Operation =>
  // Its methods are its own: a copy has them too.
  ({ ...operation, weight });

interface Setup {
  readonly queueMax?: number;
  readonly batchMax?: number;
  readonly publishing?: (task: () => void, trace: string[]) => void;
}

async function makeCommitter({ queueMax = 1000, batchMax = 100, publishing }: Setup = {}) {
  const store = new ScriptedStore();
  const clock = new SimClock();
  const schedule = new ManualSchedule();
  await store.commit([
    { type: 'room-put', room: { id: 1, name: 'one', kind: 'open', createdMs: 0 } },
    { type: 'room-put', room: { id: 2, name: 'two', kind: 'open', createdMs: 0 } },
  ]);
  store.commits.length = 0;
  const logs = [1, 2].map(
    (id) => new RoomLog(store, defaultLimits, { id, firstSeq: 1, lastSeq: 0, lastSeqByKind: new Map() }),
  );
  /** All that happened, in order: `publish room seq…`, `name committed seq`, `name repeated seq`, `name failed CODE`. */
  const trace: string[] = [];
  const faults: unknown[] = [];
  const fences: unknown[] = [];
  const positions: number[] = [];
  const committer = new Committer({
    store,
    clock,
    schedule: schedule.schedule,
    publish: (log, events) => {
      log.publish(events);
      positions.push(...events.map((event) => event.position));
      trace.push(`publish ${log.roomId}: ${events.map((event) => event.seq).join(' ')}`);
    },
    ...(publishing === undefined ? {} : { publishing: (task) => publishing(task, trace) }),
    onFault: (error) => faults.push(error),
    onFenced: (error) => fences.push(error),
    loaded: { lastPosition: 0 },
    queueMax,
    batchMax,
  });
  /** An operation that appends one event to room 1 (or 2). */
  const append = (name: string, options: FakeOptions = {}, room = 1): Operation => {
    let event: RoomEvent | undefined;
    const log = logs[room - 1]!;
    const { condition, clientId, kind = 1 } = options;
    return {
      seal(batch) {
        options.inSeal?.(batch);
        if (condition !== undefined && !log.meets(condition)) throw new CoreError('CONDITION_FAILED', 'no');
        event = batch.append(log, { kind, author: 1, user: 'ann', body: new TextEncoder().encode(name), clientId });
      },
      committed() {
        trace.push(`${name} committed ${event!.seq}`);
        options.inCommitted?.();
      },
      repeated(known) {
        trace.push(`${name} repeated ${known.seq}`);
      },
      failed(error) {
        trace.push(`${name} failed ${error.code}`);
        return options.onFailure ?? 'drop';
      },
    };
  };
  const enqueue = (...operations: Operation[]) => {
    for (const operation of operations) committer.enqueue(operation);
  };
  const run = () => schedule.runUntilIdle();
  /** What was done since the last call. */
  const news = () => trace.splice(0);
  return { store, clock, schedule, logs, committer, faults, fences, positions, append, enqueue, run, news };
}

const bodies = (store: ScriptedStore, roomId = 1) =>
  store.events(roomId).map((event) => new TextDecoder().decode(event.body));

test('a batch holds as much as it may by weight, and an operation that weighs more is a batch of its own', async () => {
  const { store, append, enqueue, run, committer } = await makeCommitter({ batchMax: 4, queueMax: 13 });
  enqueue(weighing(append('a'), 3), append('b'), append('c'), weighing(append('d'), 6), append('e'));
  assert.deepEqual([committer.queueLength, committer.room, committer.hasRoom], [12, 1, true]);
  enqueue(append('f'));
  assert.deepEqual([committer.room, committer.hasRoom], [0, false]);
  await run();
  assert.deepEqual(
    store.commits.map(({ length }) => length),
    [2, 1, 1, 2],
  );
  assert.deepEqual([bodies(store), committer.queueLength, committer.room], [['a', 'b', 'c', 'd', 'e', 'f'], 0, 13]);
});

test('everything of one turn is one commit, and nothing is written before the turn ends', async () => {
  const { store, append, enqueue, run, schedule } = await makeCommitter();
  enqueue(append('a'), append('b'), append('c', {}, 2));
  await settlePromises();
  assert.equal(store.commits.length, 0);
  assert.equal(schedule.pending, 1);
  await run();
  assert.deepEqual([store.commits.length, bodies(store), bodies(store, 2)], [1, ['a', 'b'], ['c']]);
});

test('the store answers first, then all events are published, then those who asked are told, in their order', async () => {
  const { store, append, enqueue, run, news, schedule } = await makeCommitter();
  store.hold();
  enqueue(append('a'), append('b', {}, 2), append('c'));
  schedule.runTurn();
  await settlePromises();
  assert.deepEqual([store.held, news()], [1, []], 'written, and nobody knows yet');
  store.release();
  await run();
  assert.deepEqual(news(), ['publish 1: 1 2', 'publish 2: 1', 'a committed 1', 'b committed 1', 'c committed 2']);
});

test('while one batch is written the next one gathers', async () => {
  const { store, append, enqueue, run, news, schedule } = await makeCommitter();
  store.hold();
  enqueue(append('a'));
  schedule.runTurn();
  for (const name of ['b', 'c', 'd']) {
    enqueue(append(name));
    schedule.runTurn();
    await settlePromises();
  }
  assert.equal(store.commits.length, 1);
  store.release();
  await run();
  assert.deepEqual(
    store.commits.map((changes) => changes.length),
    [1, 3],
  );
  assert.deepEqual(news(), [
    'publish 1: 1',
    'a committed 1',
    'publish 1: 2 3 4',
    'b committed 2',
    'c committed 3',
    'd committed 4',
  ]);
});

test('positions rise from each event to the next, across rooms and batches', async () => {
  const { append, enqueue, run, positions } = await makeCommitter();
  enqueue(append('a'), append('b', {}, 2));
  await run();
  enqueue(append('c', {}, 2), append('d'));
  await run();
  assert.deepEqual(positions, [1, 2, 3, 4]);
});

test('a failed batch is refused whole, and its numbers are given again', async () => {
  const { store, append, enqueue, run, news, logs } = await makeCommitter();
  enqueue(append('a'));
  await run();
  news();
  store.fail();
  enqueue(append('b'), append('c', {}, 2));
  await run();
  assert.deepEqual(news(), ['b failed STORE_FAILED', 'c failed STORE_FAILED']);
  assert.deepEqual([logs[0]!.headSeq, logs[1]!.headSeq], [1, 0]);
  store.recover();
  enqueue(append('d'), append('e', {}, 2));
  await run();
  assert.deepEqual(news(), ['publish 1: 2', 'publish 2: 1', 'd committed 2', 'e committed 1']);
  assert.deepEqual(
    store.events(1).map((event) => event.position),
    [1, 2],
    'positions too',
  );
});

test('an error of any kind from the store is a STORE_FAILED, a fence stays a fence, and the first of a row is reported', async () => {
  const { store, append, enqueue, run, news, faults, fences } = await makeCommitter();
  const failures = [new TypeError('oops'), new CoreError('STORE_FENCED', 'somebody else has written')];
  for (const failure of failures) {
    store.answerNext(failure);
    enqueue(append('a'));
    await run();
  }
  assert.deepEqual(news(), ['a failed STORE_FAILED', 'a failed STORE_FENCED']);
  assert.deepEqual(faults, [failures[0]]);
  enqueue(append('b'));
  await run();
  store.answerNext(failures[1]!);
  enqueue(append('c'));
  await run();
  assert.deepEqual(faults, failures);
  assert.deepEqual(fences, [failures[1]], 'a fence is told of once');
});

test('what must happen is tried again, in front of what comes later', async () => {
  const { store, append, enqueue, run, news, committer } = await makeCommitter();
  store.fail();
  enqueue(append('leave', { onFailure: 'again' }), append('post'));
  await run();
  assert.deepEqual(news(), ['leave failed STORE_FAILED', 'post failed STORE_FAILED']);
  assert.deepEqual([store.commits.length, committer.queueLength], [1, 1], 'not over and over');
  store.recover();
  enqueue(append('later'));
  await run();
  assert.deepEqual(news(), ['publish 1: 1 2', 'leave committed 1', 'later committed 2']);
});

test('retry wakes what waits, and is harmless when nothing does', async () => {
  const { store, append, enqueue, run, committer, schedule } = await makeCommitter();
  committer.retry();
  assert.equal(schedule.pending, 0);
  store.fail();
  enqueue(append('leave', { onFailure: 'again' }));
  await run();
  committer.retry();
  await run();
  assert.equal(store.commits.length, 2);
  store.recover();
  committer.retry();
  committer.retry();
  await run();
  assert.deepEqual([bodies(store), committer.queueLength], [['leave'], 0]);
});

test('more than a batch of what must happen neither spins on a failing store nor keeps others from being told', async () => {
  const { store, append, enqueue, run, news, committer } = await makeCommitter({ batchMax: 2 });
  store.fail();
  const leaves = ['1', '2', '3', '4', '5'].map((name) => append(name, { onFailure: 'again' }));
  enqueue(...leaves.slice(0, 3), append('post'), ...leaves.slice(3));
  await run();
  assert.ok(store.commits.length <= 3, `${store.commits.length} commits`);
  assert.ok(news().includes('post failed STORE_FAILED'));
  assert.equal(committer.queueLength, 5);
  store.recover();
  committer.retry();
  await run();
  assert.deepEqual([bodies(store), committer.queueLength], [['1', '2', '3', '4', '5'], 0]);
});

test('a repeated client id is settled with the first event, and the others are numbered anew', async () => {
  const { store, append, enqueue, run, news } = await makeCommitter();
  enqueue(append('first', { clientId: 'k1' }), append('other'));
  await run();
  news();
  enqueue(append('a'), append('again', { clientId: 'k1' }), append('b'), append('c', {}, 2));
  await run();
  assert.deepEqual(news(), [
    'again repeated 1',
    'publish 1: 3 4',
    'publish 2: 1',
    'a committed 3',
    'b committed 4',
    'c committed 1',
  ]);
  assert.deepEqual(bodies(store), ['first', 'other', 'a', 'b']);
});

test('a batch of nothing but repetitions writes nothing and publishes nothing', async () => {
  const { store, append, enqueue, run, news } = await makeCommitter();
  enqueue(append('first', { clientId: 'k1' }));
  await run();
  news();
  enqueue(append('again', { clientId: 'k1' }));
  await run();
  assert.deepEqual(news(), ['again repeated 1']);
  assert.equal(store.commits.length, 2);
});

test('duplicates that the store finds one after the other are each settled once', async () => {
  const { store, append, enqueue, run, news } = await makeCommitter();
  const event = (seq: number): RoomEvent => {
    const body = new Uint8Array(0);
    return { roomId: 1, seq, position: seq, kind: 1, timeMs: 0, author: 1, user: 'ann', body };
  };
  store.answerNext(
    { status: 'duplicates', duplicates: [{ index: 2, event: event(77) }] },
    { status: 'duplicates', duplicates: [{ index: 0, event: event(66) }] },
  );
  enqueue(append('a'), append('b'), append('c'));
  await run();
  assert.deepEqual(news(), ['c repeated 77', 'a repeated 66', 'publish 1: 1', 'b committed 1']);
});

test('a store that calls for duplicates and names none, or a change that is not there, fails the batch', async () => {
  const { store, append, enqueue, run, news } = await makeCommitter();
  const body = new Uint8Array(0);
  const event = { roomId: 1, seq: 1, position: 1, kind: 1, timeMs: 0, author: 1, user: 'ann', body };
  for (const duplicates of [[], [{ index: 9, event }]]) {
    store.answerNext({ status: 'duplicates', duplicates });
    enqueue(append('a'));
    await run();
    assert.deepEqual(news(), ['a failed STORE_FAILED']);
  }
  enqueue(append('b'));
  await run();
  assert.deepEqual(news(), ['publish 1: 1', 'b committed 1']);
});

test('a condition refuses its own operation and harms no other', async () => {
  const { append, enqueue, run, news } = await makeCommitter();
  const condition = { kind: 40, seq: 0 };
  enqueue(
    append('a'),
    append('wins', { condition, kind: 40 }),
    append('loses', { condition, kind: 40 }),
    append('follows', { condition: { kind: 40, seq: 2 }, kind: 40 }),
    append('b'),
  );
  await run();
  assert.deepEqual(news(), [
    'publish 1: 1 2 3 4',
    'a committed 1',
    'wins committed 2',
    'loses failed CONDITION_FAILED',
    'follows committed 3',
    'b committed 4',
  ]);
});

test('a condition that failed only for an event that is a repetition is judged again', async () => {
  const { append, enqueue, run, news } = await makeCommitter();
  enqueue(append('first', { clientId: 'k1', kind: 40 }));
  await run();
  news();
  const condition = { kind: 40, seq: 1 };
  enqueue(append('again', { clientId: 'k1', kind: 40 }), append('follows', { condition, kind: 40 }));
  await run();
  assert.deepEqual(news(), ['again repeated 1', 'publish 1: 2', 'follows committed 2']);
});

test('a condition that failed for an event that was not written is not called failed', async () => {
  const { store, append, enqueue, run, news } = await makeCommitter();
  store.fail();
  const condition = { kind: 40, seq: 0 };
  enqueue(append('wins', { condition, kind: 40 }), append('loses', { condition, kind: 40 }));
  await run();
  assert.deepEqual(news(), ['wins failed STORE_FAILED', 'loses failed STORE_FAILED']);
  store.recover();
  enqueue(append('second try', { condition, kind: 40 }));
  await run();
  assert.deepEqual(news(), ['publish 1: 1', 'second try committed 1']);
});

test('a batch holds so many operations and the next one the rest', async () => {
  const { store, append, enqueue, run, news } = await makeCommitter({ batchMax: 2 });
  enqueue(...['a', 'b', 'c', 'd', 'e'].map((name) => append(name)));
  await run();
  assert.deepEqual(
    store.commits.map((changes) => changes.length),
    [2, 2, 1],
  );
  assert.deepEqual(
    news().filter((line) => line.startsWith('publish')),
    ['publish 1: 1 2', 'publish 1: 3 4', 'publish 1: 5'],
  );
});

test('the queue has room until so many operations wait', async () => {
  const { append, enqueue, run, committer } = await makeCommitter({ queueMax: 2 });
  enqueue(append('a'));
  assert.equal(committer.hasRoom, true);
  enqueue(append('b'));
  assert.deepEqual([committer.hasRoom, committer.queueLength], [false, 2]);
  await run();
  assert.deepEqual([committer.hasRoom, committer.queueLength], [true, 0]);
});

test('an operation that changes nothing is told so without troubling the store', async () => {
  const { store, committer, run, news, append, enqueue } = await makeCommitter();
  let isDone = false;
  committer.enqueue({
    seal: () => {},
    committed: () => {
      isDone = true;
    },
    failed: () => 'drop',
  });
  await run();
  assert.deepEqual([isDone, store.commits.length], [true, 0]);
  enqueue(append('a'));
  await run();
  assert.deepEqual(news(), ['publish 1: 1', 'a committed 1']);
});

test('an operation with a bug costs itself and is reported; the batch is made without it', async () => {
  const { append, enqueue, run, news, faults, store } = await makeCommitter();
  const bug = new TypeError('undefined is not a function');
  const afterAppending: Operation = {
    ...append('worse'),
    seal(batch) {
      append('half').seal(batch);
      throw bug;
    },
  };
  enqueue(
    append('a'),
    append('bad', {
      inSeal: () => {
        throw bug;
      },
    }),
    afterAppending,
    append('b'),
  );
  await run();
  assert.deepEqual(news(), [
    'bad failed STORE_FAILED',
    'worse failed STORE_FAILED',
    'publish 1: 1 2',
    'a committed 1',
    'b committed 2',
  ]);
  assert.deepEqual(
    [faults, bodies(store)],
    [
      [bug, bug],
      ['a', 'b'],
    ],
  );
});

test('one who throws on being told costs nobody else the news, and the next batch is written', async () => {
  const { append, enqueue, run, news, faults } = await makeCommitter();
  const bug = new Error('settle threw');
  enqueue(
    append('a', {
      inCommitted: () => {
        throw bug;
      },
    }),
    append('b'),
  );
  await run();
  enqueue(append('c'));
  await run();
  assert.deepEqual(news(), ['publish 1: 1 2', 'a committed 1', 'b committed 2', 'publish 1: 3', 'c committed 3']);
  assert.deepEqual(faults, [bug]);
});

test('idle fulfils at once when nothing waits, after the work when something does, and does not wait for a failing store', async () => {
  const { store, append, enqueue, run, committer, schedule } = await makeCommitter();
  await committer.idle();
  store.hold();
  enqueue(append('a'));
  schedule.runTurn();
  enqueue(append('b'));
  let isIdle = false;
  const idle = committer.idle().then(() => {
    isIdle = true;
  });
  await settlePromises();
  assert.equal(isIdle, false);
  store.releaseOnce();
  await run();
  assert.equal(isIdle, false, 'b is still being written');
  store.release();
  await run();
  await idle;
  assert.deepEqual(bodies(store), ['a', 'b']);
  store.fail();
  enqueue(append('leave', { onFailure: 'again' }));
  const failing = committer.idle();
  await run();
  await failing;
});

test('an operation that is enqueued while others are told goes into the next batch', async () => {
  const { append, enqueue, run, news, committer } = await makeCommitter();
  enqueue(append('a', { inCommitted: () => committer.enqueue(append('b')) }));
  await run();
  assert.deepEqual(news(), ['publish 1: 1', 'a committed 1', 'publish 1: 2', 'b committed 2']);
});

test('all that a commit brought is published within one call, before those who asked are told', async () => {
  const { append, enqueue, run, news } = await makeCommitter({
    publishing: (task, trace) => {
      trace.push('(');
      task();
      trace.push(')');
    },
  });
  enqueue(append('a'), append('b', {}, 2), append('c'));
  await run();
  assert.deepEqual(news(), [
    '(',
    'publish 1: 1 2',
    'publish 2: 1',
    ')',
    'a committed 1',
    'b committed 1',
    'c committed 2',
  ]);
});

test('a fault of what is done when all is published is reported, and those who asked are told all the same', async () => {
  const fault = new Error('a bug');
  const { append, enqueue, run, news, faults } = await makeCommitter({
    publishing: (task) => {
      task();
      throw fault;
    },
  });
  enqueue(append('a'));
  await run();
  assert.deepEqual(news(), ['publish 1: 1', 'a committed 1']);
  assert.deepEqual(faults, [fault]);
});
