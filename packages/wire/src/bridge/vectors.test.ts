import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVectors, type VectorHex, type VectorText, vectorBytes, vectorText } from '@confab/testing/vectors';
import type { CodecErrorCode } from '../errors.ts';
import {
  type BridgeMode,
  type BridgePacket,
  BridgeStreamDecoder,
  decodeBridgePacket,
  encodeBridgePacket,
} from './index.ts';

interface PacketVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly packet: { type: string; text?: VectorText };
  readonly mode?: BridgeMode;
  /** The packet has no end of its own in a stream. */
  readonly end?: 'close';
}

interface ErrorVector {
  readonly name: string;
  readonly hex: VectorHex;
  readonly code: CodecErrorCode;
  readonly offset: number;
}

const load = <Vector>(name: string) => loadVectors<Vector>(new URL(`./vectors/${name}.json`, import.meta.url));

function packetOf({ packet }: PacketVector): BridgePacket {
  return (packet.text === undefined ? packet : { ...packet, text: vectorText(packet.text) }) as BridgePacket;
}

for (const vector of load<PacketVector>('packets')) {
  const bytes = vectorBytes(vector.hex);
  const packet = packetOf(vector);

  test(`packet ${vector.name} is decoded as written down`, () => {
    assert.deepEqual(decodeBridgePacket(bytes), packet);
  });

  test(`packet ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeBridgePacket(packet, vector.mode), bytes);
  });

  test(`packet ${vector.name} is found in a stream`, () => {
    const decoder = new BridgeStreamDecoder();
    const expected = { frames: [packet] };
    const nothing = { frames: [] };
    assert.deepEqual(decoder.push(bytes), vector.end === 'close' ? nothing : expected);
    assert.deepEqual(decoder.end(), vector.end === 'close' ? expected : nothing);
  });
}

for (const vector of load<PacketVector>('tolerated')) {
  test(`packet ${vector.name} is decoded as it was meant`, () => {
    assert.deepEqual(decodeBridgePacket(vectorBytes(vector.hex)), packetOf(vector));
  });
}

for (const vector of load<ErrorVector>('errors')) {
  test(`packet ${vector.name} is refused with ${vector.code}`, () => {
    const { code, offset } = vector;
    assert.throws(() => decodeBridgePacket(vectorBytes(vector.hex)), { name: 'CodecError', code, offset });
  });
}
