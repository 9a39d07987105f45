import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LONGEST, longestFirst } from './support/longest-first.ts';

test('the longest files come first, and each file comes once', () => {
  const [longest, second] = LONGEST;
  assert.deepEqual(longestFirst(['a.test.ts', second!, 'b.test.ts', longest!]), [
    longest,
    second,
    'a.test.ts',
    'b.test.ts',
  ]);
  assert.deepEqual(longestFirst(['b.test.ts', 'a.test.ts']), ['b.test.ts', 'a.test.ts']);
});

test('the files that are known to be long are there', () => {
  const root = fileURLToPath(new URL('../', import.meta.url));
  assert.deepEqual(
    LONGEST.filter((file) => !existsSync(`${root}${file}`)),
    [],
  );
});
