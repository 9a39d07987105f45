import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { encodeUtf8 } from '../text.ts';
import { encodeJsonMessage, jsonMessageHead, jsonMessageLength, writeJsonMessage } from './index.ts';

const PAD = 0xaa;
const plainText = fc.stringMatching(/^[ !#-[\]-\u007f]*$/);
const seqs = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 9, 10, 99, 100, 999_999_999, 2 ** 31, 2 ** 53 - 1));

function write(room: string, user: string, body: Uint8Array, seq: number) {
  const head = jsonMessageHead(room, user);
  const length = jsonMessageLength(head, body, seq);
  const into = new Uint8Array(length + 2).fill(PAD);
  const end = writeJsonMessage(into, 1, head, body, seq);
  return { into, length, end };
}

test('a message whose text stands for itself is written as its encoder writes it, within its length', () => {
  fc.assert(
    fc.property(utf8Text(0, 30), utf8Text(0, 30), plainText, seqs, (room, user, text, seq) => {
      const { into, length, end } = write(room, user, encodeUtf8(text), seq);
      assert.equal(end, length + 1);
      assert.deepEqual(into.subarray(1, end), encodeUtf8(encodeJsonMessage(room, user, text, seq)));
      assert.deepEqual([into[0], into[end]], [PAD, PAD]);
    }),
    { numRuns: propertyRuns() },
  );
});

test('text that needs an escape, or is not ASCII, is left to the encoder', () => {
  for (const byte of [0x00, 0x0a, 0x1f, 0x22, 0x5c, 0x80, 0xc3, 0xff]) {
    assert.equal(write('lobby', 'ann', Uint8Array.of(0x61, byte), 1).end, -1);
  }
  assert.notEqual(write('lobby', 'ann', Uint8Array.of(0x20, 0x21, 0x7f), 1).end, -1);
});
