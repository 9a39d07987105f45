import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { decodeUcrpProfile, encodeUcrpProfile, type UcrpProfile } from './index.ts';

const numRuns = propertyRuns();
const ports = fc.integer({ min: 1, max: 65_535 });
const addresses = fc.record(
  { address: fc.oneof(fc.ipV4(), fc.ipV6()), port: ports, localPort: ports },
  { noNullPrototype: true },
);
const profiles: fc.Arbitrary<UcrpProfile> = fc.record(
  {
    dialect: fc.constantFrom('string' as const, 'object' as const),
    notices: fc.boolean(),
    echo: fc.boolean(),
    layout: fc.constantFrom('compact' as const, 'wide' as const),
    address: addresses,
  },
  { requiredKeys: ['dialect', 'notices', 'echo', 'layout'], noNullPrototype: true },
);

const stored =
  '{"v":1,"dialect":"string","notices":false,"echo":true,"layout":"compact","address":{"address":"127.0.0.1","port":5000,"localPort":9091}}';
const profile: UcrpProfile = {
  dialect: 'string',
  notices: false,
  echo: true,
  layout: 'compact',
  address: { address: '127.0.0.1', port: 5000, localPort: 9091 },
};

test('the stored form is the one that older stores hold', () => {
  assert.equal(encodeUcrpProfile(profile), stored);
  assert.deepEqual(decodeUcrpProfile(stored), profile);
});

test('a profile that was encoded is decoded to the same profile', () => {
  fc.assert(
    fc.property(profiles, (value) => {
      assert.deepEqual(decodeUcrpProfile(encodeUcrpProfile(value)), value);
    }),
    { numRuns },
  );
});

test('any text is a profile or a CodecError', () => {
  const changes = fc.dictionary(
    fc.constantFrom('v', 'dialect', 'notices', 'echo', 'layout', 'address', 'more'),
    fc.jsonValue(),
  );
  const texts = fc.oneof(
    changes.map((members) => JSON.stringify({ ...JSON.parse(stored), ...members })),
    fc.nat({ max: stored.length }).map((length) => stored.slice(0, length)),
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const decoded = decodeUcrpProfile(text);
        assert.deepEqual(decodeUcrpProfile(encodeUcrpProfile(decoded)), decoded);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    }),
    { numRuns },
  );
});

test('a profile of another version or with an impossible member is refused, and unknown members are ignored', () => {
  const withMembers = (members: object) => JSON.stringify({ ...JSON.parse(stored), ...members });
  for (const members of [
    { v: 2 },
    { v: undefined },
    { dialect: 'xml' },
    { notices: 1 },
    { echo: null },
    { layout: undefined },
    { address: null },
    { address: { address: '', port: 1, localPort: 1 } },
    { address: { address: '::1', port: 0, localPort: 1 } },
    { address: { address: '::1', port: 1, localPort: 65_536 } },
    { address: { address: '::1', port: 1.5, localPort: 1 } },
  ]) {
    assert.throws(() => decodeUcrpProfile(withMembers(members)), { code: 'CODEC_INVALID_FIELD' });
  }
  for (const text of ['', '{', 'null', '[]', '1']) {
    assert.throws(() => decodeUcrpProfile(text), { code: 'CODEC_INVALID_JSON' });
  }
  assert.deepEqual(decodeUcrpProfile(withMembers({ colour: 'red' })), profile);
  assert.throws(() => encodeUcrpProfile({ ...profile, layout: 'narrow' as 'wide' }), { code: 'CODEC_INVALID_FIELD' });
});
