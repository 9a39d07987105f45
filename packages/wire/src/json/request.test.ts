import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { encodeUtf8 } from '../text.ts';
import {
  decodeJsonRequest,
  encodeJsonError,
  encodeJsonRequest,
  JSON_LINE_BYTES_MAX,
  type JsonRequest,
  unknownTypeText,
} from './index.ts';

const numRuns = propertyRuns();

// Minus zero is written as 0 in JSON.
const ids = fc.oneof(
  fc.maxSafeInteger().map((id) => (id === 0 ? 0 : id)),
  utf8Text(0, 64),
);
const requests: fc.Arbitrary<JsonRequest> = fc.oneof(
  fc.record(
    {
      type: fc.constant('join' as const),
      room: utf8Text(0, 80),
      user: utf8Text(0, 80),
      password: utf8Text(1, 80),
      id: ids,
    },
    { requiredKeys: ['type', 'room', 'user'], noNullPrototype: true },
  ),
  fc.record(
    { type: fc.constant('message' as const), text: utf8Text(0, 300), room: utf8Text(0, 80), id: ids },
    { requiredKeys: ['type', 'text'], noNullPrototype: true },
  ),
  fc.record(
    { type: fc.constantFrom('rooms' as const, 'leave' as const), id: ids },
    { requiredKeys: ['type'], noNullPrototype: true },
  ),
  fc.record({ type: fc.constant('ack' as const), seq: fc.maxSafeNat() }, { noNullPrototype: true }),
);

test('a request that was encoded is one line and is decoded to the same request', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const line = encodeJsonRequest(request);
      assert.doesNotMatch(line, /[\r\n]/);
      assert.deepEqual(decodeJsonRequest(line), request);
      assert.deepEqual(decodeJsonRequest(encodeUtf8(line)), request);
    }),
    { numRuns },
  );
});

test('a message that is written plainly means what JSON.parse says, whatever its text holds', () => {
  const heads = fc.constantFrom(
    '{"type":"message","text":"',
    '{"type": "message", "text": "',
    '{"type":"message", "text": "',
  );
  const pieces = fc.constantFrom(
    '"',
    '\\',
    '\\"',
    '\n',
    '\u0000',
    '\u001f',
    '\u007f',
    '\ud800',
    '\udc00',
    '\ud83d\ude00',
    'é',
    '"}',
    '{',
  );
  const inner = fc.array(fc.oneof(pieces, fc.string()), { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(heads, inner, fc.constantFrom('"}', '"} ', '","id":1}', '}', ''), (head, text, tail) => {
      const line = head + text + tail;
      // A blank in front is none of the plain form, and changes nothing.
      assert.deepEqual(decodeJsonRequest(line), decodeJsonRequest(` ${line}`));
    }),
    { numRuns },
  );
});

test('any text, bytes or members are a request or an error that can be sent', () => {
  const member = fc.oneof(
    fc.constantFrom<unknown>('join', 'message', 'rooms', 'leave', 'ack', '', null, '\ud800'),
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const names = fc.constantFrom('type', 'room', 'user', 'text', 'password', 'id', 'seq', '__proto__', 'constructor');
  const members = fc
    .array(fc.tuple(names, member), { maxLength: 7 })
    .map((list) => `{${list.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join(',')}}`);
  const inputs = fc.oneof(
    { weight: 3, arbitrary: mangled(requests.map((request) => encodeUtf8(encodeJsonRequest(request)))) },
    { weight: 3, arbitrary: members },
    fc.uint8Array({ maxLength: 60 }),
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(inputs, (input) => {
      const request = decodeJsonRequest(input);
      if ('kind' in request) assert.doesNotThrow(() => encodeJsonError(request.text, 0));
      else assert.deepEqual(decodeJsonRequest(encodeJsonRequest(request)), request);
    }),
    { numRuns },
  );
});

test('a request of 65536 bytes is taken, and one byte more is refused, as text and as bytes', () => {
  const request = (bytes: number): JsonRequest => {
    const overhead = '{"type":"message","text":""}'.length;
    return { type: 'message', text: 'x'.repeat(bytes - overhead) };
  };
  const line = encodeJsonRequest(request(JSON_LINE_BYTES_MAX));
  assert.equal(line.length, JSON_LINE_BYTES_MAX);
  assert.deepEqual(decodeJsonRequest(line), request(JSON_LINE_BYTES_MAX));
  assert.throws(() => encodeJsonRequest(request(JSON_LINE_BYTES_MAX + 1)), { code: 'CODEC_TOO_LARGE' });
  for (const longer of [`${line} `, encodeUtf8(`${line} `)]) {
    assert.deepEqual(decodeJsonRequest(longer), {
      kind: 'error',
      code: 'CODEC_TOO_LARGE',
      text: 'Request too long: the limit is 65536 bytes',
    });
  }
});

test('what a server would answer with an error is not encoded', () => {
  const refused = (request: object, code: string) =>
    assert.throws(
      () => encodeJsonRequest(request as JsonRequest),
      { name: 'CodecError', code },
      JSON.stringify(request),
    );
  refused({ type: 'join', room: 'lobby' }, 'CODEC_INVALID_FIELD');
  refused({ type: 'dance' }, 'CODEC_INVALID_FIELD');
  refused({ type: 'leave', id: 1.5 }, 'CODEC_INVALID_FIELD');
  refused({ type: 'leave', id: 2 ** 53 }, 'CODEC_INVALID_FIELD');
  refused({ type: 'leave', id: 'x'.repeat(65) }, 'CODEC_INVALID_FIELD');
  refused({ type: 'ack', seq: -1 }, 'CODEC_INVALID_FIELD');
  refused({ type: 'message', text: '\ud800' }, 'CODEC_INVALID_UTF8');
});

test('an error never repeats what a request holds, but for the name of an unknown type', () => {
  for (const request of [
    '{"type":"join","room":"lobby","user":"Ann","password":"hunter2",}',
    '{"type":"join","room":"lobby","password":"hunter2"}',
    '{"type":"join","room":"lobby","user":"Ann","password":["hunter2"]}',
    '"hunter2"',
  ]) {
    const error = decodeJsonRequest(request);
    assert.ok('kind' in error);
    assert.doesNotMatch(error.text, /hunter2/);
  }
});

test('the name of an unknown type is repeated whole up to 64 characters', () => {
  fc.assert(
    fc.property(utf8Text(0, 200), (type) => {
      const text = unknownTypeText(type);
      assert.ok(text.isWellFormed());
      if (type.length <= 64) assert.equal(text, `Unknown message type: ${type}`);
      else assert.ok(type.startsWith(text.slice('Unknown message type: '.length, -1)) && text.endsWith('…'));
    }),
    { numRuns },
  );
});

test('an object stays what it is, whatever a member is named', () => {
  const request = decodeJsonRequest('{"__proto__":{"password":"x","polluted":1},"type":"join","room":"a","user":"b"}');
  assert.deepEqual(request, { type: 'join', room: 'a', user: 'b' });
  assert.equal(Object.getPrototypeOf(request), Object.prototype);
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
});
