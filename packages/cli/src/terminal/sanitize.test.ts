import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { excerpt, sanitizeLine, sanitizeLines, sanitizeName } from './sanitize.ts';

const numRuns = propertyRuns();

/** Text made of what does harm, and of ordinary characters in between. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\x1b',
        '\x1b[',
        '\x9b',
        '\x1b]',
        '\x9d',
        '\x1bP',
        '\x90',
        '\x1b_',
        '\x1b^',
        '\x1bX',
        '\x1b\\',
        '\x9c',
      ),
      fc.constantFrom('\x07', '\r', '\n', '\t', '\v', '\x7f', '\x85', '\u2028', '\u202e', '\u2066', '\u2069', '\ud800'),
      fc.constantFrom('31m', '2J', '52;c;', '0;', 'A', ';', '?', ' ', '日', '👍', 'é'),
      fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

const forbidden = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u;

test('no control character, escape or bidirectional control gets through', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      for (const line of sanitizeLines(text)) assert.doesNotMatch(line, forbidden);
      for (const clean of [sanitizeLine(text), sanitizeName(text), excerpt(text)])
        assert.doesNotMatch(clean, forbidden);
    }),
    { numRuns },
  );
});

test('text without any of these is not changed', () => {
  const harmless = fc.string({ unit: 'grapheme' }).filter((text) => !forbidden.test(text));
  fc.assert(
    fc.property(harmless, (text) => assert.deepEqual(sanitizeLines(text), [text])),
    { numRuns },
  );
});

test('clean text stays as it is when it is cleaned again', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const once = sanitizeLines(text).join('\n');
      assert.equal(sanitizeLines(once).join('\n'), once);
    }),
    { numRuns },
  );
});

test('sequences vanish as a whole', () => {
  const examples: Record<string, string> = {
    'a\x1b[31mb\x1b[0mc': 'abc',
    'a\x9b2Jb': 'ab',
    'a\x1b]0;title\x07b': 'ab',
    'a\x1b]52;c;aGVsbG8=\x1b\\b': 'ab',
    'a\x9d0;title\x9cb': 'ab',
    'a\x1bPq#0;2\x1b\\b': 'ab',
    'a\x1b_G1\x1b\\b': 'ab',
    'a\x1bcb': 'ab',
    'a\x1b(0b': 'ab',
    'a\x1b[?1049hb': 'ab',
  };
  for (const [text, clean] of Object.entries(examples)) assert.deepEqual(sanitizeLines(text), [clean]);
});

test('an unfinished sequence loses its teeth and keeps its text', () => {
  assert.deepEqual(sanitizeLines('\x1b]52;c;hello'), ['52;c;hello']);
  assert.deepEqual(sanitizeLines('hello\x1b'), ['hello\ufffd']);
});

test('pieces of sequences do not become one when the middle is taken out', () => {
  assert.deepEqual(sanitizeLines('\x1b\x1b[31m[31mred'), ['\ufffd[31mred']);
});

test('every kind of line break breaks the line, and tabs become blanks', () => {
  assert.deepEqual(sanitizeLines('a\r\nb\rc\vd\x85e\u2028f\ng\th'), ['a', 'b', 'c', 'd', 'e', 'f', 'g    h']);
});

test('a name stays on one line and never shows as nothing', () => {
  assert.equal(sanitizeName('An\nna\x1b[2J'), 'An na');
  assert.equal(sanitizeName('\x1b[31m'), '?');
  assert.equal(sanitizeName('\u200b'), '?');
  assert.equal(sanitizeName('Zoë 👍'), 'Zoë 👍');
});

test('an excerpt is short and says that it is one', () => {
  assert.equal(excerpt('hello'), 'hello');
  assert.equal(excerpt('x'.repeat(100), 10), `${'x'.repeat(9)}…`);
  assert.equal(excerpt('\x1b[1m'.repeat(1000), 10), '…');
});
