import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkSizes, chunksOf, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import { hexBytes, loadVectors, type VectorHex, vectorBytes } from '@confab/testing/vectors';
import fc from 'fast-check';
import { CodecError, type CodecErrorCode } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeSealedFrame,
  decodeSealedMessage,
  encodeSealedHeader,
  encodeSealedMessage,
  SEALED_FRAME_BYTES_MAX,
  SEALED_HEADER_BYTES,
  SEALED_TEXT_BYTES_MAX,
  type SealedFrame,
  type SealedMessage,
  SealedStreamDecoder,
} from './index.ts';

interface MessageVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly message: { type: string; proof?: string };
}

interface FrameVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly pair: string;
  readonly counter: number;
}

interface ErrorVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly code: CodecErrorCode;
  readonly offset: number;
}

const numRuns = propertyRuns();
const load = <Vector>(name: string) => loadVectors<Vector>(new URL(`./vectors/${name}.json`, import.meta.url));

for (const vector of load<MessageVector>('sealed-messages')) {
  test(`sealed message ${vector.name} is written and read as written down`, () => {
    const bytes = vectorBytes(vector.hex);
    const { proof } = vector.message;
    const message = {
      ...vector.message,
      ...(proof === undefined ? {} : { proof: Uint8Array.from(hexBytes(proof)) }),
    } as SealedMessage;
    assert.deepEqual(encodeSealedMessage(message), bytes);
    assert.deepEqual(decodeSealedMessage(bytes), message);
  });
}

for (const vector of load<ErrorVector>('sealed-message-errors')) {
  test(`sealed message ${vector.name} is refused with ${vector.code}`, () => {
    const { code, offset } = vector;
    assert.throws(() => decodeSealedMessage(vectorBytes(vector.hex)), { name: 'CodecError', code, offset });
  });
}

for (const vector of load<FrameVector>('sealed-frames')) {
  const bytes = vectorBytes(vector.hex);
  const pair = Uint8Array.from(hexBytes(vector.pair));

  test(`frame ${vector.name} is read as written down, and its header written so`, () => {
    assert.deepEqual(decodeSealedFrame(bytes), { pair, counter: vector.counter, bytes });
    const header = encodeSealedHeader(pair, vector.counter, bytes.length - SEALED_HEADER_BYTES);
    assert.deepEqual(header, bytes.slice(0, SEALED_HEADER_BYTES));
  });
}

for (const vector of load<ErrorVector>('sealed-frame-errors')) {
  test(`frame ${vector.name} is refused with ${vector.code}`, () => {
    const { code, offset } = vector;
    assert.throws(() => decodeSealedFrame(vectorBytes(vector.hex)), { name: 'CodecError', code, offset });
  });
}

const frames = fc
  .tuple(
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    fc.maxSafeNat(),
    fc.uint8Array({ minLength: 17, maxLength: SEALED_FRAME_BYTES_MAX - SEALED_HEADER_BYTES }),
  )
  .map(([pair, counter, body]) => {
    return Uint8Array.from([...encodeSealedHeader(pair, counter, body.length), ...body]);
  });

function decodeStream(chunks: readonly Uint8Array[]) {
  const decoder = new SealedStreamDecoder();
  const found: SealedFrame[] = [];
  const errors: CodecError[] = [];
  for (const chunk of chunks) {
    const { frames: more, error } = decoder.push(chunk);
    assert.ok(decoder.bufferedBytes <= SEALED_FRAME_BYTES_MAX);
    found.push(...more);
    if (error !== undefined) errors.push(error);
    chunk.fill(0xee);
  }
  assert.ok(errors.length <= 1);
  return { frames: found, errors: errors.map(({ code, offset }) => ({ code, offset })) };
}

test('the frames of a stream are found in any split', () => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 4 }), chunkSizes(), (list, sizes) => {
      const stream = Uint8Array.from(list.flatMap((bytes) => [...bytes]));
      const expected = list.map((bytes) => decodeSealedFrame(bytes.slice()));
      assert.deepEqual(decodeStream(chunksOf(stream, sizes)), { frames: expected, errors: [] });
    }),
    { numRuns },
  );
});

test('any split of any stream gives the same frames, then the same error', () => {
  const junk = fc.uint8Array({ maxLength: 60 });
  const streams = fc
    .tuple(fc.array(frames, { maxLength: 2 }), junk, fc.boolean())
    .map(([list, rest, isMagic]) =>
      Uint8Array.from([...list.flatMap((bytes) => [...bytes]), ...(isMagic ? [0xff] : []), ...rest]),
    );
  fc.assert(
    fc.property(streams, chunkSizes(), (stream, sizes) => {
      const whole = decodeStream([stream.slice()]);
      assert.deepEqual(decodeStream(chunksOf(stream.slice(), sizes)), whole);
      assert.deepEqual(decodeStream(chunksOf(stream.slice(), [1])), whole);
    }),
    { numRuns },
  );
});

test('any bytes are a sealed message or a CodecError, and what was read is written alike', () => {
  const messages = fc.oneof<fc.Arbitrary<SealedMessage>[]>(
    fc
      .tuple(
        fc.constantFrom('challenge' as const, 'response' as const),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      )
      .map(([type, proof]) => ({ type, proof })),
    fc
      .tuple(fc.integer({ min: 1, max: 2 ** 32 - 1 }), utf8Text(0, 300))
      .map(([id, text]) => ({ type: 'line', id, text })),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((id) => ({ type: 'ack', id })),
    fc.constant({ type: 'bye' }),
  );
  fc.assert(
    fc.property(messages, (message) => {
      assert.deepEqual(decodeSealedMessage(encodeSealedMessage(message)), message);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        assert.deepEqual(encodeSealedMessage(decodeSealedMessage(bytes)), bytes);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    }),
    { numRuns },
  );
});

test('a line of exactly the longest text is sealed, and one byte more is refused', () => {
  const text = 'x'.repeat(SEALED_TEXT_BYTES_MAX);
  const bytes = encodeSealedMessage({ type: 'line', id: 1, text });
  assert.deepEqual(decodeSealedMessage(bytes), { type: 'line', id: 1, text });
  assert.equal(SEALED_HEADER_BYTES + bytes.length + 16, SEALED_FRAME_BYTES_MAX);
  assert.throws(() => encodeSealedMessage({ type: 'line', id: 1, text: `${text}x` }), { code: 'CODEC_TOO_LARGE' });
});

test('no packet of text can be taken for a sealed frame', () => {
  for (const text of ['PROBE\r\n\r\n', 'CHAT\r\nclientID: ÿ\r\n\r\n', '\u00ff']) {
    assert.throws(() => decodeSealedFrame(encodeUtf8(text.padEnd(40, 'x'))), {
      code: 'CODEC_INVALID_FIELD',
      offset: 0,
    });
  }
});
