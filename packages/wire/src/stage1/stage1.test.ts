import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { decodeUtf8, encodeUtf8 } from '../text.ts';
import {
  decodeStage1,
  encodeStage1,
  encodeStage1Chat,
  encodeStage1System,
  STAGE1_DATAGRAM_BYTES_MAX,
  STAGE1_SYSTEM_USER,
  type Stage1Layout,
  Stage1Type,
  stage1LayoutOf,
  stage1MessageBytesMax,
  stage1Texts,
} from './index.ts';

const numRuns = propertyRuns();
const layouts = fc.constantFrom<Stage1Layout>('typed', 'plain');
const users = utf8Text(0, 255);
const datagrams = fc
  .record(
    {
      layout: layouts,
      type: fc.constantFrom(...Object.values(Stage1Type)),
      user: users,
      message: utf8Text(0, 500).map(encodeUtf8),
    },
    { noNullPrototype: true },
  )
  .filter(({ type, message }) => type !== Stage1Type.SYSTEM || message.length > 0)
  .map((datagram) => (datagram.layout === 'plain' ? { ...datagram, type: Stage1Type.CHAT } : datagram));
/** Mostly short lines, and some that do not fit one datagram. */
const lines = fc.oneof(
  { weight: 4, arbitrary: utf8Text(0, 600) },
  fc
    .tuple(utf8Text(1, 12), fc.integer({ min: 3800, max: 9000 }))
    .map(([text, bytes]) => text.repeat(Math.ceil(bytes / encodeUtf8(text).length))),
);

test('a datagram that was encoded is decoded to the same parts by who knows its layout', () => {
  fc.assert(
    fc.property(datagrams, (datagram) => {
      assert.deepEqual(decodeStage1(encodeStage1(datagram), datagram.layout), datagram);
    }),
    { numRuns },
  );
});

test('a typed datagram is told from the bytes alone, and so is a plain one of a user name of 6 bytes or more', () => {
  fc.assert(
    fc.property(datagrams, (datagram) => {
      fc.pre(datagram.layout === 'typed' || encodeUtf8(datagram.user).length >= 6);
      assert.deepEqual(decodeStage1(encodeStage1(datagram)), datagram);
    }),
    { numRuns },
  );
});

test('the layout is told as the document says', () => {
  const doubtful = fc
    .tuple(fc.nat({ max: 8 }), fc.nat({ max: 12 }), fc.uint8Array({ maxLength: 12 }))
    .map(([first, second, rest]) => Uint8Array.from([first, second, ...rest]));
  fc.assert(
    fc.property(fc.oneof(doubtful, fc.uint8Array({ maxLength: 3 })), (bytes) => {
      const isTyped = bytes.length >= 2 && bytes[0]! <= 5 && 2 + bytes[1]! <= bytes.length;
      assert.equal(stage1LayoutOf(bytes), isTyped ? 'typed' : 'plain');
    }),
    { numRuns },
  );
});

test('any bytes are a datagram that is encoded to the same bytes, or a CodecError', () => {
  const inputs = fc.oneof(
    { weight: 3, arbitrary: mangled(datagrams.map(encodeStage1)) },
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.map((byte, index) => (index === 1 ? byte % 8 : byte & 0x7f))),
  );
  fc.assert(
    fc.property(inputs, fc.option(layouts, { nil: undefined }), (bytes, layout) => {
      try {
        const datagram = decodeStage1(bytes, layout);
        if (datagram.type === Stage1Type.SYSTEM && datagram.message.length === 0) return;
        assert.deepEqual(encodeStage1(datagram), bytes);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= bytes.length);
      }
    }),
    { numRuns },
  );
});

test('a line of any length arrives whole, from its sender, in datagrams within the limit', () => {
  fc.assert(
    fc.property(layouts, users, lines, (layout, user, line) => {
      const sent = encodeStage1Chat(layout, user, line);
      for (const datagram of sent) assert.ok(datagram.length <= STAGE1_DATAGRAM_BYTES_MAX);
      const read = sent.map((datagram) => decodeStage1(datagram, layout));
      assert.equal(read.map(({ message }) => decodeUtf8(message)).join(''), line);
      for (const datagram of read) assert.deepEqual([datagram.type, datagram.user], [Stage1Type.CHAT, user]);
      assert.deepEqual(encodeStage1Chat(layout, user, encodeUtf8(line)), sent);
    }),
    { numRuns },
  );
});

test('a line of exactly the room that is left is one datagram, and one byte more makes two or is refused', () => {
  fc.assert(
    fc.property(layouts, users, (layout, user) => {
      const bytesMax = stage1MessageBytesMax(layout, user);
      const whole = { layout, type: Stage1Type.CHAT, user, message: new Uint8Array(bytesMax).fill(0x78) };
      const longer = { ...whole, message: new Uint8Array(bytesMax + 1).fill(0x78) };
      assert.equal(encodeStage1(whole).length, STAGE1_DATAGRAM_BYTES_MAX);
      assert.deepEqual(encodeStage1Chat(layout, user, whole.message), [encodeStage1(whole)]);
      assert.throws(() => encodeStage1(longer), { code: 'CODEC_TOO_LARGE' });
      assert.equal(encodeStage1Chat(layout, user, longer.message).length, 2);
    }),
    { numRuns },
  );
});

test('a system line comes from SYSTEM in both layouts and is never empty', () => {
  for (const layout of ['typed', 'plain'] as const) {
    const [datagram] = encodeStage1System(layout, stage1Texts.pong);
    const { type, user, message } = decodeStage1(datagram!, layout);
    assert.equal(user, STAGE1_SYSTEM_USER);
    assert.equal(type, layout === 'typed' ? Stage1Type.SYSTEM : Stage1Type.CHAT);
    assert.equal(decodeUtf8(message), 'pong');
    assert.throws(() => encodeStage1System(layout, ''), { code: 'CODEC_INVALID_FIELD' });
  }
  const empty = { layout: 'typed', type: Stage1Type.SYSTEM, user: 'SYSTEM', message: new Uint8Array(0) } as const;
  assert.throws(() => encodeStage1(empty), { code: 'CODEC_INVALID_FIELD' });
});

test('an empty system line from another server is read all the same', () => {
  assert.equal(decodeStage1(Uint8Array.of(2, 0)).type, Stage1Type.SYSTEM);
});

test('the message is a view of the datagram', () => {
  const bytes = encodeStage1Chat('typed', 'Alice', 'Hello')[0]!;
  assert.equal(decodeStage1(bytes).message.buffer, bytes.buffer);
});

test('a server may read more than it takes', () => {
  const bytes = new Uint8Array(5000).fill(0x78).with(0, Stage1Type.CHAT).with(1, 0);
  assert.throws(() => decodeStage1(bytes), { code: 'CODEC_TOO_LARGE' });
  assert.equal(decodeStage1(bytes, undefined, 5000).message.length, 4998);
});

test('what the other side could not read is not encoded', () => {
  const chat = { layout: 'typed', type: Stage1Type.CHAT, user: 'Alice', message: new Uint8Array(0) } as const;
  for (const type of [-1, 6, 0.5, Number.NaN]) {
    assert.throws(() => encodeStage1({ ...chat, type: type as Stage1Type }), { code: 'CODEC_INVALID_FIELD' });
  }
  assert.throws(() => encodeStage1({ ...chat, layout: 'plain', type: Stage1Type.JOIN }), {
    code: 'CODEC_INVALID_FIELD',
  });
  for (const layout of ['typed', 'plain'] as const) {
    assert.throws(() => encodeStage1Chat(layout, 'u'.repeat(256), ''), { code: 'CODEC_INVALID_FIELD' });
    assert.throws(() => encodeStage1Chat(layout, '\ud800', ''), { code: 'CODEC_INVALID_UTF8' });
    assert.throws(() => encodeStage1Chat(layout, 'Alice', '\ud800'), { code: 'CODEC_INVALID_UTF8' });
    assert.throws(() => encodeStage1Chat(layout, 'Alice', Uint8Array.of(0x80)), { code: 'CODEC_INVALID_UTF8' });
    assert.throws(() => encodeStage1({ ...chat, layout, message: Uint8Array.of(0xff) }), {
      code: 'CODEC_INVALID_UTF8',
    });
  }
});
