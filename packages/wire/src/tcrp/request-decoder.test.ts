import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkSizes, chunksOf, mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { encodeUtf8, pythonJson } from '../text.ts';
import {
  decodeTcrpRequest,
  encodeTcrpFrame,
  TCRP_PAYLOAD_BYTES_MAX,
  type TcrpFrame,
  type TcrpLayout,
  TcrpOperation,
  TcrpRequestDecoder,
  TcrpState,
} from './index.ts';

const numRuns = propertyRuns();
const payloadBytesMax = 600;
const bytesMax = 32 + 255 + payloadBytesMax;

const jsonPayload = fc.oneof(
  utf8Text(0, 40).map((user) => pythonJson(user)),
  fc.record({ username: utf8Text(0, 40), password: fc.option(utf8Text(0, 40)) }).map((request) => pythonJson(request)),
);
const payload = fc.oneof(
  jsonPayload.map(encodeUtf8),
  fc.uint8Array({ maxLength: 60 }),
  fc.uint8Array({ maxLength: payloadBytesMax }),
);

const frames = fc.record(
  {
    layout: fc.constantFrom<TcrpLayout>('header32', 'header31', 'name-first'),
    operation: fc.constantFrom(TcrpOperation.CREATE, TcrpOperation.JOIN),
    state: fc.constant(TcrpState.REQUEST),
    room: utf8Text(1, 255),
    payload,
  },
  { noNullPrototype: true },
);

/** Requests as bytes; those that our encoder refuses are left out. */
const requests = frames.map(encodedOrEmpty).filter((bytes) => bytes.length > 0);

/** Streams that are requests, nearly requests, or anything. */
const streams = fc.oneof(
  requests,
  { weight: 3, arbitrary: mangled(requests) },
  fc.uint8Array({ maxLength: 400 }),
  // A plausible beginning with anything after it.
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 }), fc.uint8Array({ maxLength: 80 }))
    .map(([roomBytes, operation, rest]) =>
      Uint8Array.from([roomBytes, operation, 0, ...new Array<number>(26).fill(0), ...rest]),
    ),
);

function encodedOrEmpty(frame: TcrpFrame): Uint8Array {
  try {
    return encodeTcrpFrame(frame);
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    return new Uint8Array(0);
  }
}

/** All that comes of a stream in these chunks, then the half-close, with the bound on memory checked at each step. */
function decode(chunks: readonly Uint8Array[], ending: 'end' | 'silence' = 'end') {
  const decoder = new TcrpRequestDecoder({ payloadBytesMax });
  const results = [];
  for (const chunk of chunks) {
    results.push(decoder.push(chunk));
    assert.ok(decoder.bufferedBytes <= bytesMax);
    // What was given is the decoder's own copy: a caller may use its chunk again.
    chunk.fill(0xee);
  }
  results.push(decoder[ending]());
  const found = results.flatMap((result) => result.frames);
  const errors = results.flatMap((result) => result.error ?? []);
  assert.ok(found.length + errors.length <= 1);
  if (decoder.done) assert.equal(decoder.bufferedBytes, 0);
  for (const error of errors) assert.ok(error instanceof CodecError);
  return { frames: found, errors: errors.map(({ code, offset, message }) => ({ code, offset, message })) };
}

test('a request that was encoded is decoded to the same request', () => {
  fc.assert(
    fc.property(frames, chunkSizes(), (frame, sizes) => {
      const bytes = encodedOrEmpty(frame);
      fc.pre(bytes.length > 0);
      assert.deepEqual(decode(chunksOf(bytes, sizes)), { frames: [frame], errors: [] });
    }),
    { numRuns },
  );
});

test('every request of an ordinary client can be encoded in every layout', () => {
  const name = utf8Text(1, 255).filter((text) => text.charCodeAt(0) >= 0x20);
  fc.assert(
    fc.property(frames, name, jsonPayload, (frame, room, json) => {
      fc.pre(json !== '""');
      encodeTcrpFrame({ ...frame, room, payload: encodeUtf8(json) });
    }),
    { numRuns },
  );
});

test('any split of any stream gives the same frame or the same error', () => {
  fc.assert(
    fc.property(streams, chunkSizes(), fc.constantFrom('end' as const, 'silence' as const), (stream, sizes, ending) => {
      const whole = decode([stream.slice()], ending);
      assert.deepEqual(decode(chunksOf(stream, sizes), ending), whole);
      assert.deepEqual(decode(chunksOf(stream, [1]), ending), whole);
    }),
    { numRuns },
  );
});

test('whatever frame comes, its payload is decoded or refused with a CodecError', () => {
  fc.assert(
    fc.property(streams, (stream) => {
      for (const frame of decode([stream.slice()]).frames) {
        try {
          const { user, password } = decodeTcrpRequest(frame);
          assert.ok(user.isWellFormed());
          assert.ok(password === undefined || (password !== '' && password.isWellFormed()));
        } catch (error) {
          assert.ok(error instanceof CodecError, String(error));
        }
      }
    }),
    { numRuns },
  );
});

const bob = {
  layout: 'header32',
  operation: TcrpOperation.JOIN,
  state: TcrpState.REQUEST,
  room: 'lobby',
  payload: encodeUtf8('"Bob"'),
} as const;

test('after the request everything is ignored', () => {
  const decoder = new TcrpRequestDecoder();
  const bytes = encodeTcrpFrame(bob);
  assert.equal(decoder.push(Uint8Array.from([...bytes, ...bytes])).frames.length, 1);
  assert.deepEqual(decoder.push(bytes), { frames: [] });
  assert.deepEqual(decoder.silence(), { frames: [] });
  assert.deepEqual(decoder.end(), { frames: [] });
  assert.equal(decoder.bufferedBytes, 0);
});

test('after an error everything is ignored', () => {
  const decoder = new TcrpRequestDecoder();
  assert.equal(decoder.push(Uint8Array.from([0])).error?.code, 'CODEC_INVALID_FIELD');
  assert.deepEqual(decoder.push(encodeTcrpFrame(bob)), { frames: [] });
  assert.deepEqual(decoder.end(), { frames: [] });
});

test('a peer that closes without a byte is no error', () => {
  const decoder = new TcrpRequestDecoder();
  assert.deepEqual(decoder.end(), { frames: [] });
  assert.ok(decoder.done);
});

test('silence means nothing before a payload without length begins', () => {
  const decoder = new TcrpRequestDecoder();
  const bytes = encodeTcrpFrame({ ...bob, layout: 'name-first', payload: encodeUtf8('Bob') });
  const payloadStart = bytes.length - 3;
  for (let index = 0; index < payloadStart; index += 1) {
    assert.equal(decoder.awaitsSilence, false);
    assert.deepEqual(decoder.silence(), { frames: [] });
    decoder.push(bytes.subarray(index, index + 1));
  }
  assert.equal(decoder.awaitsSilence, true);
  decoder.push(bytes.subarray(payloadStart));
  assert.deepEqual(decoder.silence().frames[0]?.payload, encodeUtf8('Bob'));
  assert.equal(decoder.awaitsSilence, false);
});

test('silence does not end a request that says its length', () => {
  const decoder = new TcrpRequestDecoder();
  const bytes = encodeTcrpFrame(bob);
  decoder.push(bytes.subarray(0, -1));
  assert.equal(decoder.awaitsSilence, false);
  assert.deepEqual(decoder.silence(), { frames: [] });
  assert.equal(decoder.push(bytes.subarray(-1)).frames.length, 1);
});

test('a declared payload above the limit is refused with the header, before any of it is held', () => {
  const decoder = new TcrpRequestDecoder();
  const head = encodeTcrpFrame({ ...bob, payload: new Uint8Array(TCRP_PAYLOAD_BYTES_MAX) }).slice(0, 32);
  assert.equal(new TcrpRequestDecoder().push(head).error, undefined);
  head[31] = 1;
  assert.equal(decoder.push(head).error?.code, 'CODEC_TOO_LARGE');
});

test('the limit can be set lower, and holds for every layout', () => {
  for (const layout of ['header32', 'header31', 'name-first'] as const) {
    const user = encodeUtf8(`"${'u'.repeat(18)}"`);
    const bytes = encodeTcrpFrame({ ...bob, layout, payload: user });
    assert.equal(new TcrpRequestDecoder({ payloadBytesMax: 20 }).push(bytes).frames.length, 1, layout);
    assert.equal(new TcrpRequestDecoder({ payloadBytesMax: 19 }).push(bytes).error?.code, 'CODEC_TOO_LARGE', layout);
  }
  for (const wrong of [0, -1, 1.5, Number.NaN, TCRP_PAYLOAD_BYTES_MAX + 1]) {
    assert.throws(() => new TcrpRequestDecoder({ payloadBytesMax: wrong }), RangeError);
  }
});

test('64 KiB that come byte by byte are decoded in linear time', () => {
  for (const layout of ['header32', 'header31', 'name-first'] as const) {
    const text = encodeUtf8(`"${'u'.repeat(TCRP_PAYLOAD_BYTES_MAX - 2)}"`);
    const decoder = new TcrpRequestDecoder();
    let found = 0;
    // Quadratic work would be two thousand million steps, and would be noticed.
    for (const byte of encodeTcrpFrame({ ...bob, layout, payload: text }))
      found += decoder.push(Uint8Array.of(byte)).frames.length;
    assert.equal(found, 1, layout);
  }
});

test('a frame that would be misread or refused is not encoded', () => {
  const refused: [string, Partial<TcrpFrame>, string][] = [
    ['no room name', { room: '' }, 'CODEC_INVALID_FIELD'],
    ['a room name of 256 bytes', { room: 'é'.repeat(128) }, 'CODEC_INVALID_FIELD'],
    ['a lone surrogate', { room: '\ud800' }, 'CODEC_INVALID_UTF8'],
    ['operation 3', { operation: 3 as TcrpOperation }, 'CODEC_INVALID_FIELD'],
    ['state 3', { state: 3 as TcrpState }, 'CODEC_INVALID_FIELD'],
    ['64 KiB and a byte', { payload: new Uint8Array(TCRP_PAYLOAD_BYTES_MAX + 1) }, 'CODEC_TOO_LARGE'],
    [
      '31-byte header, payload without quotes',
      { layout: 'header31', payload: encodeUtf8('Bob') },
      'CODEC_INVALID_FIELD',
    ],
    ['31-byte header, empty user name', { layout: 'header31', payload: encodeUtf8('""') }, 'CODEC_INVALID_FIELD'],
    ['31-byte header, control character', { layout: 'header31', room: '\u0001' }, 'CODEC_INVALID_FIELD'],
    ['name-first, control character', { layout: 'name-first', room: '\u0001' }, 'CODEC_INVALID_FIELD'],
    ['name-first, two values', { layout: 'name-first', payload: encodeUtf8('"Bob" ') }, 'CODEC_INVALID_FIELD'],
  ];
  for (const [what, change, code] of refused) {
    assert.throws(() => encodeTcrpFrame({ ...bob, ...change }), { name: 'CodecError', code }, what);
  }
});
