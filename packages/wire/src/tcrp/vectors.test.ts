import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVectors, type VectorHex, type VectorText, vectorBytes, vectorText } from '@confab/testing/vectors';
import type { CodecErrorCode } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeTcrpGrant,
  decodeTcrpRequest,
  decodeTcrpVerdict,
  dialectOf,
  encodeTcrpFrame,
  encodeTcrpGrant,
  encodeTcrpRequest,
  encodeTcrpVerdict,
  TcrpAnswerDecoder,
  type TcrpDialect,
  type TcrpFrame,
  type TcrpGrant,
  type TcrpLayout,
  TcrpOperation,
  type TcrpOptions,
  type TcrpRequest,
  TcrpRequestDecoder,
  TcrpState,
  type TcrpVerdict,
  type TcrpVerdictRead,
} from './index.ts';

interface VectorFrame extends Omit<TcrpFrame, 'payload'> {
  readonly payload: VectorText;
}

interface RequestVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly frame: VectorFrame;
  readonly request: { dialect: TcrpDialect; user: VectorText; password?: string; options: TcrpOptions };
  /** What ends a payload without length. */
  readonly flush?: 'silence' | 'end';
  /** False when our encoder writes the same request in another way. */
  readonly canonical?: false;
}

interface AnswerVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly frame: VectorFrame;
  readonly dialect: TcrpDialect;
  readonly verdict?: TcrpVerdict;
  readonly read?: TcrpVerdictRead;
  readonly grant?: TcrpGrant;
}

interface ErrorVector {
  readonly name: string;
  readonly reader: 'request' | 'answer';
  readonly hex: VectorHex;
  readonly flush?: 'end';
  readonly code: CodecErrorCode;
  readonly offset: number;
}

interface PayloadErrorVector {
  readonly name: string;
  readonly layout: TcrpLayout;
  readonly hex: VectorHex;
  readonly code: CodecErrorCode;
  readonly dialect?: TcrpDialect;
}

const load = <Vector>(name: string) => loadVectors<Vector>(new URL(`./vectors/${name}.json`, import.meta.url));
const frameOf = (frame: VectorFrame): TcrpFrame => ({ ...frame, payload: encodeUtf8(vectorText(frame.payload)) });

for (const vector of load<RequestVector>('requests')) {
  const bytes = vectorBytes(vector.hex);
  const frame = frameOf(vector.frame);
  const request: TcrpRequest = { ...vector.request, user: vectorText(vector.request.user) };

  test(`request ${vector.name} is decoded as written down`, () => {
    const decoder = new TcrpRequestDecoder();
    const pushed = decoder.push(bytes);
    assert.equal(pushed.error, undefined);
    assert.equal(decoder.awaitsSilence, vector.flush !== undefined);
    const decoded = vector.flush === undefined ? pushed : decoder[vector.flush]();
    assert.deepEqual(decoded, { frames: [frame] });
    assert.ok(decoder.done);
    assert.deepEqual(decodeTcrpRequest(frame), request);
  });

  test(`request ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeTcrpFrame(frame), bytes);
    if (vector.canonical !== false) assert.deepEqual(encodeTcrpRequest(request), frame.payload);
  });
}

for (const vector of load<AnswerVector>('answers')) {
  const bytes = vectorBytes(vector.hex);
  const frame = frameOf(vector.frame);

  test(`answer ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeTcrpFrame(frame), bytes);
    const payload =
      vector.verdict === undefined
        ? encodeTcrpGrant(vector.dialect, frame.operation, vector.grant!)
        : encodeTcrpVerdict(vector.dialect, vector.verdict);
    assert.deepEqual(payload, frame.payload);
  });

  test(`answer ${vector.name} is decoded as written down`, () => {
    if (frame.layout === 'header32') assert.deepEqual(new TcrpAnswerDecoder().push(bytes), { frames: [frame] });
    if (vector.read !== undefined) assert.deepEqual(decodeTcrpVerdict(frame.payload), vector.read);
    if (vector.grant !== undefined) assert.deepEqual(decodeTcrpGrant(frame.payload), vector.grant);
  });
}

for (const vector of load<ErrorVector>('errors')) {
  test(`stream ${vector.name} is refused with ${vector.code}`, () => {
    const decoder = vector.reader === 'request' ? new TcrpRequestDecoder() : new TcrpAnswerDecoder();
    const pushed = decoder.push(vectorBytes(vector.hex));
    if (vector.flush === 'end') assert.equal(pushed.error, undefined);
    const { frames, error } = vector.flush === 'end' ? decoder.end() : pushed;
    assert.deepEqual(frames, []);
    assert.deepEqual({ code: error?.code, offset: error?.offset }, { code: vector.code, offset: vector.offset });
    assert.equal(decoder.bufferedBytes, 0);
  });
}

for (const vector of load<PayloadErrorVector>('payload-errors')) {
  test(`request ${vector.name} is refused with ${vector.code}`, () => {
    const payload = vectorBytes(vector.hex);
    const frame = {
      layout: vector.layout,
      operation: TcrpOperation.JOIN,
      state: TcrpState.REQUEST,
      room: 'lobby',
      payload,
    };
    assert.throws(() => decodeTcrpRequest(frame), { name: 'CodecError', code: vector.code });
    assert.equal(dialectOf(payload), vector.dialect);
  });
}
