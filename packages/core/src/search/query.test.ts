import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesQuery, parseQuery, QUERY_LENGTH_MAX, QUERY_WORDS_MAX } from './query.ts';
import { wordsOf } from './words.ts';

const shown = (text: string): string[] =>
  parseQuery(text).map(({ words, isPrefix }) => `${words.join('+')}${isPrefix ? '*' : ''}`);

test('words, phrases and beginnings are told apart', () => {
  assert.deepEqual(shown('Hello "New York" dep* "old ci"*'), ['hello', 'new+york', 'dep*', 'old+ci*']);
  assert.deepEqual(shown('well - yes'), ['well', 'yes']);
  assert.deepEqual(shown("don't"), ['don+t']);
  assert.deepEqual(shown('a"b c"d'), ['a', 'b+c', 'd']);
  assert.deepEqual(shown('北京* é?*'.replace('é?*', 'été*')), ['北+京*', 'ete*']);
});

for (const [query, fault] of [
  ['', /it holds no word/],
  ['"" - *', /it holds no word/],
  ['say "hello', /a quotation mark has no partner/],
  ['a*', /needs at least 2 letters/],
  ['"new y"*', /needs at least 2 letters/],
  ['x'.repeat(QUERY_LENGTH_MAX + 1), /257 characters exceed 256/],
  ['x '.repeat(QUERY_WORDS_MAX + 1), /17 words exceed 16/],
  [`"${'x '.repeat(QUERY_WORDS_MAX)}" y`, /17 words exceed 16/],
] as const) {
  test(`the query ${JSON.stringify(query.slice(0, 20))} is refused: ${fault.source}`, () => {
    assert.throws(() => parseQuery(query), { name: 'CoreError', code: 'QUERY_INVALID', message: fault });
  });
}

test('one that is as long as may be is understood', () => {
  assert.equal(parseQuery('x'.repeat(QUERY_LENGTH_MAX)).length, 1);
  assert.equal(parseQuery('x '.repeat(QUERY_WORDS_MAX)).length, QUERY_WORDS_MAX);
});

test('all parts of a query must be in a message, and a phrase in its order', () => {
  const isFound = (query: string, text: string): boolean => matchesQuery(parseQuery(query), wordsOf(text));
  assert.ok(isFound('york "new york"', 'in New York'));
  assert.ok(!isFound('"york new"', 'in New York'));
  assert.ok(isFound('"in ne"*', 'in New York'));
  assert.ok(!isFound('"ne york"*', 'in New York'));
  assert.ok(!isFound('new jersey', 'in New York'));
});
