import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import { LINK_FRAME_BYTES_MAX } from '@confab/wire/link';
import fc from 'fast-check';
import { FrameCutter } from './frame-cutter.ts';

/** PADDING with a length of two bytes. */
const frame = (body: Uint8Array) => Uint8Array.from([0, 0x40 | (body.length >> 8), body.length & 0xff, ...body]);

test('frames come out whole, however the connection was cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
      (bodies, sizes) => {
        const frames = bodies.map(frame);
        const all = Uint8Array.from(frames.flatMap((each) => [...each]));
        const cutter = new FrameCutter();
        const found: Uint8Array[] = [];
        for (let at = 0; at < all.length; ) {
          const size = sizes.next().value as number;
          found.push(...cutter.push(all.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(
          found.map((each) => [...each]),
          frames.map((each) => [...each]),
        );
      },
    ),
    { numRuns: propertyRuns() },
  );
});

test('what is no frame is given up before it fills the memory', () => {
  const cutter = new FrameCutter();
  // A length of 2^30 − 1.
  assert.deepEqual(cutter.push(Uint8Array.of(0, 0xbf, 0xff, 0xff, 0xff)), []);
  const chunk = new Uint8Array(16_384);
  for (let sent = 0; sent <= LINK_FRAME_BYTES_MAX; sent += chunk.length) assert.deepEqual(cutter.push(chunk), []);
  assert.deepEqual(cutter.push(frame(new Uint8Array(1))), []);
});
