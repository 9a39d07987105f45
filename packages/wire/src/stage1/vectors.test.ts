import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVectors, type VectorHex, type VectorText, vectorBytes, vectorText } from '@confab/testing/vectors';
import type { CodecErrorCode } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeStage1,
  encodeStage1,
  encodeStage1Chat,
  encodeStage1System,
  type Stage1Layout,
  Stage1Type,
  stage1LayoutOf,
  stage1Texts,
} from './index.ts';

interface DatagramVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly datagram: { layout: Stage1Layout; type: Stage1Type; user: VectorText; message: VectorText };
  /** The layout, when the bytes alone would be taken for the other one. */
  readonly told?: Stage1Layout;
  /** The message is this one of `stage1Texts`, about this user. */
  readonly text?: keyof typeof stage1Texts;
  readonly of?: string;
}

interface ErrorVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly told?: Stage1Layout;
  readonly code: CodecErrorCode;
  readonly offset: number;
}

const load = <Vector>(name: string) => loadVectors<Vector>(new URL(`./vectors/${name}.json`, import.meta.url));

for (const vector of load<DatagramVector>('datagrams')) {
  const bytes = vectorBytes(vector.hex);
  const { layout, type } = vector.datagram;
  const user = vectorText(vector.datagram.user);
  const text = vectorText(vector.datagram.message);
  const datagram = { layout, type, user, message: encodeUtf8(text) };

  test(`datagram ${vector.name} is decoded as written down`, () => {
    assert.equal(stage1LayoutOf(bytes) === layout, vector.told === undefined);
    assert.deepEqual(decodeStage1(bytes, vector.told), datagram);
    assert.deepEqual(decodeStage1(bytes, layout), datagram);
  });

  test(`datagram ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeStage1(datagram), bytes);
    if (type === Stage1Type.CHAT) assert.deepEqual(encodeStage1Chat(layout, user, text), [bytes]);
    if (user === 'SYSTEM') assert.deepEqual(encodeStage1System(layout, text), [bytes]);
  });

  if (vector.text !== undefined) {
    test(`datagram ${vector.name} holds the text that clients know`, () => {
      const known = stage1Texts[vector.text!];
      assert.equal(text, typeof known === 'string' ? known : known(vector.of!));
    });
  }
}

for (const vector of load<ErrorVector>('errors')) {
  test(`datagram ${vector.name} is refused with ${vector.code}`, () => {
    const { code, offset } = vector;
    assert.throws(() => decodeStage1(vectorBytes(vector.hex), vector.told), { name: 'CodecError', code, offset });
  });
}
