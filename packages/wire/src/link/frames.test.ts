import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunkSizes, chunksOf, mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { FrameCollector, pathReasons } from './frames.ts';
import {
  decodeFrames,
  FrameStreamDecoder,
  FrameWriter,
  LINK_FRAME_BYTES_MAX,
  type LinkFrame,
  readFrames,
  recordFrameBytes,
  writeFrame,
} from './index.ts';

const numRuns = propertyRuns();

/** Numbers of every size. */
const number = fc.oneof(
  fc.nat({ max: 100 }),
  fc.nat({ max: 20_000 }),
  fc.nat({ max: 0x7fff_ffff }),
  fc.maxSafeNat(),
  fc.constantFrom(63, 64, 16_383, 16_384, 1_073_741_823, 1_073_741_824, Number.MAX_SAFE_INTEGER),
);
const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
const pairs = (max: number) => fc.array(fc.tuple(number, number), { maxLength: max }).map((list) => list.flat());
const plainObject = { noNullPrototype: true } as const;

const frames: fc.Arbitrary<LinkFrame> = fc.oneof(
  fc.record({ type: fc.constantFrom('ping' as const, 'pong' as const), data: bytes(0, 8) }, plainObject),
  fc.record(
    { type: fc.constantFrom('path-challenge' as const, 'path-response' as const), data: bytes(8, 8) },
    plainObject,
  ),
  fc.record({ type: fc.constant('record' as const), channel: number, number, body: bytes(0, 90) }, plainObject),
  fc
    .tuple(number, number, fc.nat({ max: 90 }), bytes(1, 90), fc.nat({ max: 90 }))
    .map(([channel, record, offset, piece, after]): LinkFrame => {
      return { type: 'part', channel, number: record, offset, total: offset + piece.length + after, bytes: piece };
    }),
  fc.tuple(number, number, number).map(
    ([channel, one, other]): LinkFrame => ({
      type: 'skip',
      channel,
      first: Math.min(one, other),
      last: Math.max(one, other),
    }),
  ),
  fc.record({ type: fc.constant('cursor' as const), channel: number, next: number, pairs: pairs(32) }, plainObject),
  fc.record(
    { type: fc.constant('ack' as const), largest: number, delay: number, first: number, pairs: pairs(31) },
    plainObject,
  ),
  fc.record(
    {
      type: fc.constant('path' as const),
      path: fc.constantFrom('tcp' as const, 'udp' as const),
      generation: number,
      reason: fc.constantFrom(...pathReasons),
    },
    plainObject,
  ),
  fc.record(
    { type: fc.constant('ephemeral' as const), channel: number, kind: number, body: bytes(0, 90) },
    plainObject,
  ),
  fc.record({ type: fc.constant('close' as const), code: number, text: utf8Text(0, 60) }, plainObject),
);
const someFrames = fc.array(frames, { maxLength: 6 });

function encoded(list: readonly LinkFrame[], isPacket: boolean): Uint8Array {
  const writer = new FrameWriter(isPacket);
  const out = new Uint8Array(8_000);
  writer.begin(out);
  for (const frame of list) assert.ok(writeFrame(writer, frame));
  return out.slice(0, writer.finish());
}

describe('Frames', () => {
  it('come back as they were, in packets and in streams', () => {
    fc.assert(
      fc.property(someFrames, fc.boolean(), (list, isPacket) => {
        assert.deepEqual(decodeFrames(encoded(list, isPacket), isPacket), list);
      }),
      { numRuns },
    );
  });

  it('are the same in any split of a stream', () => {
    fc.assert(
      fc.property(someFrames, chunkSizes(), (list, sizes) => {
        const decoder = new FrameStreamDecoder();
        const found: LinkFrame[] = [];
        for (const chunk of chunksOf(encoded(list, false), sizes)) {
          const { frames: whole, error } = decoder.push(chunk);
          assert.equal(error, undefined);
          found.push(...whole);
        }
        assert.deepEqual(found, list);
        assert.equal(decoder.bufferedBytes, 0);
      }),
      { numRuns },
    );
  });

  it('of bytes with faults end in the same error in any split, with little held', () => {
    const streams = fc.oneof(mangled(someFrames.map((list) => encoded(list, false))), bytes(0, 200));
    const read = (chunks: readonly Uint8Array[]) => {
      const decoder = new FrameStreamDecoder({ frameBytesMax: 300 });
      const collector = new FrameCollector();
      const codes: string[] = [];
      for (const chunk of chunks) {
        const error = decoder.read(chunk, collector);
        if (error !== undefined) codes.push(error.code);
        assert.ok(decoder.bufferedBytes <= 316);
      }
      assert.ok(codes.length <= 1);
      return { frames: collector.frames, codes };
    };
    fc.assert(
      fc.property(streams, chunkSizes(), (stream, sizes) => {
        assert.deepEqual(read(chunksOf(stream, sizes)), read([stream]));
      }),
      { numRuns },
    );
  });

  it('of any bytes in a packet are frames or a CodecError', () => {
    const packets = fc.oneof(mangled(someFrames.map((list) => encoded(list, true))), bytes(0, 200));
    fc.assert(
      fc.property(packets, (packet) => {
        try {
          // What was read can be written, and is then read as the same: nothing beyond the page comes through.
          const list = decodeFrames(packet, true).filter(
            (frame) => frame.type !== 'path' || frame.reason !== undefined,
          );
          assert.deepEqual(decodeFrames(encoded(list, true), true), list);
        } catch (error) {
          assert.ok(error instanceof CodecError, String(error));
          assert.ok(error.offset >= 0 && error.offset <= packet.length);
        }
      }),
      { numRuns },
    );
  });

  it('say whether their packet is to be acknowledged', () => {
    const isEliciting = (frame: LinkFrame) => readFrames(encoded([frame], true), true, new FrameCollector());
    const data = new Uint8Array(8);
    assert.deepEqual(
      (
        [
          { type: 'padding', bytes: 3 },
          { type: 'ping', data },
          { type: 'record', channel: 1, number: 1, body: data },
          { type: 'part', channel: 1, number: 1, offset: 0, total: 9, bytes: data },
          { type: 'skip', channel: 1, first: 1, last: 1 },
          { type: 'path-challenge', data },
        ] as const
      ).map(isEliciting),
      [true, true, true, true, true, true],
    );
    assert.deepEqual(
      (
        [
          { type: 'pong', data },
          { type: 'cursor', channel: 1, next: 1, pairs: [] },
          { type: 'ack', largest: 1, delay: 0, first: 0, pairs: [] },
          { type: 'path-response', data },
          { type: 'path', path: 'tcp', generation: 1, reason: 'configured' },
          { type: 'ephemeral', channel: 1, kind: 1, body: data },
          { type: 'close', code: 0, text: '' },
        ] as const
      ).map(isEliciting),
      [false, false, false, false, false, false, false],
    );
    assert.equal(readFrames(Uint8Array.of(0x1f, 0), true, new FrameCollector()), true, 'an unknown one');
  });
});

describe('A stream of frames', () => {
  it('ends at a length above the limit, before any of the body', () => {
    const decoder = new FrameStreamDecoder({ frameBytesMax: 10 });
    assert.equal(decoder.push(Uint8Array.of(0x0c)).error, undefined);
    assert.equal(decoder.push(Uint8Array.of(11)).error?.code, 'CODEC_TOO_LARGE');
    assert.equal(decoder.bufferedBytes, 0);
    assert.deepEqual(decoder.push(Uint8Array.of(0x01, 0x00)), { frames: [] }, 'nothing after an error');
  });

  it('takes a frame of exactly the limit, in single bytes', () => {
    const decoder = new FrameStreamDecoder();
    const frame = encodedRecord(LINK_FRAME_BYTES_MAX - 2);
    let count = 0;
    for (let at = 0; at < frame.length; at += 1) {
      count += decoder.push(frame.subarray(at, at + 1)).frames.length;
      assert.ok(decoder.bufferedBytes <= LINK_FRAME_BYTES_MAX + 16);
    }
    assert.equal(count, 1);
  });

  it('gives views that stay as they are when more is pushed', () => {
    const decoder = new FrameStreamDecoder();
    const stream = encoded(
      [1, 2, 3].map((record) => ({
        type: 'record',
        channel: 1,
        number: record,
        body: Uint8Array.of(record, record, record),
      })),
      false,
    );
    const found = chunksOf(stream, [4]).flatMap((chunk) => decoder.push(chunk).frames);
    assert.deepEqual(
      found.map((frame) => frame.type === 'record' && frame.body[2]),
      [1, 2, 3],
    );
  });

  it('cannot be given a limit that is none', () => {
    for (const frameBytesMax of [0, 65_537, 1.5, Number.NaN])
      assert.throws(() => new FrameStreamDecoder({ frameBytesMax }), RangeError);
  });

  function encodedRecord(bodyBytes: number): Uint8Array {
    const out = new Uint8Array(bodyBytes + 20);
    const writer = new FrameWriter(false);
    writer.begin(out);
    assert.ok(writer.record(1, 1, new Uint8Array(bodyBytes)));
    return out.slice(0, writer.finish());
  }
});

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
