import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import {
  type ControlMessage,
  decodeControl,
  decodeEvent,
  decodePost,
  encodeControl,
  encodeEvent,
  encodeOwnEvent,
  encodePost,
  foundThatFit,
  linkEntries,
} from './index.ts';

const numRuns = propertyRuns();
const plainObject = { noNullPrototype: true } as const;
const number = fc.oneof(fc.nat({ max: 100 }), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
const name = utf8Text(0, 255);
const text = utf8Text(0, 512);
const target = fc.oneof(
  fc.constant({}),
  number.map((value) => ({ target: value })),
);

const posts = fc
  .tuple(fc.record({ kind: number, outbox: number, body: bytes(0, 60) }, plainObject), target)
  .map(([post, more]) => ({ ...post, ...more }));
const timeMs = fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 });
const ownEvents = fc
  .tuple(fc.record({ kind: number, timeMs, outbox: number }, plainObject), target)
  .map(([event, more]) => ({ ...event, ...more }));
const events = fc
  .tuple(
    fc.record({ kind: number, timeMs, isVerified: fc.boolean(), user: name, body: bytes(0, 60) }, plainObject),
    target,
  )
  .map(([event, more]) => ({ ...event, ...more }));

const listedRooms = fc.record(
  { room: name, members: number, hasPassword: fc.boolean(), isHosted: fc.boolean() },
  plainObject,
);
const listedUsers = fc.record(
  { user: name, isVerified: fc.boolean(), isHost: fc.boolean(), isAway: fc.boolean() },
  plainObject,
);
const founds = fc.record(
  {
    number,
    timeMs: fc.maxSafeNat(),
    isVerified: fc.boolean(),
    isEdited: fc.boolean(),
    user: name,
    text: utf8Text(0, 4096),
  },
  plainObject,
);
const messages: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant('join' as const),
      request: number,
      channel: number.filter((channel) => channel > 0),
      entry: fc.constantFrom(...linkEntries),
      room: name,
      password: name,
      token: utf8Text(0, 128),
      outboxId: bytes(16, 16),
      cursor: fc.record({ epoch: number, roomId: number, next: number }, plainObject),
      history: number,
    },
    {
      ...plainObject,
      requiredKeys: ['type', 'request', 'channel', 'entry', 'room', 'password', 'token', 'outboxId'],
    },
  ),
  fc.record(
    {
      type: fc.constant('joined' as const),
      request: number,
      channel: number,
      isHost: fc.boolean(),
      isHosted: fc.boolean(),
      isResumed: fc.boolean(),
      isResynchronised: fc.boolean(),
      room: name,
      host: name,
      token: utf8Text(0, 128),
      epoch: number,
      roomId: number,
      first: number,
      head: number,
      members: number,
      timeBaseMs: number,
      posts: number,
    },
    plainObject,
  ),
  fc.record({ type: fc.constant('failed' as const), request: number, code: number, text }, plainObject),
  fc.record(
    { type: fc.constantFrom('leave' as const, 'users' as const), request: number, channel: number },
    plainObject,
  ),
  fc.record(
    { type: fc.constant('left' as const), request: number, channel: number, reason: number, text },
    plainObject,
  ),
  fc.record({ type: fc.constant('rooms' as const), request: number }, plainObject),
  fc.record(
    {
      type: fc.constant('room-list' as const),
      request: number,
      rooms: fc.array(listedRooms, { maxLength: 5 }),
      more: number,
    },
    plainObject,
  ),
  fc.record(
    {
      type: fc.constant('user-list' as const),
      request: number,
      users: fc.array(listedUsers, { maxLength: 5 }),
      more: number,
    },
    plainObject,
  ),
  fc.record(
    { type: fc.constantFrom('add-key' as const, 'remove-key' as const), request: number, key: bytes(32, 32) },
    plainObject,
  ),
  fc.record(
    {
      type: fc.constant('key-list' as const),
      request: number,
      keys: fc.array(
        fc.record({ key: bytes(32, 32), addedMs: number, usedMs: number, isOwn: fc.boolean() }, plainObject),
        { maxLength: 5 },
      ),
    },
    plainObject,
  ),
  fc.record(
    {
      type: fc.constant('search' as const),
      request: number,
      channel: fc.integer({ min: 1, max: 255 }),
      before: number,
      limit: number,
      query: utf8Text(0, 1024),
    },
    plainObject,
  ),
  fc.record(
    {
      type: fc.constant('found' as const),
      request: number,
      before: number,
      unsearched: number,
      messages: fc.array(founds, { maxLength: 5 }),
    },
    plainObject,
  ),
  fc.record({ type: fc.constant('accepted' as const), channel: number, post: number, number }, plainObject),
  fc.record({ type: fc.constant('refused' as const), channel: number, post: number, code: number, text }, plainObject),
);

/** Decode whatever it is: a value, or a CodecError and nothing else. */
function assertTotal(decode: (input: Uint8Array) => unknown, input: Uint8Array): void {
  try {
    decode(input);
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    assert.ok(error.offset >= 0 && error.offset <= input.length);
  }
}

describe('Records of rooms', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(posts, events, ownEvents, (post, event, own) => {
        assert.deepEqual(decodePost(encodePost(post)), post);
        assert.deepEqual(decodeEvent(encodeEvent(event)), event);
        assert.deepEqual(decodeEvent(encodeOwnEvent(own)), own);
      }),
      { numRuns },
    );
  });

  it('come back as they were behind any other one, in fewer bytes behind the one before', () => {
    const shorter = { posts: 0, events: 0 };
    fc.assert(
      fc.property(posts, ownEvents, ownEvents, fc.boolean(), (post, own, other, isNext) => {
        const before = isNext && own.outbox > 0 ? { ...other, outbox: own.outbox - 1 } : other;
        const postBytes = encodePost({ ...post, outbox: own.outbox }, before.outbox);
        assert.deepEqual(decodePost(postBytes, before.outbox), { ...post, outbox: own.outbox });
        assert.ok(postBytes.length <= encodePost({ ...post, outbox: own.outbox }).length);
        const event = { ...own, timeMs: before.timeMs + (own.timeMs % 1000) };
        if (Math.abs(event.timeMs) > 2 ** 52 - 1) return;
        const eventBytes = encodeOwnEvent(event, before);
        assert.deepEqual(decodeEvent(eventBytes, before), event);
        if (before.outbox + 1 !== own.outbox) return;
        shorter.posts += encodePost({ ...post, outbox: own.outbox }).length - postBytes.length;
        shorter.events += encodeOwnEvent(event).length - eventBytes.length;
      }),
      { numRuns },
    );
    assert.ok(shorter.posts > 0 && shorter.events > 0);
  });

  it('never lead beyond the largest numbers from one to the next', () => {
    const tooLarge = { name: 'CodecError', code: 'CODEC_TOO_LARGE' };
    const last = { timeMs: 0, outbox: Number.MAX_SAFE_INTEGER };
    assert.throws(() => decodePost(Uint8Array.of(0x20), last.outbox), tooLarge);
    assert.equal(decodePost(Uint8Array.of(0x20), last.outbox - 1).outbox, last.outbox);
    assert.throws(() => decodeEvent(Uint8Array.of(0x90, 2), last), tooLarge);
    // Zig-zag: 2 is one ms later, 1 one ms earlier.
    assert.throws(() => decodeEvent(Uint8Array.of(0x90, 2), { timeMs: 2 ** 52 - 1, outbox: 1 }), tooLarge);
    assert.throws(() => decodeEvent(Uint8Array.of(0x90, 1), { timeMs: 1 - 2 ** 52, outbox: 1 }), tooLarge);
  });

  it('of any bytes are records or a CodecError', () => {
    const input = fc.oneof(
      mangled(posts.map((post) => encodePost(post))),
      mangled(events.map(encodeEvent)),
      bytes(0, 60),
    );
    fc.assert(
      fc.property(input, (record) => {
        assertTotal(decodePost, record);
        assertTotal((input) => decodePost(input, 1), record);
        assertTotal(decodeEvent, record);
        assertTotal((input) => decodeEvent(input, { timeMs: 1, outbox: 1 }), record);
      }),
      { numRuns },
    );
  });

  it('are not encoded from what their reader would refuse', () => {
    const refused = { name: 'CodecError' };
    const body = new Uint8Array(0);
    assert.throws(() => encodePost({ kind: -1, outbox: 1, body }), refused);
    assert.throws(() => encodePost({ kind: 0, outbox: 0.5, body }), refused);
    assert.throws(() => encodeOwnEvent({ kind: 0, timeMs: 2 ** 52 + 1, outbox: 1 }), refused);
    assert.throws(() => encodeOwnEvent({ kind: 0, timeMs: 0, outbox: 1, target: 2 ** 53 }), refused);
    const event = { kind: 0, timeMs: 0, isVerified: false, body };
    assert.throws(() => encodeEvent({ ...event, user: 'x'.repeat(256) }), refused);
    assert.throws(() => encodeEvent({ ...event, user: '\ud800' }), refused);
  });
});

describe('Control messages', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(messages, (message) => {
        assert.deepEqual(decodeControl(encodeControl(message)), message);
      }),
      { numRuns },
    );
  });

  it('of any bytes are messages or a CodecError', () => {
    const input = fc.oneof(mangled(messages.map(encodeControl)), bytes(0, 60));
    fc.assert(
      fc.property(input, (record) => assertTotal(decodeControl, record)),
      { numRuns },
    );
  });

  it('that are longer than a record are refused', () => {
    const rooms = Array.from({ length: 200 }, () => ({
      room: 'x'.repeat(255),
      members: 1,
      hasPassword: false,
      isHosted: false,
    }));
    assert.throws(() => encodeControl({ type: 'room-list', request: 1, rooms, more: 0 }), { code: 'CODEC_TOO_LARGE' });
  });

  it('are not encoded from what their reader would refuse', () => {
    const join = {
      type: 'join',
      request: 1,
      channel: 1,
      entry: 'join-only',
      room: 'lobby',
      password: '',
      token: '',
      outboxId: new Uint8Array(16),
    } as const;
    const refused = { name: 'CodecError' };
    assert.throws(() => encodeControl({ ...join, channel: 0 }), refused);
    assert.throws(() => encodeControl({ ...join, outboxId: new Uint8Array(15) }), refused);
    assert.throws(() => encodeControl({ ...join, room: 'x'.repeat(256) }), refused);
    assert.throws(() => encodeControl({ ...join, token: 'x'.repeat(129) }), refused);
    assert.throws(() => encodeControl({ type: 'failed', request: 1, code: 1, text: 'x'.repeat(513) }), refused);
  });
});

it('as many found messages as are said to fit do fit a record', () => {
  fc.assert(
    fc.property(fc.array(founds, { maxLength: 20 }), number, (all, before) => {
      const fitting = all.slice(0, foundThatFit(all));
      assert.ok(fitting.length >= Math.min(all.length, 7));
      encodeControl({ type: 'found', request: Number.MAX_SAFE_INTEGER, before, unsearched: before, messages: fitting });
    }),
    { numRuns },
  );
});
