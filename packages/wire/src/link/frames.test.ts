import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunkSizes, chunksOf, mangled } from '@confab/testing/byte-arbitraries';
import { linkFrames } from '@confab/testing/link-frames';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { FrameCollector } from './frames.ts';
import {
  decodeFrames,
  FrameStreamDecoder,
  FrameWriter,
  LINK_FRAME_BYTES_MAX,
  type LinkFrame,
  readFrames,
  writeFrame,
} from './index.ts';

const numRuns = propertyRuns();

const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
const someFrames = fc.array(linkFrames(), { maxLength: 6 });

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

  it('hold no more memory than their bytes, whatever they say that a record has', () => {
    const total = Number.MAX_SAFE_INTEGER;
    const list: LinkFrame[] = [
      { type: 'part', channel: 1, number: 1, offset: total - 2, total, bytes: Uint8Array.of(1, 2) },
    ];
    assert.deepEqual(decodeFrames(encoded(list, true), true), list);
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
