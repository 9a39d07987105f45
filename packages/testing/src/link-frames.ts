import type { LinkFrame, SaidPathReason } from '@confab/wire/link';
import fc from 'fast-check';
import { utf8Text } from './byte-arbitraries.ts';

const pathReasons: readonly SaidPathReason[] = [
  'proved',
  'nothing-acknowledged',
  'nothing-received',
  'configured',
  'socket-failed',
];

/** Numbers of every size. */
const number = fc.oneof(
  fc.nat({ max: 100 }),
  fc.nat({ max: 20_000 }),
  fc.nat({ max: 0x7fff_ffff }),
  fc.maxSafeNat(),
  fc.constantFrom(63, 64, 16_383, 16_384, 1_073_741_823, 1_073_741_824, Number.MAX_SAFE_INTEGER),
);
const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
const pairs = (max: number) => fc.array(fc.tuple(number, number), { maxLength: max }).map((list) => list.flat());
const plainObject = { noNullPrototype: true } as const;

/** Frames of every type but PADDING, short ones, with numbers of every size. */
export function linkFrames(): fc.Arbitrary<LinkFrame> {
  return fc.oneof(
    fc.record({ type: fc.constantFrom('ping' as const, 'pong' as const), data: bytes(0, 8) }, plainObject),
    fc.record(
      { type: fc.constantFrom('path-challenge' as const, 'path-response' as const), data: bytes(8, 8) },
      plainObject,
    ),
    fc.record(
      { type: fc.constantFrom('record' as const, 'calm' as const), channel: number, number, body: bytes(0, 90) },
      plainObject,
    ),
    fc
      .tuple(number, number, fc.nat({ max: 90 }), bytes(1, 90), fc.nat({ max: 90 }))
      .map(([channel, record, offset, piece, after]): LinkFrame => {
        return { type: 'part', channel, number: record, offset, total: offset + piece.length + after, bytes: piece };
      }),
    fc.tuple(number, number, number).map(
      ([channel, one, other]): LinkFrame => ({
        type: 'skip',
        channel,
        first: Math.min(one, other),
        last: Math.max(one, other),
      }),
    ),
    fc.record({ type: fc.constant('cursor' as const), channel: number, next: number, pairs: pairs(32) }, plainObject),
    fc.record(
      { type: fc.constant('ack' as const), largest: number, delay: number, first: number, pairs: pairs(31) },
      plainObject,
    ),
    fc.record(
      {
        type: fc.constant('path' as const),
        path: fc.constantFrom('tcp' as const, 'udp' as const),
        generation: number,
        reason: fc.constantFrom(...pathReasons),
      },
      plainObject,
    ),
    fc.record(
      { type: fc.constant('ephemeral' as const), channel: number, kind: number, body: bytes(0, 90) },
      plainObject,
    ),
    fc.record({ type: fc.constant('close' as const), code: number, text: utf8Text(0, 60) }, plainObject),
  );
}
