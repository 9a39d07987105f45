import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVectors, type VectorHex, type VectorText, vectorBytes, vectorText } from '@confab/testing/vectors';
import type { CodecErrorCode } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeJsonEvent,
  decodeJsonRequest,
  encodeJsonAck,
  encodeJsonError,
  encodeJsonFound,
  encodeJsonGreeting,
  encodeJsonMessage,
  encodeJsonRequest,
  encodeJsonRooms,
  encodeJsonSystem,
  encodeJsonUsers,
  type JsonEvent,
  JsonLineDecoder,
  type JsonRequest,
} from './index.ts';

interface RequestVector {
  readonly name: string;
  readonly line: VectorText;
  readonly request: JsonRequest & { id?: VectorText | number };
  /** False when our encoder writes the same request in another way. */
  readonly canonical?: false;
}

interface RequestErrorVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly code: CodecErrorCode;
  readonly text: string;
}

interface EventVector {
  readonly name: string;
  readonly line: string;
  readonly event: JsonEvent;
  /** What makes it, if not the encoder of its type; null when we never send it so. */
  readonly encoder?: 'greeting' | null;
}

interface EventErrorVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly code: CodecErrorCode;
  readonly message: string;
}

type LineItem = { kind: 'line'; text: VectorText } | { kind: 'too-long' | 'bad-utf8' };

interface LinesVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly items: readonly LineItem[];
  readonly atEnd: readonly LineItem[];
}

const load = <Vector>(name: string) => loadVectors<Vector>(new URL(`./vectors/${name}.json`, import.meta.url));

function requestOf({ request }: RequestVector): JsonRequest {
  const { id } = request;
  return id !== undefined && typeof id !== 'number' ? ({ ...request, id: vectorText(id) } as JsonRequest) : request;
}

for (const vector of load<RequestVector>('requests')) {
  const line = vectorText(vector.line);
  const request = requestOf(vector);

  test(`request ${vector.name} is decoded as written down, from text and from bytes`, () => {
    assert.deepEqual(decodeJsonRequest(line), request);
    assert.deepEqual(decodeJsonRequest(encodeUtf8(line)), request);
  });

  if (vector.canonical !== false) {
    test(`request ${vector.name} is encoded as written down`, () => {
      assert.equal(encodeJsonRequest(request), line);
    });
  }
}

for (const vector of load<RequestErrorVector>('request-errors')) {
  test(`request ${vector.name} is answered with an error`, () => {
    const { code, text } = vector;
    assert.deepEqual(decodeJsonRequest(vectorBytes(vector.hex)), { kind: 'error', code, text });
  });
}

for (const vector of load<EventVector>('events')) {
  test(`event ${vector.name} is decoded as written down, from text and from bytes`, () => {
    assert.deepEqual(decodeJsonEvent(vector.line), vector.event);
    assert.deepEqual(decodeJsonEvent(encodeUtf8(vector.line)), vector.event);
  });

  if (vector.encoder !== null) {
    test(`event ${vector.name} is encoded as written down`, () => {
      assert.equal(encodeEvent(vector), vector.line);
    });
  }
}

function encodeEvent({ event, encoder }: EventVector): string {
  if (encoder === 'greeting') return encodeJsonGreeting('seq' in event ? event.seq! : 0);
  switch (event.type) {
    case 'message':
      return encodeJsonMessage(event.room, event.user, event.text, event.seq);
    case 'system':
      return encodeJsonSystem(event.room, event.text, event.seq);
    case 'error':
      return encodeJsonError(event.text, event.seq!);
    case 'rooms':
      return encodeJsonRooms(event.rooms.toReversed(), event.seq!);
    case 'users':
      return encodeJsonUsers(event.room, event.users.toReversed(), event.seq!, { id: event.id });
    case 'found': {
      const messages = event.messages.map((message) => ({ ...message, place: 0 }));
      const { before, unsearched = 0, id } = event;
      return encodeJsonFound(messages[0]?.room ?? '', messages, event.seq!, { before, unsearched, id });
    }
    case 'ack':
      return encodeJsonAck(event.id);
    case 'unknown':
      throw new Error('there is no encoder for an unknown type');
  }
}

for (const vector of load<EventErrorVector>('event-errors')) {
  test(`event ${vector.name} is refused with ${vector.code}`, () => {
    const { code, message } = vector;
    assert.throws(() => decodeJsonEvent(vectorBytes(vector.hex)), { name: 'CodecError', code, message });
  });
}

for (const vector of load<LinesVector>('lines')) {
  test(`stream ${vector.name} gives the lines written down`, () => {
    const items = (written: readonly LineItem[]) =>
      written.map((item) => (item.kind === 'line' ? { ...item, text: vectorText(item.text) } : item));
    const decoder = new JsonLineDecoder();
    assert.deepEqual(decoder.push(vectorBytes(vector.hex)), { frames: items(vector.items) });
    assert.deepEqual(decoder.end(), { frames: items(vector.atEnd) });
    assert.equal(decoder.bufferedBytes, 0);
  });
}
