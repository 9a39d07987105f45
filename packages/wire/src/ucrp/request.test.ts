import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { encodeUtf8, isValidUtf8 } from '../text.ts';
import {
  decodeUcrpRequest,
  encodeUcrpRequest,
  UCRP_DATAGRAM_BYTES_MAX,
  UCRP_REGISTER,
  type UcrpLayout,
  ucrpMessageBytesMax,
} from './index.ts';

const numRuns = propertyRuns();

const requests = fc.record(
  {
    layout: fc.constantFrom<UcrpLayout>('compact', 'wide'),
    room: utf8Text(1, 255),
    token: utf8Text(1, 255),
    message: utf8Text(0, 500).map(encodeUtf8),
  },
  { noNullPrototype: true },
);
const register = { layout: 'compact', room: 'lobby', token: 'token', message: encodeUtf8(UCRP_REGISTER) } as const;

test('a datagram that was encoded is decoded to the same parts', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const bytes = encodeUcrpRequest(request);
      assert.equal(bytes[0] === 0 && bytes[1] === 0, request.layout === 'wide');
      assert.deepEqual(decodeUcrpRequest(bytes), request);
    }),
    { numRuns },
  );
});

test('any bytes are a request that is encoded to the same bytes, or a CodecError', () => {
  const wideHead = fc
    .tuple(fc.array(fc.nat({ max: 3 }), { minLength: 3, maxLength: 3 }), fc.uint8Array({ maxLength: 10 }))
    .map(([[room, token, message], rest]) =>
      Uint8Array.from([
        ...[0, 0, 0, room!, ...new Uint8Array(room!).fill(0x72)],
        ...[0, 0, 0, token!, ...new Uint8Array(token!).fill(0x74)],
        ...[0, 0, 0, message!, ...rest],
      ]),
    );
  const inputs = fc.oneof(
    { weight: 3, arbitrary: mangled(requests.map(encodeUcrpRequest)) },
    wideHead,
    fc.uint8Array({ maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.from([1, 1, ...bytes.map((byte) => byte & 0x7f)])),
  );
  fc.assert(
    fc.property(inputs, (bytes) => {
      try {
        const request = decodeUcrpRequest(bytes);
        assert.ok(isValidUtf8(request.message));
        assert.deepEqual(encodeUcrpRequest(request), bytes);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= bytes.length);
      }
    }),
    { numRuns },
  );
});

test('a message of exactly the room that is left is encoded, and one byte more is refused', () => {
  fc.assert(
    fc.property(requests, ({ layout, room, token }) => {
      const bytesMax = ucrpMessageBytesMax(layout, room, token);
      const message = new Uint8Array(bytesMax).fill(0x78);
      assert.equal(encodeUcrpRequest({ layout, room, token, message }).length, UCRP_DATAGRAM_BYTES_MAX);
      const longer = new Uint8Array(bytesMax + 1).fill(0x78);
      assert.throws(() => encodeUcrpRequest({ layout, room, token, message: longer }), { code: 'CODEC_TOO_LARGE' });
    }),
    { numRuns },
  );
});

test('the message is a view of the datagram', () => {
  const bytes = encodeUcrpRequest(register);
  assert.equal(decodeUcrpRequest(bytes).message.buffer, bytes.buffer);
});

test('what a server would refuse is not encoded', () => {
  for (const layout of ['compact', 'wide'] as const) {
    const request = { ...register, layout };
    for (const change of [{ room: '' }, { room: 'é'.repeat(128) }, { token: '' }, { token: 't'.repeat(256) }]) {
      assert.throws(() => encodeUcrpRequest({ ...request, ...change }), { code: 'CODEC_INVALID_FIELD' });
    }
    for (const change of [{ room: '\ud800' }, { token: '\udc00' }, { message: Uint8Array.of(0x41, 0xff) }]) {
      assert.throws(() => encodeUcrpRequest({ ...request, ...change }), { code: 'CODEC_INVALID_UTF8' });
    }
    assert.throws(() => ucrpMessageBytesMax(layout, '', 'token'), { code: 'CODEC_INVALID_FIELD' });
  }
});
