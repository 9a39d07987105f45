import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkSizes, chunksOf, mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { encodeUtf8, isValidUtf8 } from '../text.ts';
import { JSON_LINE_BYTES_MAX, type JsonLine, JsonLineDecoder } from './index.ts';

const numRuns = propertyRuns();
const LINE_BYTES_MAX = 60;

const lineTexts = utf8Text(1, 100).map((text) => text.replace(/[\r\n]/g, ' '));
const streams = fc
  .array(fc.tuple(lineTexts, fc.constantFrom('\n', '\r\n', '\n\n')), { maxLength: 6 })
  .map((lines) => encodeUtf8(lines.flat().join('')));
const anyStream = fc.oneof(
  { weight: 3, arbitrary: mangled(streams) },
  fc.uint8Array({ maxLength: 200 }),
  fc.array(fc.constantFrom(0x0d, 0x0a, 0x41, 0xc3, 0xa9), { maxLength: 150 }).map((bytes) => Uint8Array.from(bytes)),
);

function decode(chunks: readonly Uint8Array[], lineBytesMax = LINE_BYTES_MAX): JsonLine[] {
  const decoder = new JsonLineDecoder({ lineBytesMax });
  const items: JsonLine[] = [];
  for (const chunk of chunks) {
    const { frames, error } = decoder.push(chunk);
    assert.equal(error, undefined);
    assert.ok(decoder.bufferedBytes <= lineBytesMax);
    items.push(...frames);
    chunk.fill(0xee);
  }
  items.push(...decoder.end().frames);
  assert.equal(decoder.bufferedBytes, 0);
  return items;
}

/** The description word for word, over the whole stream at once. */
function naiveLines(stream: Uint8Array): JsonLine[] {
  const items: JsonLine[] = [];
  let line: number[] = [];
  const finish = () => {
    const isTooLong = line.length > LINE_BYTES_MAX;
    if (line.at(-1) === 0x0d) line.pop();
    const bytes = Uint8Array.from(line);
    if (isTooLong) items.push({ kind: 'too-long' });
    else if (!isValidUtf8(bytes)) items.push({ kind: 'bad-utf8' });
    else if (bytes.length > 0) {
      items.push({ kind: 'line', text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) });
    }
    line = [];
  };
  for (const byte of stream) {
    if (byte === 0x0a) finish();
    else line.push(byte);
  }
  finish();
  return items;
}

test('lines come out as they went in, in any split', () => {
  fc.assert(
    fc.property(
      fc.array(lineTexts, { maxLength: 6 }),
      fc.constantFrom('\n', '\r\n'),
      chunkSizes(),
      (texts, end, sizes) => {
        const stream = encodeUtf8(texts.map((text) => text + end).join(''));
        const expected = texts.map((text) => ({ kind: 'line', text }));
        assert.deepEqual(decode(chunksOf(stream, sizes), JSON_LINE_BYTES_MAX), expected);
      },
    ),
    { numRuns },
  );
});

test('any split of any stream gives the lines of the description', () => {
  fc.assert(
    fc.property(anyStream, chunkSizes(), (stream, sizes) => {
      const expected = naiveLines(stream);
      assert.deepEqual(decode([stream.slice()]), expected);
      assert.deepEqual(decode(chunksOf(stream, sizes)), expected);
      assert.deepEqual(decode(chunksOf(stream, [1])), expected);
    }),
    { numRuns },
  );
});

test('a line that never ends is told of once and costs no memory', () => {
  const decoder = new JsonLineDecoder();
  const chunk = new Uint8Array(1000).fill(0x78);
  const items: JsonLine[] = [];
  for (let sent = 0; sent < 1_000_000; sent += chunk.length) {
    items.push(...decoder.push(chunk).frames);
    assert.ok(decoder.bufferedBytes <= JSON_LINE_BYTES_MAX);
  }
  assert.deepEqual(items, [{ kind: 'too-long' }]);
  assert.equal(decoder.bufferedBytes, 0);
  assert.deepEqual(decoder.push(encodeUtf8('\nnext\n')).frames, [{ kind: 'line', text: 'next' }]);
});

test('a line that has no end yet is told of as too long as soon as it is', () => {
  const decoder = new JsonLineDecoder({ lineBytesMax: 3 });
  assert.deepEqual(decoder.push(encodeUtf8('abc')).frames, []);
  assert.deepEqual(decoder.push(encodeUtf8('d')).frames, [{ kind: 'too-long' }]);
});

test('a limit that is no whole number above 0 is refused', () => {
  for (const lineBytesMax of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new JsonLineDecoder({ lineBytesMax }), RangeError);
  }
});
