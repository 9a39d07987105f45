import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { LINE_CHARACTERS_MAX, LineSplitter } from './line-splitter.ts';

function split(...chunks: readonly (string | Uint8Array)[]): string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk))), ...splitter.end()];
}

test('lines end with LF or CR LF, the last one also with the input', () => {
  assert.deepEqual(split('one\ntwo\r\n\nfour'), ['one', 'two', '', 'four']);
  assert.deepEqual(split('one\n'), ['one']);
  assert.deepEqual(split(''), []);
});

test('a byte order mark at the beginning is dropped, bad bytes become U+FFFD', () => {
  assert.deepEqual(split('\ufeffhi\n'), ['hi']);
  assert.deepEqual(split(Uint8Array.of(0x61, 0xff, 0x0a)), ['a\ufffd']);
});

test('the same lines come out however the bytes are split', () => {
  const text = fc
    .array(fc.constantFrom('a', '\n', '\r\n', '日', '👍', '\u2028'), { maxLength: 30 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 7 }), (whole, size) => {
      const bytes = Buffer.from(whole);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      assert.deepEqual(split(...chunks), split(whole));
    }),
    { numRuns: propertyRuns() },
  );
});

test('a line without end takes a bounded amount of memory', () => {
  const chunks = Array.from({ length: 40 }, () => 'x'.repeat(10_000));
  assert.deepEqual(
    split(...chunks).map((line) => line.length),
    [LINE_CHARACTERS_MAX],
  );
});
