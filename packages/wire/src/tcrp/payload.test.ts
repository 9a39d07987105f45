import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { encodeUtf8 } from '../text.ts';
import {
  decodeTcrpGrant,
  decodeTcrpRequest,
  decodeTcrpVerdict,
  dialectOf,
  encodeTcrpGrant,
  encodeTcrpRequest,
  encodeTcrpVerdict,
  type TcrpLayout,
  TcrpOperation,
  TcrpState,
  TcrpStatus,
  TcrpVerdicts,
} from './index.ts';

const numRuns = propertyRuns();
const layouts = fc.constantFrom<TcrpLayout>('header32', 'header31', 'name-first');
const options = fc.record(
  { chatDialect: fc.constantFrom('string' as const, 'object' as const), notices: fc.boolean(), echo: fc.boolean() },
  { requiredKeys: [], noNullPrototype: true },
);
const frameOf = (layout: TcrpLayout, payload: Uint8Array) =>
  ({ layout, operation: TcrpOperation.JOIN, state: TcrpState.REQUEST, room: 'lobby', payload }) as const;

test('a request payload that was encoded is decoded to the same request', () => {
  const requests = fc.oneof(
    fc.record(
      { dialect: fc.constant('string' as const), user: utf8Text(0, 80), options: fc.constant({}) },
      { noNullPrototype: true },
    ),
    fc.record({ dialect: fc.constant('object' as const), user: utf8Text(0, 80), options }, { noNullPrototype: true }),
    fc.record(
      { dialect: fc.constant('object' as const), user: utf8Text(0, 80), password: utf8Text(1, 80), options },
      { noNullPrototype: true },
    ),
  );
  fc.assert(
    fc.property(requests, layouts, (request, layout) => {
      const payload = encodeTcrpRequest(request);
      assert.deepEqual(decodeTcrpRequest(frameOf(layout, payload)), request);
      assert.equal(dialectOf(payload), request.dialect);
    }),
    { numRuns },
  );
});

test('a bare user name is exactly its bytes, less one line ending', () => {
  const cases: [string, string][] = [
    ['Bob', 'Bob'],
    [' Bob ', ' Bob '],
    ['Bob\n', 'Bob'],
    ['Bob\r', 'Bob'],
    ['Bob\r\n', 'Bob'],
    ['Bob\n\n', 'Bob\n'],
    ['\n', ''],
    ['null', 'null'],
    ['[1]', '[1]'],
    ['{not json}', '{not json}'],
  ];
  for (const [payload, user] of cases) {
    assert.deepEqual(decodeTcrpRequest(frameOf('name-first', encodeUtf8(payload))), {
      dialect: 'string',
      user,
      options: {},
    });
  }
});

test('the string dialect cannot carry a password or options', () => {
  const plain = { dialect: 'string', user: 'Bob', options: {} } as const;
  assert.throws(() => encodeTcrpRequest({ ...plain, password: 'secret' }), { code: 'CODEC_INVALID_FIELD' });
  assert.throws(() => encodeTcrpRequest({ ...plain, options: { echo: false } }), { code: 'CODEC_INVALID_FIELD' });
  assert.deepEqual(encodeTcrpRequest({ ...plain, password: '' }), encodeUtf8('"Bob"'));
});

test('an error never repeats what the payload holds', () => {
  const payload = encodeUtf8('{"username": "Bob", "password": "hunter2",}');
  assert.throws(
    () => decodeTcrpRequest(frameOf('header32', payload)),
    (error: Error) => {
      assert.doesNotMatch(`${error.message} ${error.cause}`, /hunter2/);
      return true;
    },
  );
});

test('a verdict may hold the fields of both dialects, and then both must accept', () => {
  const read = (members: object) => decodeTcrpVerdict(encodeUtf8(JSON.stringify(members)));
  assert.deepEqual(read({ success: 1, status_code: 0 }), { accepted: true, statusCode: 0 });
  assert.deepEqual(read({ success: 1, status_code: 3, message: 'Room is full' }), {
    accepted: false,
    statusCode: 3,
    message: 'Room is full',
  });
  assert.deepEqual(read({ success: 0, status_code: 0 }), { accepted: false, statusCode: 0 });
  assert.deepEqual(read({ success: true }), { accepted: true });
  assert.deepEqual(read({ status_code: 99 }), { accepted: false, statusCode: 99 });
  for (const wrong of [
    {},
    { success: 2 },
    { success: null },
    { success: '1' },
    { status_code: '0' },
    { status_code: null },
  ]) {
    assert.throws(() => read(wrong), { code: 'CODEC_INVALID_FIELD' });
  }
  for (const wrong of ['[]', 'null', '1', '{', '']) {
    assert.throws(() => decodeTcrpVerdict(encodeUtf8(wrong)), { code: 'CODEC_INVALID_JSON' });
  }
});

test('a status outside the protocol is not encoded', () => {
  for (const statusCode of [-1, 8, 0.5, Number.NaN]) {
    const verdict = { statusCode: statusCode as TcrpStatus, message: '' };
    assert.throws(() => encodeTcrpVerdict('object', verdict), { code: 'CODEC_INVALID_FIELD' });
  }
});

test('every standard verdict is accepted exactly when its status is 0, in both dialects', () => {
  for (const verdict of Object.values(TcrpVerdicts)) {
    for (const dialect of ['string', 'object'] as const) {
      const { accepted } = decodeTcrpVerdict(encodeTcrpVerdict(dialect, verdict));
      assert.equal(accepted, verdict.statusCode === TcrpStatus.SUCCESS);
    }
  }
});

test('a grant that was encoded is decoded to the same grant', () => {
  const grants = fc.record({ token: utf8Text(0, 80), hostUser: utf8Text(1, 80), participantCount: fc.nat() });
  fc.assert(
    fc.property(grants, options, (grant, confirmed) => {
      const { participantCount: _, ...created } = grant;
      const read = (dialect: 'string' | 'object', operation: TcrpOperation) =>
        decodeTcrpGrant(encodeTcrpGrant(dialect, operation, { ...grant, ...confirmed }));
      assert.deepEqual(read('object', TcrpOperation.JOIN), { ...grant, ...confirmed });
      assert.deepEqual(read('object', TcrpOperation.CREATE), { ...created, ...confirmed });
      assert.deepEqual(read('string', TcrpOperation.JOIN), { token: grant.token });
    }),
    { numRuns },
  );
});

test('a grant lacks nothing that its dialect promises', () => {
  const token = 'token';
  assert.throws(() => encodeTcrpGrant('object', TcrpOperation.CREATE, { token }), { code: 'CODEC_INVALID_FIELD' });
  assert.throws(() => encodeTcrpGrant('object', TcrpOperation.JOIN, { token, hostUser: 'Al' }), {
    code: 'CODEC_INVALID_FIELD',
  });
  assert.throws(() => decodeTcrpGrant(encodeUtf8('{"host_username": "Al"}')), { code: 'CODEC_INVALID_FIELD' });
  assert.throws(() => decodeTcrpGrant(encodeUtf8('{"token": 1}')), { code: 'CODEC_INVALID_FIELD' });
});

test('members of a grant that a client does not understand are ignored', () => {
  const payload = encodeUtf8(
    '{"token": "t", "host_username": 1, "participant_count": -1, "dialect": "xml", "colour": "red"}',
  );
  assert.deepEqual(decodeTcrpGrant(payload), { token: 't' });
});
