import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeJsonEvent,
  encodeJsonAck,
  encodeJsonError,
  encodeJsonFound,
  encodeJsonGreeting,
  encodeJsonMessage,
  encodeJsonRooms,
  encodeJsonSystem,
  JSON_DATAGRAM_BYTES_MAX,
  JSON_LINE_BYTES_MAX,
  type JsonEvent,
} from './index.ts';

const numRuns = propertyRuns();
const names = utf8Text(0, 80);
const texts = utf8Text(0, 300);
const seqs = fc.maxSafeNat();

/** Events as we send them, with the same written by JSON.stringify. */
const written: fc.Arbitrary<{ line: string; event: JsonEvent; members: object }> = fc.oneof(
  fc.tuple(names, names, texts, seqs).map(([room, user, text, seq]) => {
    const event = { type: 'message', room, user, text, seq } as const;
    return { line: encodeJsonMessage(room, user, text, seq), event, members: event };
  }),
  fc.tuple(names, texts, seqs).map(([room, text, seq]) => ({
    line: encodeJsonSystem(room, text, seq),
    event: { type: 'system', room, text, seq } as const,
    members: { type: 'system', room, user: 'system', text, seq },
  })),
  fc.tuple(texts, seqs).map(([text, seq]) => {
    const event = { type: 'error', text, seq } as const;
    return { line: encodeJsonError(text, seq), event, members: event };
  }),
  fc.tuple(fc.array(names, { maxLength: 8 }), seqs).map(([rooms, seq]) => {
    const sorted = rooms.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    const event = { type: 'rooms', rooms: sorted, seq } as const;
    return { line: encodeJsonRooms(rooms, seq), event, members: event };
  }),
  fc.oneof(seqs, utf8Text(0, 64)).map((id) => {
    const event = { type: 'ack', id } as const;
    return { line: encodeJsonAck(id), event, members: event };
  }),
);

test('an event that was encoded is the JSON of its members in their order, and is decoded to the same event', () => {
  fc.assert(
    fc.property(written, ({ line, event, members }) => {
      assert.equal(line, JSON.stringify(members));
      assert.deepEqual(decodeJsonEvent(line), event);
      assert.deepEqual(decodeJsonEvent(encodeUtf8(line)), event);
    }),
    { numRuns },
  );
});

test('any text or bytes are an event or a CodecError', () => {
  const member = fc.oneof(fc.constant('\ud800'), fc.string(), fc.integer(), fc.jsonValue({ maxDepth: 2 }));
  const members = fc
    .record(
      {
        type: fc.oneof(
          fc.constantFrom('message', 'system', 'error', 'rooms', 'users', 'found', 'ack', 'typing'),
          member,
        ),
        room: member,
        user: member,
        text: member,
        seq: member,
        rooms: fc.oneof(fc.array(member), member),
        users: fc.oneof(fc.array(member), member),
        more: member,
        messages: fc.oneof(
          fc.array(fc.dictionary(fc.constantFrom('room', 'user', 'text', 'seq', 'time'), member)),
          member,
        ),
        id: member,
      },
      { requiredKeys: ['type'] },
    )
    .map((value) => JSON.stringify(value));
  const inputs = fc.oneof(
    { weight: 3, arbitrary: mangled(written.map(({ line }) => encodeUtf8(line))) },
    { weight: 3, arbitrary: members },
    fc.uint8Array({ maxLength: 60 }),
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(inputs, (input) => {
      try {
        assert.ok(decodeJsonEvent(input).type);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    }),
    { numRuns },
  );
});

test('the greeting begins with Welcome! and names no user', () => {
  assert.match(encodeJsonGreeting(7), /^\{"type":"system","text":"Welcome! [^"]+","room":"system","seq":7\}$/);
});

test('a list of rooms stays within the limit and says how many names it leaves out', () => {
  const limits = fc.constantFrom(100, 300, JSON_DATAGRAM_BYTES_MAX, JSON_LINE_BYTES_MAX);
  fc.assert(
    fc.property(fc.array(names, { maxLength: 12 }), seqs, limits, (rooms, seq, bytesMax) => {
      const line = encodeJsonRooms(rooms, seq, bytesMax);
      assert.ok(encodeUtf8(line).length <= bytesMax);
      const event = decodeJsonEvent(line);
      assert.ok(event.type === 'rooms');
      assert.equal(event.rooms.length + (event.more ?? 0), rooms.length);
      const whole = decodeJsonEvent(encodeJsonRooms(rooms, seq));
      assert.ok(whole.type === 'rooms');
      assert.deepEqual(event.rooms, whole.rooms.slice(0, event.rooms.length));
    }),
    { numRuns },
  );
});

test('a hundred thousand rooms fit one line', () => {
  const rooms = Array.from({ length: 100_000 }, (_, index) => `room-${index}`);
  const line = encodeJsonRooms(rooms, 1);
  assert.ok(line.length <= JSON_LINE_BYTES_MAX && line.length > JSON_LINE_BYTES_MAX - 100);
  assert.match(line, /,"seq":1,"more":\d+\}$/);
});

test('the longest line of chat fits a datagram, whatever its characters', () => {
  const name = '\0'.repeat(255);
  const line = encodeJsonMessage(name, name, '\0'.repeat(4096), Number.MAX_SAFE_INTEGER);
  assert.ok(encodeUtf8(line).length <= JSON_DATAGRAM_BYTES_MAX);
});

test('what a client could not read is not encoded', () => {
  assert.throws(() => encodeJsonMessage('\ud800', 'u', 't', 1), { code: 'CODEC_INVALID_UTF8' });
  assert.throws(() => encodeJsonMessage('r', '\ud800', 't', 1), { code: 'CODEC_INVALID_UTF8' });
  assert.throws(() => encodeJsonMessage('r', 'u', '\udc00', 1), { code: 'CODEC_INVALID_UTF8' });
  assert.throws(() => encodeJsonSystem('r', '\ud800', 1), { code: 'CODEC_INVALID_UTF8' });
  assert.throws(() => encodeJsonError('\ud800', 1), { code: 'CODEC_INVALID_UTF8' });
  assert.throws(() => encodeJsonRooms(['\ud800'], 1), { code: 'CODEC_INVALID_UTF8' });
  assert.throws(() => encodeJsonAck('\ud800'), { code: 'CODEC_INVALID_UTF8' });
  for (const seq of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => encodeJsonMessage('r', 'u', 't', seq), { code: 'CODEC_INVALID_FIELD' });
    assert.throws(() => encodeJsonGreeting(seq), { code: 'CODEC_INVALID_FIELD' });
    assert.throws(() => encodeJsonRooms([], seq), { code: 'CODEC_INVALID_FIELD' });
  }
  assert.throws(() => encodeJsonAck(0.5), { code: 'CODEC_INVALID_FIELD' });
});

test('an answer to a search stays within the limit and says where the messages are that it leaves out', () => {
  const found = fc.record({ user: names, text: names, seq: seqs, time: seqs, isEdited: fc.boolean() });
  const limits = fc.constantFrom(200, 500, 1100, JSON_LINE_BYTES_MAX);
  fc.assert(
    fc.property(fc.array(found, { maxLength: 12 }), seqs, limits, fc.option(seqs), (all, seq, bytesMax, older) => {
      const messages = all.map((message, index) => ({ ...message, place: 100 - index }));
      const before = older ?? undefined;
      const line = encodeJsonFound('lobby', messages, seq, { before, unsearched: 0, bytesMax });
      const event = decodeJsonEvent(line);
      assert.ok(event.type === 'found');
      const told = event.messages.length;
      assert.ok(told > 0 || messages.length === 0);
      if (told > 1) assert.ok(encodeUtf8(line).length <= bytesMax);
      const places = messages.slice(0, told).map(({ place, ...message }) => ({ ...message, room: 'lobby' }));
      assert.deepEqual(event.messages, places);
      assert.equal(event.before, told < messages.length ? messages[told - 1]!.place : before);
    }),
    { numRuns },
  );
});
