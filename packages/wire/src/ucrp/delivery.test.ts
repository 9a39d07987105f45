import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeDelivery,
  encodeChatString,
  encodeChatWide,
  encodeTyped,
  roomClosedDatagram,
  UCRP_DATAGRAM_BYTES_MAX,
  UCRP_ROOM_CLOSED,
  type UcrpDelivery,
  type UcrpDeliveryForm,
  UcrpDeliveryType,
} from './index.ts';

const numRuns = propertyRuns();
const forms = fc.constantFrom<UcrpDeliveryForm>('string', 'typed', 'wide');
const users = utf8Text(0, 255);
/** Mostly short messages, and some that do not fit one datagram in any form. */
const messages = fc.oneof(
  { weight: 4, arbitrary: utf8Text(0, 600) },
  fc
    .tuple(utf8Text(1, 12), fc.integer({ min: 3800, max: 9000 }))
    .map(([text, bytes]) => text.repeat(Math.ceil(bytes / encodeUtf8(text).length))),
);

function encode(form: UcrpDeliveryForm, user: string, message: string | Uint8Array): Uint8Array[] {
  if (form === 'string') return encodeChatString(user, message);
  return form === 'wide' ? encodeChatWide(user, message) : encodeTyped(UcrpDeliveryType.CHAT, user, message);
}

function chatOf(delivery: UcrpDelivery): { user: string; text: string } {
  assert.ok(delivery.kind === 'chat');
  return delivery;
}

test('a line of any length arrives whole, from its sender, in datagrams within the limit', () => {
  fc.assert(
    fc.property(forms, users, messages, (form, user, message) => {
      const datagrams = encode(form, user, message);
      for (const datagram of datagrams) assert.ok(datagram.length <= UCRP_DATAGRAM_BYTES_MAX);
      const lines = datagrams.map((datagram) => chatOf(decodeDelivery(form, datagram)));
      assert.equal(lines.map(({ text }) => text).join(''), message);
      for (const line of lines) assert.equal(line.user, user);
      assert.deepEqual(encode(form, user, encodeUtf8(message)), datagrams);
    }),
    { numRuns },
  );
});

test('a line that fits is one datagram, and one byte more makes two', () => {
  const roomFor = { string: UCRP_DATAGRAM_BYTES_MAX - 1 - 5, typed: 255, wide: UCRP_DATAGRAM_BYTES_MAX - 8 - 5 };
  for (const form of ['string', 'typed', 'wide'] as const) {
    assert.equal(encode(form, 'Alice', 'x'.repeat(roomFor[form])).length, 1, form);
    const [first, second, ...rest] = encode(form, 'Alice', 'x'.repeat(roomFor[form] + 1));
    assert.deepEqual(rest, []);
    assert.equal(chatOf(decodeDelivery(form, first!)).text.length, roomFor[form]);
    assert.equal(chatOf(decodeDelivery(form, second!)).text, 'x');
    assert.equal(encode(form, 'Alice', '').length, 1, form);
  }
});

test('every kind of typed line is decoded to the same kind', () => {
  const kinds = ['chat', 'system', 'join', 'leave'] as const;
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(UcrpDeliveryType)), users, utf8Text(0, 255), (type, user, text) => {
      const [datagram, ...rest] = encodeTyped(type, user, text);
      assert.deepEqual(rest, []);
      assert.deepEqual(decodeDelivery('typed', datagram!), { kind: kinds[type - 1], user, text });
    }),
    { numRuns },
  );
});

test('any bytes are a delivery or a CodecError', () => {
  const datagrams = fc.tuple(forms, users, utf8Text(0, 300)).map(([form, user, text]) => encode(form, user, text)[0]!);
  const inputs = fc.oneof(
    { weight: 3, arbitrary: mangled(datagrams) },
    mangled(fc.constant(roomClosedDatagram())),
    fc.uint8Array({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(forms, inputs, (form, bytes) => {
      try {
        const delivery = decodeDelivery(form, bytes);
        if (delivery.kind === 'closed') assert.deepEqual(bytes, roomClosedDatagram());
        else if (delivery.kind === 'chat') assert.deepEqual(encode(form, delivery.user, delivery.text), [bytes]);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= bytes.length);
      }
    }),
    { numRuns },
  );
});

test('no chat line can be taken for the closing of a room', () => {
  fc.assert(
    fc.property(
      fc.oneof(users, fc.constant(UCRP_ROOM_CLOSED.slice(1))),
      fc.oneof(messages, fc.constant(UCRP_ROOM_CLOSED)),
      (user, message) => {
        for (const form of ['string', 'wide'] as const) {
          for (const datagram of encode(form, user, message)) assert.equal(decodeDelivery(form, datagram).kind, 'chat');
        }
      },
    ),
    { numRuns },
  );
});

test('the closing datagram is the caller’s own copy', () => {
  roomClosedDatagram().fill(0);
  assert.deepEqual(roomClosedDatagram(), encodeUtf8(UCRP_ROOM_CLOSED));
});

test('what a client could not read is not encoded', () => {
  for (const form of ['string', 'typed', 'wide'] as const) {
    assert.throws(() => encode(form, 'u'.repeat(256), ''), { code: 'CODEC_INVALID_FIELD' });
    assert.throws(() => encode(form, '\ud800', ''), { code: 'CODEC_INVALID_UTF8' });
    assert.throws(() => encode(form, 'Alice', '\ud800'), { code: 'CODEC_INVALID_UTF8' });
    assert.throws(() => encode(form, 'Alice', Uint8Array.of(0x41, 0x80)), { code: 'CODEC_INVALID_UTF8' });
  }
  for (const type of [0, 5, 1.5, Number.NaN]) {
    assert.throws(() => encodeTyped(type as UcrpDeliveryType, 'Alice', ''), { code: 'CODEC_INVALID_FIELD' });
  }
});
