import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { afterwards, CleanUps } from './clean-up.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A test of node:test as it ends: its hooks, the oldest first, until one fails. */
function endingTest() {
  const hooks: Array<() => void | Promise<void>> = [];
  return {
    after: (hook: () => void | Promise<void>) => void hooks.push(hook),
    end: async () => {
      for (const hook of hooks) await hook();
    },
  };
}

test('what was begun last is undone first, and a folder goes when nobody uses it any more', async () => {
  const ending = endingTest();
  const { path } = temporaryDirectory(ending);
  const done: string[] = [];
  for (const name of ['server', 'session']) {
    afterwards(ending, () => {
      writeFileSync(join(path, name), '');
      done.push(name);
    });
  }
  await ending.end();
  assert.deepEqual([done, existsSync(path)], [['session', 'server'], false]);
});

test('each is undone although others fail, and the failures are told', async () => {
  const ending = endingTest();
  const done: string[] = [];
  const failing = (reason: string) => () => {
    done.push(reason);
    throw new Error(reason);
  };
  afterwards(ending, failing('one'));
  afterwards(ending, () => done.push('two'));
  afterwards(ending, failing('three'));
  await assert.rejects(ending.end(), (error: AggregateError) => {
    assert.deepEqual(
      error.errors.map(({ message }) => message),
      ['three', 'one'],
    );
    return true;
  });
  assert.deepEqual(done, ['three', 'two', 'one']);
});

test('what several tests share is undone like what one has, when its owner says', async () => {
  const cleanUps = new CleanUps();
  const done: string[] = [];
  cleanUps.after(() => done.push('one'));
  cleanUps.after(() => Promise.reject(new Error('no')));
  afterwards(cleanUps, () => done.push('two'));
  await assert.rejects(cleanUps.run(), /^Error: no$/);
  await cleanUps.run();
  assert.deepEqual(done, ['two', 'one']);
});

test('one failure is told as it is', async () => {
  const ending = endingTest();
  const reason = new Error('no');
  afterwards(ending, () => Promise.reject(reason));
  await assert.rejects(ending.end(), reason);
});
