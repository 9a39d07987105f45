import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameOf, payloadsOf } from './frame.ts';

test('a frame is that of RFC 6455 §5.7', () => {
  assert.equal(Buffer.from(frameOf('Hello')).toString('hex'), '810548656c6c6f');
});

const lengths: readonly (readonly [bytes: number, head: string])[] = [
  [0, '8100'],
  [125, '817d'],
  [126, '817e007e'],
  [65_535, '817effff'],
  [65_536, '817f0000000000010000'],
];

for (const [bytes, head] of lengths) {
  test(`a text of ${bytes} bytes has the head ${head}`, () => {
    const frame = Buffer.from(frameOf('x'.repeat(bytes)));
    assert.equal(frame.subarray(0, head.length / 2).toString('hex'), head);
    assert.equal(frame.length, head.length / 2 + bytes);
  });
}

test('frames that follow one another give their payloads', () => {
  const texts = ['', 'Grüße 🎉', 'x'.repeat(200), 'y'.repeat(70_000)];
  const frames = Buffer.concat(texts.map(frameOf));
  assert.deepEqual(
    [...payloadsOf(frames)].map((payload) => payload.toString()),
    texts,
  );
});
