import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkSizes, chunksOf, mangled, utf8Text } from '@confab/testing/byte-arbitraries';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { encodeUtf8 } from '../text.ts';
import {
  decodeJsonRequest,
  JSON_LINE_BYTES_MAX,
  JsonLineDecoder,
  JsonRequestDecoder,
  type JsonRequestLine,
  plainMessageOf,
} from './index.ts';

const numRuns = propertyRuns();
const LINE_BYTES_MAX = 80;

const heads = fc.constantFrom(
  '{"type":"message","text":"',
  '{"type": "message", "text": "',
  '{"type":"message", "text": "',
  '{"type":"messagE","text":"',
);
const pieces = fc.constantFrom(
  '"',
  '\\',
  '\\"',
  '\\n',
  '\u0000',
  '\u001f',
  '\u007f',
  'é',
  '\ud83d\ude00',
  '"}',
  '{',
  ' ',
);
const texts = fc.array(fc.oneof(pieces, utf8Text(0, 20)), { maxLength: 4 }).map((parts) => parts.join(''));
const messages = fc
  .tuple(heads, texts, fc.constantFrom('"}', '"} ', '","id":1}', '}', '"'))
  .map((parts) => parts.join(''));
const plain = utf8Text(0, 30).map((text) => JSON.stringify({ type: 'message', text }));
const lines = fc.oneof({ weight: 3, arbitrary: plain }, messages, fc.constantFrom('', '{"type":"rooms"}', 'nonsense'));
const streams = fc
  .array(fc.tuple(lines, fc.constantFrom('\n', '\n', '\r\n', '\r\r\n')), { maxLength: 8 })
  .map((all) => encodeUtf8(all.flat().join('')));

/** What the server makes of a stream: the text of each message, or the line as it is. */
function meaning(items: readonly JsonRequestLine[]): string[] {
  return items.flatMap((item) => {
    if (item.kind === 'messages') return item.bodies.map((body) => `said ${new TextDecoder().decode(body)}`);
    if (item.kind !== 'line') return [item.kind];
    const request = decodeJsonRequest(item.text);
    return [!('kind' in request) && request.type === 'message' ? `said ${request.text}` : `line ${item.text}`];
  });
}

test('a stream means the same line by line and by the run, whatever it holds and however it is split', () => {
  fc.assert(
    fc.property(mangled(streams), chunkSizes(), (stream, sizes) => {
      const options = { lineBytesMax: LINE_BYTES_MAX };
      const byRun = new JsonRequestDecoder(options);
      const byLine = new JsonLineDecoder(options);
      const said: string[] = [];
      for (const chunk of chunksOf(stream, sizes)) {
        said.push(...meaning(byRun.push(chunk).frames));
        assert.ok(byRun.bufferedBytes <= LINE_BYTES_MAX);
      }
      said.push(...meaning(byRun.end().frames));
      assert.deepEqual(said, meaning([...byLine.push(stream).frames, ...byLine.end().frames]));
    }),
    { numRuns },
  );
});

test('plain messages are taken by the run, also behind the end of a line that came in pieces', () => {
  const decoder = new JsonRequestDecoder();
  const stream = encodeUtf8(
    '{"type":"message","text":"one"}\n{"type": "message", "text": "zwölf"}\r\n{"type":"message","text":""}\n',
  );
  const kinds = (chunk: Uint8Array) =>
    decoder.push(chunk).frames.map((item) => (item.kind === 'messages' ? item.bodies.length : item.kind));
  assert.deepEqual(kinds(stream), [3]);
  assert.deepEqual(kinds(stream.subarray(0, 10)), []);
  assert.deepEqual(kinds(stream.subarray(10)), ['line', 2]);
});

test('a plain message may be as long as a line may be, and no longer', () => {
  const line = (bytes: number) => {
    const frame = '{"type":"message","text":"';
    return encodeUtf8(`${frame}${'x'.repeat(bytes - frame.length - 2)}"}`);
  };
  for (const [bytes, kind] of [
    [JSON_LINE_BYTES_MAX, 'messages'],
    [JSON_LINE_BYTES_MAX + 1, 'too-long'],
  ] as const) {
    const decoder = new JsonRequestDecoder();
    assert.deepEqual(
      decoder.push(Uint8Array.of(...line(bytes), 0x0a)).frames.map((item) => item.kind),
      [kind],
    );
    assert.equal(plainMessageOf(line(bytes)) !== undefined, kind === 'messages');
  }
});

test('property: a frame is a plain message only if it is that message to everybody', () => {
  fc.assert(
    fc.property(mangled(fc.oneof(plain, messages).map((text) => encodeUtf8(text))), (frame) => {
      const body = plainMessageOf(frame);
      if (body === undefined) return;
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
      assert.deepEqual(decodeJsonRequest(frame), { type: 'message', text });
    }),
    { numRuns },
  );
  assert.equal(plainMessageOf(encodeUtf8('{"type":"message","text":"a"}'))?.length, 1);
});
