import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { decodeFrames, FrameWriter, RecordRun } from './index.ts';
import { framesThatFit, RUN_BYTES_MAX, RUN_RECORD_BYTES_MAX, RUN_RECORDS_MAX, RUN_RECORDS_MIN } from './record-run.ts';

const bodiesOf = (lengths: readonly number[]) =>
  lengths.map((length, index) => new Uint8Array(length).fill(index % 251));
const manyLengths = fc.array(fc.nat({ max: 300 }), { minLength: RUN_RECORDS_MIN, maxLength: 40 });
const numbers = fc.oneof(fc.nat({ max: 80 }), fc.nat({ max: 20_000 }), fc.nat({ max: 2 ** 31 }));
/** Bytes in front of what is written, so that it begins anywhere. */
const BEFORE = 7;

describe('A run of records', () => {
  it('is made of records that are many and short, and of no others', () => {
    const many = (count: number, bytes = 10) => RecordRun.of(1, bodiesOf(Array<number>(count).fill(bytes)));
    assert.equal(many(RUN_RECORDS_MIN - 1), undefined);
    assert.equal(many(RUN_RECORDS_MIN)?.last, RUN_RECORDS_MIN);
    assert.equal(many(RUN_RECORDS_MAX)?.last, RUN_RECORDS_MAX);
    assert.equal(many(RUN_RECORDS_MAX + 1), undefined);
    assert.equal(many(16, RUN_RECORD_BYTES_MAX)?.last, 16);
    assert.equal(many(16, RUN_RECORD_BYTES_MAX + 1), undefined);
    assert.equal(16 * RUN_RECORD_BYTES_MAX, RUN_BYTES_MAX);
    assert.equal(many(17, RUN_RECORD_BYTES_MAX), undefined);
  });

  it('has the same frames for all sessions with one number for the channel, and keeps those of a few', () => {
    const run = RecordRun.of(1, bodiesOf(Array<number>(9).fill(3)))!;
    const kept = Array.from({ length: 8 }, (_, channel) => run.framesOn(channel));
    for (const [channel, frames] of kept.entries()) assert.equal(run.framesOn(channel), frames);
    assert.deepEqual(run.framesOn(8), run.framesOn(8));
    assert.notEqual(run.framesOn(8), run.framesOn(8));
  });

  it('is written, any stretch of it, byte for byte like its records one by one', () => {
    fc.assert(
      fc.property(
        manyLengths,
        numbers,
        numbers,
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        (lengths, channel, first, a, b, room, isPacket) => {
          const bodies = bodiesOf(lengths);
          const frames = RecordRun.of(first, bodies)!.framesOn(channel);
          const from = a % bodies.length;
          const to = from + 1 + (b % (bodies.length - from));
          const size = room % (frames.bytes.length + 20);
          const [whole, single] = [new Uint8Array(BEFORE + size), new Uint8Array(BEFORE + size)];
          const [writer, naive] = [new FrameWriter(isPacket), new FrameWriter(isPacket)];
          writer.begin(whole, BEFORE);
          naive.begin(single, BEFORE);
          let count = 0;
          while (from + count < to && naive.record(channel, first + from + count, bodies[from + count]!)) count += 1;
          if (isPacket) assert.equal(framesThatFit(frames, from, to, size), count);
          assert.equal(writer.run(frames, from, to), count === to - from);
          if (count < to - from) assert.equal(writer.length, 0);
          else assert.deepEqual([writer.finish(), whole], [naive.finish(), single]);
        },
      ),
      { numRuns: propertyRuns() },
    );
  });

  it('may be followed by other frames', () => {
    const bodies = bodiesOf(Array<number>(9).fill(70));
    const out = new Uint8Array(1_000);
    const writer = new FrameWriter(true);
    writer.begin(out);
    assert.ok(writer.run(RecordRun.of(5, bodies)!.framesOn(3), 0, 9));
    assert.ok(writer.ping(new Uint8Array(0)));
    const read = decodeFrames(out.subarray(0, writer.finish()), true);
    assert.deepEqual(
      read.map((frame) => (frame.type === 'record' ? frame.number : frame.type)),
      [5, 6, 7, 8, 9, 10, 11, 12, 13, 'ping'],
    );
  });
});
