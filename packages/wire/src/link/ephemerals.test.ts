import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { decodeAttributed, decodeTyping, encodeAttributed, encodeTyping } from './ephemerals.ts';

test('what somebody says of themselves comes with their name, and as it was said', () => {
  const names = fc.string({ unit: 'grapheme', maxLength: 60 });
  fc.assert(
    fc.property(names, fc.uint8Array({ maxLength: 256 }), (user, body) => {
      const decoded = decodeAttributed(encodeAttributed({ user, body }));
      assert.equal(decoded.user, user);
      assert.deepEqual(Uint8Array.from(decoded.body), Uint8Array.from(body));
    }),
    { numRuns: propertyRuns() },
  );
});

test('any bytes are an ephemeral or a CodecError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        decodeAttributed(bytes);
      } catch (error) {
        assert.ok(error instanceof CodecError);
      }
    }),
    { numRuns: propertyRuns() },
  );
});

test('a name that is too long, cut short or no text is refused', () => {
  const codeOf = (bytes: readonly number[]): string | undefined => {
    try {
      decodeAttributed(Uint8Array.from(bytes));
      return undefined;
    } catch (error) {
      return (error as CodecError).code;
    }
  };
  assert.equal(codeOf([0x41, 0x00, ...new Array<number>(256).fill(0x61)]), 'CODEC_TOO_LARGE');
  assert.equal(codeOf([0x40, 0xff, ...new Array<number>(255).fill(0x61)]), undefined);
  assert.equal(codeOf([3, 0x61]), 'CODEC_TRUNCATED');
  assert.equal(codeOf([]), 'CODEC_TRUNCATED');
  assert.equal(codeOf([1, 0xff]), 'CODEC_INVALID_UTF8');
  assert.throws(() => encodeAttributed({ user: 'x'.repeat(256), body: new Uint8Array(0) }), {
    code: 'CODEC_TOO_LARGE',
  });
});

test('somebody types until they say that they have stopped', () => {
  assert.equal(decodeTyping(encodeTyping(true)), true);
  assert.equal(decodeTyping(encodeTyping(false)), false);
  assert.equal(decodeTyping(new Uint8Array(0)), true);
  assert.equal(decodeTyping(Uint8Array.of(7, 0)), true);
});
