import assert from 'node:assert/strict';
import { renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { CoreError } from '@confab/core';
import { appendEvent, exampleEvent, exampleRoom, putRoom, temporaryDirectory } from '@confab/testing';
import { Database } from './database.ts';
import { LogDatabase } from './log-database.ts';
import { LOCK_FILE, LOG_FILE } from './options.ts';
import { packBatch } from './protocol.ts';

function open(context: TestContext) {
  const folder = temporaryDirectory(context);
  const options = { directory: folder.path, synchronous: 'normal', bootId: 'boot', fileBytesMax: undefined } as const;
  const log = folder.closing(LogDatabase.open(options));
  log.commit(packBatch([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]));
  let seq = 1;
  return {
    log,
    lock: join(folder.path, LOCK_FILE),
    /** Append an event; the code of what is thrown. */
    append(): string {
      try {
        log.commit(packBatch([appendEvent(exampleEvent(seq + 1))]));
        seq += 1;
        return 'committed';
      } catch (error) {
        return error instanceof CoreError ? error.code : String(error);
      }
    },
    /** As another program would. */
    elsewhere(sql: string): void {
      const other = new Database(join(folder.path, LOG_FILE), { busyTimeoutMs: 1000 });
      other.exec(sql);
      other.close();
    },
    reopen: () => LogDatabase.open(options),
  };
}

describe('The fence around a data folder', () => {
  test('lets its own commits pass, and readers and forced checkpoints of others', (context) => {
    const { append, elsewhere } = open(context);
    for (let times = 0; times < 3; times += 1) assert.equal(append(), 'committed');
    elsewhere('SELECT count(*) FROM batches');
    assert.equal(append(), 'committed');
    elsewhere('PRAGMA wal_checkpoint(TRUNCATE)');
    assert.equal(append(), 'committed');
  });

  test('stops the first commit after somebody else has appended, and all that follow', (context) => {
    const { append, elsewhere } = open(context);
    elsewhere("INSERT INTO batches (position, events) VALUES (99, x'')");
    assert.equal(append(), 'STORE_FENCED');
    elsewhere('DELETE FROM batches WHERE position = 99');
    assert.equal(append(), 'STORE_FENCED', 'what was found once stays found');
  });

  test('stops the first commit after the lock was removed or replaced, though nobody has written yet', (context) => {
    const removed = open(context);
    unlinkSync(removed.lock);
    assert.equal(removed.append(), 'STORE_FENCED');
    const replaced = open(context);
    renameSync(replaced.lock, `${replaced.lock}.old`);
    replaced.reopen().close();
    assert.equal(replaced.append(), 'STORE_FENCED');
  });

  test('the run of the other process is not ended by the one that stops', (context) => {
    const { append, lock, log, reopen } = open(context);
    unlinkSync(lock);
    const other = reopen();
    assert.equal(append(), 'STORE_FENCED');
    log.close();
    const database = new Database(other.file, { busyTimeoutMs: 1000 });
    assert.equal(database.value('SELECT was_closed FROM state'), 0);
    database.close();
    other.close();
  });
});
