import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linkFrames } from '@confab/testing/link-frames';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import {
  decodeFrames,
  FrameWriter,
  LINK_FRAME_BYTES_MAX,
  type LinkFrame,
  recordFrameBytes,
  writeFrame,
} from './index.ts';

const numRuns = propertyRuns();

const someFrames = fc.array(linkFrames(), { maxLength: 6 });

describe('A packet that is packed', () => {
  const body = new Uint8Array(20).fill(0x61);

  it('takes a last record that fits only without its length, and then nothing', () => {
    const writer = new FrameWriter(true);
    const out = new Uint8Array(recordFrameBytes(1, 1, 20));
    writer.begin(out);
    assert.equal(writer.record(1, 1, body), true);
    assert.equal(writer.left, 0);
    assert.equal(writer.ping(new Uint8Array(0)), false);
    assert.equal(writer.finish(), out.length);
    assert.deepEqual(decodeFrames(out, true), [{ type: 'record', channel: 1, number: 1, body }]);
  });

  it('does not begin what does not fit', () => {
    const out = new Uint8Array(recordFrameBytes(1, 1, 20) - 1).fill(0xee);
    const packet = new FrameWriter(true);
    packet.begin(out);
    assert.equal(packet.record(1, 1, body), false);
    assert.equal(packet.length, 0);
    assert.ok(out.every((byte) => byte === 0xee));
    const stream = new FrameWriter(false);
    stream.begin(new Uint8Array(recordFrameBytes(1, 1, 20)));
    assert.equal(stream.record(1, 1, body), false, 'in a stream every frame has a length');
  });

  it('stays within its bytes and is never larger than it says, whatever is put in', () => {
    fc.assert(
      fc.property(someFrames, fc.nat({ max: 160 }), fc.boolean(), (list, size, isPacket) => {
        const out = new Uint8Array(size + 20).fill(0xee);
        const writer = new FrameWriter(isPacket);
        writer.begin(out, 10, 10 + size);
        const taken: LinkFrame[] = [];
        for (const frame of list) {
          if (frame.type === 'part') continue;
          if (writeFrame(writer, frame)) taken.push(frame);
          assert.ok(writer.length <= size && writer.left >= 0);
        }
        const length = writer.finish();
        assert.deepEqual(decodeFrames(out.subarray(10, 10 + length), isPacket), taken);
        assert.ok(out.subarray(0, 10).every((byte) => byte === 0xee));
        assert.ok(out.subarray(10 + size).every((byte) => byte === 0xee));
      }),
      { numRuns },
    );
  });

  it('carries a long record in parts that make it whole, and fills each packet', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.integer({ min: 30, max: 400 }),
        fc.boolean(),
        (total, size, isPacket) => {
          const record = Uint8Array.from({ length: total }, (_, index) => index % 251);
          const whole = new Uint8Array(total);
          const writer = new FrameWriter(isPacket);
          const out = new Uint8Array(size);
          for (let offset = 0; offset < total; ) {
            writer.begin(out);
            const count = writer.part(5, 70, record, offset);
            assert.ok(count > 0);
            const length = writer.finish();
            if (offset + count < total) assert.ok(size - length <= (isPacket ? 0 : 1));
            const [part] = decodeFrames(out.subarray(0, length), isPacket);
            assert.ok(part?.type === 'part' && part.offset === offset && part.total === total);
            whole.set(part.bytes, offset);
            offset += count;
          }
          assert.deepEqual(whole, record);
        },
      ),
      { numRuns },
    );
  });

  it('is padded to exactly the length that is asked for, one more where a frame would be one byte', () => {
    const out = new Uint8Array(70_000);
    for (const length of [2, 3, 65, 66, 67, 1_200, 16_385, 16_386, 16_387, 16_388, 65_000]) {
      const writer = new FrameWriter(true);
      writer.begin(out);
      assert.ok(writer.padTo(length));
      assert.equal(writer.length, length);
      assert.equal(writer.finish(), length);
      assert.deepEqual(decodeFrames(out.subarray(0, length), true), []);
    }
    const writer = new FrameWriter(true);
    writer.begin(out, 0, 4);
    writer.ping(new Uint8Array(0));
    assert.ok(writer.padTo(3));
    assert.equal(writer.length, 4);
    assert.equal(writer.padTo(5), false);
  });

  it('refuses what its reader would', () => {
    const writer = new FrameWriter(true);
    writer.begin(new Uint8Array(70_000));
    const refused = { name: 'CodecError' };
    assert.throws(() => writer.ping(new Uint8Array(9)), refused);
    assert.throws(() => writer.pong(new Uint8Array(9)), refused);
    assert.throws(() => writer.pathChallenge(new Uint8Array(7)), refused);
    assert.throws(() => writer.pathResponse(new Uint8Array(9)), refused);
    assert.throws(() => writer.skip(1, 3, 2), refused);
    assert.throws(() => writer.cursor(1, 1, new Array(66).fill(1)), refused);
    assert.throws(() => writer.cursor(1, 1, [1]), refused);
    assert.throws(() => writer.ack([], 0), refused);
    assert.throws(() => writer.ack(new Array(66).fill(1), 0), refused);
    assert.throws(() => writer.close(0, 'x'.repeat(513)), refused);
    assert.throws(() => writer.close(0, '\ud800'), refused);
    assert.throws(() => writer.record(1, 1, new Uint8Array(LINK_FRAME_BYTES_MAX)), refused);
    assert.throws(() => writer.record(-1, 1, body), RangeError);
    assert.throws(() => writer.record(1, 2 ** 53, body), RangeError);
  });
});
