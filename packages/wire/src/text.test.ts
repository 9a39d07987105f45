import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from './errors.ts';
import { decodeUtf8, encodeUtf8, isValidUtf8, pythonJson, splitUtf8, utf8PrefixEnd } from './text.ts';

const numRuns = propertyRuns();
const bytes = (...values: number[]) => Uint8Array.from(values);

/** Bytes that are nearly UTF-8: lead and continuation bytes of every class, in any order. */
const nearlyUtf8 = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        0x00,
        0x41,
        0x7f,
        0x80,
        0x8f,
        0x90,
        0x9f,
        0xa0,
        0xbf,
        0xc0,
        0xc1,
        0xc2,
        0xdf,
        0xe0,
        0xe1,
        0xec,
        0xed,
      ),
      fc.constantFrom(0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff),
      fc.nat({ max: 255 }),
    ),
    { maxLength: 12 },
  )
  .map((values) => Uint8Array.from(values));

function isValidByPlatform(input: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(input);
    return true;
  } catch {
    return false;
  }
}

test('text survives encoding and decoding, a byte order mark included', () => {
  fc.assert(
    fc.property(utf8Text(0, 300), (text) => {
      assert.equal(decodeUtf8(encodeUtf8(text)), text);
    }),
    { numRuns },
  );
  assert.equal(decodeUtf8(bytes(0xef, 0xbb, 0xbf, 0x41)), '\ufeffA');
});

test('a lone surrogate has no UTF-8 form', () => {
  for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
    assert.throws(() => encodeUtf8(text), { name: 'CodecError', code: 'CODEC_INVALID_UTF8' });
  }
});

test('ill-formed UTF-8 is refused with the place of the first bad sequence', () => {
  const cases: [Uint8Array, number][] = [
    [bytes(0xff), 0],
    [bytes(0x41, 0x80), 1],
    [bytes(0x41, 0xc3, 0xa9, 0xe2, 0x82), 3],
    [bytes(0xed, 0xa0, 0x80), 0],
    [bytes(0xf4, 0x90, 0x80, 0x80), 0],
  ];
  for (const [input, offset] of cases) {
    assert.throws(() => decodeUtf8(input, 100), { code: 'CODEC_INVALID_UTF8', offset: 100 + offset });
  }
});

test('the fast validator agrees with the platform on any bytes', () => {
  fc.assert(
    fc.property(fc.oneof(nearlyUtf8, fc.uint8Array({ maxLength: 64 }), utf8Text(0, 200).map(encodeUtf8)), (input) => {
      assert.equal(isValidUtf8(input), isValidByPlatform(input));
      const end = utf8PrefixEnd(input, 0, input.length);
      assert.ok(isValidByPlatform(input.subarray(0, end)));
    }),
    { numRuns },
  );
});

test('decoding agrees with the validator and throws nothing but CodecError', () => {
  fc.assert(
    fc.property(fc.oneof(nearlyUtf8, fc.uint8Array({ maxLength: 64 })), (input) => {
      try {
        assert.deepEqual(encodeUtf8(decodeUtf8(input)), new Uint8Array(input));
      } catch (error) {
        assert.ok(error instanceof CodecError && error.code === 'CODEC_INVALID_UTF8', String(error));
        assert.equal(error.offset, utf8PrefixEnd(input, 0, input.length));
      }
    }),
    { numRuns },
  );
});

test('the pieces of split text are valid UTF-8, within the limit, and together the input', () => {
  fc.assert(
    fc.property(utf8Text(0, 600), fc.integer({ min: 4, max: 300 }), (text, maxBytes) => {
      const whole = encodeUtf8(text);
      const pieces = splitUtf8(whole, maxBytes);
      assert.equal(pieces.map((piece) => decodeUtf8(piece)).join(''), text);
      for (const piece of pieces) assert.ok(piece.length <= maxBytes);
      // Nothing is cut earlier than a character that would not fit demands.
      for (const piece of pieces.slice(0, -1)) assert.ok(piece.length > maxBytes - 4);
    }),
    { numRuns },
  );
});

test('splitting any bytes at all ends and loses nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(nearlyUtf8, fc.uint8Array({ maxLength: 200 })),
      fc.integer({ min: 4, max: 9 }),
      (input, maxBytes) => {
        const pieces = splitUtf8(input, maxBytes);
        assert.deepEqual(
          pieces.flatMap((piece) => [...piece]),
          [...input],
        );
        for (const piece of pieces) assert.ok(piece.length <= maxBytes);
      },
    ),
    { numRuns },
  );
});

test('an empty text is one empty piece, and pieces share the memory of the input', () => {
  assert.deepEqual(splitUtf8(bytes(), 4), [bytes()]);
  const input = encodeUtf8('abcdefgh');
  assert.equal(splitUtf8(input, 4)[1]!.buffer, input.buffer);
});

test('pieces shorter than a character can be are a programming error', () => {
  assert.throws(() => splitUtf8(bytes(0x41), 3), RangeError);
  assert.throws(() => splitUtf8(bytes(0x41), Number.NaN), RangeError);
});

test('JSON text has the form that Python gives it', () => {
  // Right-hand sides are the output of json.dumps.
  assert.equal(pythonJson('Zoë'), String.raw`"Zo\u00eb"`);
  assert.equal(pythonJson('😀'), String.raw`"\ud83d\ude00"`);
  assert.equal(
    pythonJson('a"b\\c/d\b\f\n\r\t\u0000\u001f\u007f\u0080'),
    String.raw`"a\"b\\c/d\b\f\n\r\t\u0000\u001f\u007f\u0080"`,
  );
  assert.equal(
    pythonJson({ b: 1, a: [true, false, null, -7], c: {} }),
    '{"b": 1, "a": [true, false, null, -7], "c": {}}',
  );
  assert.equal(pythonJson({ kept: '', left: undefined }), '{"kept": ""}');
  assert.equal(pythonJson([]), '[]');
  assert.equal(pythonJson(-0), '0');
});

test('JSON text in Python form is ASCII and parses to the value it was made from', () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      utf8Text(0, 40),
      fc.maxSafeInteger().map((number) => number + 0),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        utf8Text(1, 10).filter((name) => name !== '__proto__'),
        tie('value'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  })).value;
  fc.assert(
    fc.property(value, (input) => {
      const text = pythonJson(input as Parameters<typeof pythonJson>[0]);
      assert.match(text, /^[ -~]*$/);
      assert.deepEqual(JSON.parse(text), input);
    }),
    { numRuns },
  );
});

test('JSON text refuses what Python would write differently or what has no UTF-8 form', () => {
  for (const number of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(() => pythonJson(number), { code: 'CODEC_INVALID_FIELD' });
  }
  assert.throws(() => pythonJson({ name: '\ud83d' }), { code: 'CODEC_INVALID_UTF8' });
});

test('short and long text, plain or not, is encoded as TextEncoder does, and each time into bytes of its own', () => {
  const reference = new TextEncoder();
  for (const unit of ['a', '\u0000', '\u007f', '\u0080', 'é', '日', '🎉']) {
    for (const count of [0, 1, 15, 31, 32, 33, 64]) {
      for (const text of [unit.repeat(count), `${'a'.repeat(count)}${unit}`, `${unit}${'a'.repeat(count)}`]) {
        assert.deepEqual(encodeUtf8(text), reference.encode(text));
      }
    }
  }
  assert.notEqual(encodeUtf8('Ann').buffer, encodeUtf8('Ann').buffer);
});
