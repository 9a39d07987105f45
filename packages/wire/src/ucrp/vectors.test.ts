import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVectors, type VectorHex, type VectorText, vectorBytes, vectorText } from '@confab/testing/vectors';
import type { CodecErrorCode } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import {
  decodeDelivery,
  decodeUcrpRequest,
  encodeChatString,
  encodeChatWide,
  encodeTyped,
  encodeUcrpRequest,
  roomClosedDatagram,
  type UcrpDelivery,
  type UcrpDeliveryForm,
  UcrpDeliveryType,
  type UcrpLayout,
} from './index.ts';

interface RequestVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly request: { layout: UcrpLayout; room: VectorText; token: VectorText; message: VectorText };
}

interface DeliveryVector {
  readonly name: string;
  readonly form: UcrpDeliveryForm;
  readonly hex: VectorHex;
  readonly delivery:
    | { kind: 'closed' }
    | { kind: 'chat' | 'system' | 'join' | 'leave'; user: string; text: VectorText };
}

interface ErrorVector {
  readonly name: string;
  readonly reader: 'request' | UcrpDeliveryForm;
  readonly hex: VectorHex;
  readonly code: CodecErrorCode;
  readonly offset: number;
}

const load = <Vector>(name: string) => loadVectors<Vector>(new URL(`./vectors/${name}.json`, import.meta.url));

for (const vector of load<RequestVector>('requests')) {
  const bytes = vectorBytes(vector.hex);
  const request = {
    layout: vector.request.layout,
    room: vectorText(vector.request.room),
    token: vectorText(vector.request.token),
    message: encodeUtf8(vectorText(vector.request.message)),
  };

  test(`datagram ${vector.name} is decoded as written down`, () => {
    assert.deepEqual(decodeUcrpRequest(bytes), request);
  });

  test(`datagram ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeUcrpRequest(request), bytes);
  });
}

for (const vector of load<DeliveryVector>('deliveries')) {
  const bytes = vectorBytes(vector.hex);
  const { delivery: written } = vector;
  const delivery: UcrpDelivery = written.kind === 'closed' ? written : { ...written, text: vectorText(written.text) };

  test(`delivery ${vector.name} is decoded as written down`, () => {
    assert.deepEqual(decodeDelivery(vector.form, bytes), delivery);
  });

  test(`delivery ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeDelivery(vector.form, delivery), [bytes]);
  });
}

function encodeDelivery(form: UcrpDeliveryForm, delivery: UcrpDelivery): Uint8Array[] {
  if (delivery.kind === 'closed') return [roomClosedDatagram()];
  const { user, text } = delivery;
  if (form === 'string') return encodeChatString(user, text);
  if (form === 'wide') return encodeChatWide(user, text);
  const types = {
    chat: UcrpDeliveryType.CHAT,
    system: UcrpDeliveryType.SYSTEM,
    join: UcrpDeliveryType.JOIN,
    leave: UcrpDeliveryType.LEAVE,
  };
  return encodeTyped(types[delivery.kind], user, text);
}

for (const vector of load<ErrorVector>('errors')) {
  test(`datagram ${vector.name} is refused with ${vector.code}`, () => {
    const bytes = vectorBytes(vector.hex);
    const { reader, code, offset } = vector;
    const decode = () => (reader === 'request' ? decodeUcrpRequest(bytes) : decodeDelivery(reader, bytes));
    assert.throws(decode, { name: 'CodecError', code, offset });
  });
}
