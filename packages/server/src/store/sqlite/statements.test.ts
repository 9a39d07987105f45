import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { readSql, writeSql } from './statements.ts';

/** Statements that read a whole small table, by design: once at start, or for a listing. */
const wholeTables: Readonly<Record<string, RegExp>> = {
  openRooms: /^SCAN rooms USING INDEX rooms_open$/,
  allRooms: /^SCAN rooms$/,
  members: /^SCAN members$/,
  names: /^SCAN names$/,
  epoch: /^SCAN epochs$/,
  // What is not folded yet: at start, and in a listing beside a server.
  batches: /^SCAN batches$/,
};

function plans(sql: string): string[] {
  const database = new Database(':memory:', { busyTimeoutMs: 0 });
  migrate(database, 'test');
  const details = database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row[3]));
  database.close();
  return details;
}

for (const [name, sql] of Object.entries({ ...readSql, ...writeSql })) {
  test(`the statement "${name}" finds its rows by an index and sorts nothing`, () => {
    for (const detail of plans(sql)) {
      assert.doesNotMatch(detail, /TEMP B-TREE/);
      assert.doesNotMatch(detail, /SCAN (segments|client_ids)/);
      const isWholeTable = wholeTables[name]?.test(detail) ?? false;
      // A subquery's rows are those that it has found, each looked at once.
      assert.ok(isWholeTable || !/^SCAN (?!\(subquery)/.test(detail), `${name}: ${detail}`);
    }
  });
}

test('a query without an index would be noticed', () => {
  assert.deepEqual(plans('SELECT * FROM segments WHERE events = ?'), ['SCAN segments']);
});
