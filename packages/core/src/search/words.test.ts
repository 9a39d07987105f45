import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WORD_LENGTH_MAX, wordsOf } from './words.ts';

for (const [text, words] of [
  ["Hello, World! don't snake_case v2.0", 'hello world don t snake case v2 0'],
  ['Zoë Straße ΟΔΟΣ οδός İstanbul ŁÓDŹ ﬁne ＡＢＣ', 'zoe strasse οδοσ οδοσ istanbul lodz fine abc'],
  ['שָׁלוֹם مُحَمَّد हिन्दी', 'שלום محمد हिन्दी'],
  ['北京ok 日本語', '北 京 ok 日 本 語'],
  ['ｶﾞギー 서울에', 'ガ ギ ー 서 울 에'],
  ['ที่นี่', 'ที่ นี่'],
  ['👍🏽 ok ❤️', '👍 ok ❤'],
  ['… --- !?', ''],
] as const) {
  test(`the words of ${text} are ${words || 'none'}`, () => {
    assert.deepEqual(wordsOf(text).join(' '), words);
  });
}

test('of a long word the beginning counts, without half of a character', () => {
  assert.deepEqual(wordsOf('x'.repeat(WORD_LENGTH_MAX + 1)), ['x'.repeat(WORD_LENGTH_MAX)]);
  const [word] = wordsOf(`x${'𐐨'.repeat(WORD_LENGTH_MAX)}`);
  assert.ok(word!.isWellFormed() && word!.length <= WORD_LENGTH_MAX);
});

test('words of words are the same words, and hold nothing that means something to an index', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const words = wordsOf(text);
      assert.deepEqual(wordsOf(words.join(' ')), words);
      for (const word of words) assert.match(word, /^[^\u0000-/:-`{-\u007f]+$/u);
    }),
  );
});

test('what is plain ASCII has the same words whichever way it goes', () => {
  const plain = fc.string({ unit: 'binary-ascii' });
  fc.assert(fc.property(plain, (text) => assert.deepEqual(wordsOf(`${text} é`), [...wordsOf(text), 'e'])));
});
