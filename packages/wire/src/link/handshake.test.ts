import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunkSizes, chunksOf, mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import {
  encodeHandshake,
  HandshakeDecoder,
  type HandshakeFrame,
  LINK_HANDSHAKE_BYTES_MAX,
  LinkErrorCode,
  linkErrorName,
} from './index.ts';

const numRuns = propertyRuns();
const plainObject = { noNullPrototype: true } as const;
const number = fc.oneof(fc.nat({ max: 100 }), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
const name = utf8Text(0, 255);
const text = utf8Text(0, 512);
const agent = utf8Text(0, 64);
const datagramBytesMax = fc.integer({ min: 1_200, max: 65_507 });
const handshakes: fc.Arbitrary<HandshakeFrame> = fc.oneof(
  fc.record(
    {
      type: fc.constant('hello' as const),
      user: name,
      agent,
      wantsUdp: fc.boolean(),
      datagramBytesMax,
      device: fc.record({ key: bytes(32, 32), signature: bytes(64, 64) }, plainObject),
      ticket: bytes(16, 64),
    },
    { ...plainObject, requiredKeys: ['type', 'user', 'agent', 'wantsUdp', 'datagramBytesMax'] },
  ),
  fc.record(
    {
      type: fc.constant('welcome' as const),
      isResumed: fc.boolean(),
      isVerified: fc.boolean(),
      sessionId: bytes(8, 8),
      ticket: bytes(16, 64),
      udpPort: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
      connectionId: bytes(8, 8),
      datagramBytesMax,
      resumeWindowS: number,
      messageBytesMax: number,
      clockMs: number,
      address: agent,
      agent,
    },
    plainObject,
  ),
  fc.record({ type: fc.constant('refuse' as const), code: number, text }, plainObject),
);

describe('The handshake', () => {
  it('comes back as it was in any split, and what follows is given back', () => {
    fc.assert(
      fc.property(handshakes, bytes(0, 40), chunkSizes(), (frame, after, sizes) => {
        const encoded = encodeHandshake(frame);
        const stream = new Uint8Array(encoded.length + after.length);
        stream.set(encoded);
        stream.set(after, encoded.length);
        const decoder = new HandshakeDecoder();
        const rest: number[] = [];
        let found: unknown;
        for (const chunk of chunksOf(stream, sizes)) {
          if (found !== undefined) {
            rest.push(...chunk);
            continue;
          }
          const read = decoder.push(chunk);
          assert.equal(read.error, undefined);
          found = read.frame;
          rest.push(...(read.rest ?? []));
        }
        assert.deepEqual(found, frame);
        assert.deepEqual(rest, [...after]);
        assert.equal(decoder.bufferedBytes, 0);
      }),
      { numRuns },
    );
  });

  it('of any bytes is a frame, an error or unfinished, with at most 1024 bytes held', () => {
    const input = fc.oneof(
      mangled(handshakes.map(encodeHandshake)),
      bytes(0, 60),
      bytes(1_100, 1_200).map((junk) => Uint8Array.from([0x20, 0x43, 0xfd, ...junk])),
    );
    fc.assert(
      fc.property(input, chunkSizes(), (stream, sizes) => {
        const decoder = new HandshakeDecoder();
        let results = 0;
        for (const chunk of chunksOf(stream, sizes)) {
          const { frame, error } = decoder.push(chunk);
          if (frame !== undefined || error !== undefined) results += 1;
          assert.ok(decoder.bufferedBytes <= LINK_HANDSHAKE_BYTES_MAX);
        }
        assert.ok(results <= 1);
      }),
      { numRuns },
    );
  });

  it('is not encoded from what its reader would refuse', () => {
    const refused = { name: 'CodecError' };
    const hello = { type: 'hello', user: 'Ann', agent: 'x', wantsUdp: true, datagramBytesMax: 1_200 } as const;
    assert.throws(() => encodeHandshake({ ...hello, user: 'x'.repeat(256) }), refused);
    assert.throws(() => encodeHandshake({ ...hello, agent: 'x'.repeat(65) }), refused);
    assert.throws(() => encodeHandshake({ ...hello, datagramBytesMax: 1_199 }), refused);
    assert.throws(() => encodeHandshake({ ...hello, datagramBytesMax: 65_508 }), refused);
    assert.throws(() => encodeHandshake({ ...hello, ticket: new Uint8Array(15) }), refused);
    assert.throws(() => encodeHandshake({ ...hello, ticket: new Uint8Array(65) }), refused);
    const device = { key: new Uint8Array(31), signature: new Uint8Array(64) };
    assert.throws(() => encodeHandshake({ ...hello, device }), refused);
    assert.throws(() => encodeHandshake({ type: 'refuse', code: 1, text: 'x'.repeat(513) }), refused);
  });

  it('fits its limit with every field as long as it may be', () => {
    const hello = {
      type: 'hello',
      user: 'x'.repeat(255),
      agent: 'x'.repeat(64),
      wantsUdp: true,
      datagramBytesMax: 65_507,
      device: { key: new Uint8Array(32), signature: new Uint8Array(64) },
      ticket: new Uint8Array(64),
    } as const;
    assert.ok(encodeHandshake(hello).length <= LINK_HANDSHAKE_BYTES_MAX);
  });
});

describe('Error codes', () => {
  it('have names, and later ones have none', () => {
    assert.equal(linkErrorName(LinkErrorCode.ROOM_FULL), 'ROOM_FULL');
    assert.equal(linkErrorName(21), undefined);
    assert.deepEqual(
      Object.values(LinkErrorCode),
      Array.from({ length: 21 }, (_, code) => code),
    );
  });
});
