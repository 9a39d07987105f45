import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CodecError } from '../errors.ts';
import { encodeUtf8, pythonJson } from '../text.ts';
import { isWholeBeforeEnd, JsonEndScanner } from './json-end.ts';
import { readRequestHeader } from './layout.ts';

const numRuns = propertyRuns();
const PAYLOAD_BYTES_MAX = 2000;

/** Bytes whose first 32 leave it open which header they are, followed by many quotes and braces. */
const doubtful = fc
  .tuple(
    fc.integer({ min: 1, max: 12 }),
    fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat({ max: 1 })),
    fc.nat({ max: 12 }),
    fc.oneof(fc.constantFrom(0x00, 0x1f, 0x20, 0x22, 0x7b), fc.nat({ max: 255 })),
    fc.array(fc.constantFrom(0x22, 0x7b, 0x7d, 0x61), { maxLength: 40 }),
  )
  .map(([roomBytes, high, low, byte31, rest]) => {
    const head = new Array<number>(32).fill(0);
    head[0] = roomBytes;
    head[1] = 1;
    head[29] = high;
    head[30] = low;
    head[31] = byte31;
    return Uint8Array.from([...head, ...rest]);
  });

/** The rule of docs/wires/tcrp.md word for word, with no regard to cost. */
function naiveReading(bytes: Uint8Array): string {
  if (bytes.length < 32) return 'wait';
  const numberOf = (end: number) =>
    BigInt(`0x${[...bytes.subarray(3, end)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
  const length31 = numberOf(31);
  const length32 = numberOf(32);
  const as32 = length32 > PAYLOAD_BYTES_MAX ? 'refuse' : `header32 ${length32}`;
  if (length31 < 3 || length31 > PAYLOAD_BYTES_MAX || bytes[31]! < 0x20) return as32;
  const start = 31 + bytes[0]!;
  const first = bytes[start];
  if (first === undefined) return 'wait';
  const closing = { 34: 34, 123: 125 }[first];
  if (closing === undefined) return as32;
  const last = bytes[start + Number(length31) - 1];
  if (last === undefined) return 'wait';
  return last === closing ? `header31 ${length31}` : as32;
}

function reading(bytes: Uint8Array): string {
  try {
    const header = readRequestHeader(bytes, PAYLOAD_BYTES_MAX);
    return header === undefined ? 'wait' : `${header.layout} ${header.payloadBytes}`;
  } catch (error) {
    assert.ok(error instanceof CodecError && error.code === 'CODEC_TOO_LARGE' && error.offset === 3);
    return 'refuse';
  }
}

test('headers are told apart as the document says', () => {
  fc.assert(
    fc.property(fc.oneof(doubtful, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      assert.equal(reading(bytes), naiveReading(bytes));
    }),
    { numRuns },
  );
});

test('what a header was once told to be, it stays when more bytes come', () => {
  fc.assert(
    fc.property(doubtful, (bytes) => {
      let told = 'wait';
      for (let length = 0; length <= bytes.length; length += 1) {
        const now = reading(bytes.subarray(0, length));
        if (told !== 'wait') assert.equal(now, told);
        told = now;
      }
    }),
    { numRuns },
  );
});

test('a request above the limit waits for a 31-byte reading only while that is possible', () => {
  // Bytes 3–30 read 5, so the 32-byte length is 5 * 256 + 0x6c = 1388; the limit lies between the two.
  const head = Uint8Array.from([5, 1, 0, ...new Array<number>(27).fill(0), 5, ...encodeUtf8('lobby')]);
  const withPayload = (payload: string) => Uint8Array.from([...head, ...encodeUtf8(payload)]);
  assert.equal(readRequestHeader(head, 1000), undefined);
  assert.throws(() => readRequestHeader(withPayload('A'), 1000), { code: 'CODEC_TOO_LARGE' });
  assert.equal(readRequestHeader(withPayload('"'), 1000), undefined);
  assert.equal(readRequestHeader(withPayload('"Bob"'), 1000)?.layout, 'header31');
  assert.throws(() => readRequestHeader(withPayload('"Boby'), 1000), { code: 'CODEC_TOO_LARGE' });
  assert.throws(() => readRequestHeader(withPayload('{"a"}').with(36, 0x22), 1000), { code: 'CODEC_TOO_LARGE' });
});

test('the end of a JSON value is found where it is, whatever follows and however it is cut', () => {
  const json = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => pythonJson(text)),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => JSON.stringify(text)),
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value, undefined, 1)),
  );
  fc.assert(
    fc.property(
      json,
      fc.constantFrom('', ' ', '\r\n\t'),
      fc.string({ maxLength: 5 }),
      fc.nat(),
      (text, before, after, cut) => {
        const bytes = encodeUtf8(before + text + after);
        const end = encodeUtf8(before + text).length;
        const middle = cut % (end + 1);
        const scanner = new JsonEndScanner();
        const found = scanner.scan(bytes, 0, middle) ?? scanner.scan(bytes, middle, bytes.length);
        assert.equal(found, end);
        assert.equal(isWholeBeforeEnd(bytes), after !== '');
      },
    ),
    { numRuns },
  );
});

test('text that is no JSON value never ends by itself', () => {
  for (const text of ['', '   ', 'Bob', '42', '[1]', 'Bob "the" {builder}', '"Bob', '{"a": "}"', '"\\"']) {
    assert.equal(new JsonEndScanner().scan(encodeUtf8(text), 0, encodeUtf8(text).length), undefined, text);
  }
});
