import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkSizes, chunksOf, mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import {
  decodeTcrpGrant,
  decodeTcrpVerdict,
  encodeTcrpFrame,
  TCRP_PAYLOAD_BYTES_MAX,
  TcrpAnswerDecoder,
  TcrpOperation,
  TcrpState,
} from './index.ts';

const numRuns = propertyRuns();
const bytesMax = 32 + 255 + TCRP_PAYLOAD_BYTES_MAX;

const answers = fc.record(
  {
    layout: fc.constant('header32' as const),
    operation: fc.constantFrom(TcrpOperation.CREATE, TcrpOperation.JOIN),
    state: fc.constantFrom(TcrpState.RESPONSE, TcrpState.COMPLETE),
    room: utf8Text(1, 255),
    payload: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

const concatenated = fc
  .array(answers, { maxLength: 3 })
  .map((list) => Uint8Array.from(list.flatMap((answer) => [...encodeTcrpFrame(answer)])));

function decode(chunks: readonly Uint8Array[]) {
  const decoder = new TcrpAnswerDecoder();
  const results = [];
  for (const chunk of chunks) {
    results.push(decoder.push(chunk));
    assert.ok(decoder.bufferedBytes <= bytesMax);
    chunk.fill(0xee);
  }
  results.push(decoder.end());
  assert.equal(decoder.bufferedBytes, 0);
  const frames = results.flatMap((result) => result.frames);
  const errors = results.flatMap((result) => result.error ?? []);
  for (const error of errors) assert.ok(error instanceof CodecError);
  assert.ok(errors.length <= 1);
  return { frames, errors: errors.map(({ code, offset }) => ({ code, offset })) };
}

test('answers that were encoded are decoded to the same answers, in any split', () => {
  fc.assert(
    fc.property(fc.array(answers, { maxLength: 4 }), chunkSizes(), (list, sizes) => {
      const stream = Uint8Array.from(list.flatMap((answer) => [...encodeTcrpFrame(answer)]));
      assert.deepEqual(decode(chunksOf(stream, sizes)), { frames: list, errors: [] });
    }),
    { numRuns },
  );
});

test('any split of any stream gives the same frames, then the same error', () => {
  const streams = fc.oneof({ weight: 3, arbitrary: mangled(concatenated) }, fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(streams, chunkSizes(), (stream, sizes) => {
      const whole = decode([stream.slice()]);
      assert.deepEqual(decode(chunksOf(stream, sizes)), whole);
      assert.deepEqual(decode(chunksOf(stream, [1])), whole);
    }),
    { numRuns },
  );
});

test('any payload at all is read as verdict and as grant, or refused with a CodecError', () => {
  const member = fc.oneof(
    fc.nat({ max: 8 }),
    fc.boolean(),
    fc.constant(null),
    fc.string(),
    fc.constant('\ud800'),
    fc.jsonValue(),
  );
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .record(
        {
          success: member,
          status_code: member,
          message: member,
          token: member,
          host_username: member,
          participant_count: member,
          dialect: member,
        },
        { requiredKeys: [] },
      )
      .map((members) => new TextEncoder().encode(JSON.stringify(members))),
  );
  fc.assert(
    fc.property(payloads, (payload) => {
      for (const read of [decodeTcrpVerdict, decodeTcrpGrant]) {
        try {
          read(payload);
        } catch (error) {
          assert.ok(error instanceof CodecError, String(error));
        }
      }
    }),
    { numRuns },
  );
});

test('the frames before an error are given with it, and nothing after', () => {
  const answer = encodeTcrpFrame({
    layout: 'header32',
    operation: 1,
    state: 1,
    room: 'lobby',
    payload: new Uint8Array(2),
  });
  const decoder = new TcrpAnswerDecoder();
  const { frames, error } = decoder.push(Uint8Array.from([...answer, 0, ...answer]));
  assert.equal(frames.length, 1);
  assert.equal(error?.code, 'CODEC_INVALID_FIELD');
  assert.deepEqual(decoder.push(answer), { frames: [] });
  assert.deepEqual(decoder.end(), { frames: [] });
});
