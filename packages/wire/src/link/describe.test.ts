import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import { loadVectors, type VectorHex, vectorBytes } from '@confab/testing/vectors';
import fc from 'fast-check';
import type { Field } from '../fields.ts';
import { describeLinkPacket, describeLinkStream, encodeControl, encodeHandshake, maskLinkSecrets } from './index.ts';

const load = (name: string) =>
  loadVectors<{ name: string; hex: VectorHex; packet?: true }>(new URL(`./vectors/${name}.json`, import.meta.url));
const HEAD = Uint8Array.of(0x45, 1, 2, 3, 4, 5, 6, 7, 8, 0x01, 0x2c);
const CLIENT_HEAD = Uint8Array.of(0x45, 0x01, 0x2c);

function assertCovers(fields: readonly Field[], bytes: Uint8Array): void {
  let at = 0;
  for (const { offset, length, name } of fields) {
    assert.equal(offset, at, name);
    assert.ok(length >= 1, name);
    at += length;
  }
  assert.equal(at, bytes.length);
}

const joined = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
/** A record on a channel, as one frame of a connection. */
const record = (channel: number, body: Uint8Array) =>
  joined(Uint8Array.of(2, 0x40 | ((body.length + 2) >> 8), (body.length + 2) & 0xff, channel, 1), body);
const calm = (channel: number, body: Uint8Array) => {
  const bytes = record(channel, body);
  bytes[0] = 0x10;
  return bytes;
};
const named = (fields: readonly Field[]) => fields.map(({ name, value }) => (value === '' ? name : `${name} ${value}`));

describe('The fields of link', () => {
  it('are every byte once, of every vector, cut anywhere', () => {
    for (const { hex, packet, name } of [...load('frames'), ...load('handshake')]) {
      const bytes = vectorBytes(hex);
      for (let length = 0; length <= bytes.length; length += 1) {
        const cut = bytes.subarray(0, length);
        if (packet !== true) assertCovers(describeLinkStream(cut), cut);
        const inPacket = joined(HEAD, cut);
        assertCovers(describeLinkPacket(inPacket, 'server'), inPacket);
        const toClient = joined(CLIENT_HEAD, cut);
        assertCovers(describeLinkPacket(toClient, 'client'), toClient);
      }
      const whole = packet === true ? describeLinkPacket(joined(HEAD, bytes), 'server') : describeLinkStream(bytes);
      assert.ok(
        whole.every(({ note }) => !/cut short|later version/.test(note)),
        `${name}: ${JSON.stringify(whole)}`,
      );
    }
    for (const { hex, name } of load('control')) {
      const fields = describeLinkStream(record(0, vectorBytes(hex)));
      assert.ok(!fields.some((field) => field.name === 'control rest' || /cut short/.test(field.note)), name);
    }
  });

  it('are every byte once, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assertCovers(describeLinkStream(bytes), bytes);
        for (const to of ['server', 'client'] as const) {
          assertCovers(describeLinkPacket(bytes, to), bytes);
          assert.equal(maskLinkSecrets(bytes, to).length, bytes.length);
        }
        assert.equal(maskLinkSecrets(bytes).length, bytes.length);
      }),
      { numRuns: propertyRuns() },
    );
  });

  it('say what they are', () => {
    const ping = Uint8Array.of(1, 2, 0xab, 0xcd);
    const fields = ['packet number 300', 'frame 1', 'length 2', 'rest'];
    assert.deepEqual(named(describeLinkPacket(joined(HEAD, ping), 'server')), ['flags 69', 'connection id', ...fields]);
    assert.deepEqual(named(describeLinkPacket(joined(CLIENT_HEAD, ping), 'client')), ['flags 69', ...fields]);
    const left = encodeControl({ type: 'left', request: 0, channel: 3, reason: 2, text: 'room closed' });
    assert.deepEqual(named(describeLinkStream(record(0, left))), [
      'frame 2',
      'length 18',
      'channel 0',
      'number 1',
      'control 5',
      'request 0',
      'channel 3',
      'reason 2',
      'text length 11',
      'text "room closed"',
    ]);
  });
});

describe('A mask of link', () => {
  const has = (bytes: Uint8Array, text: string) => Buffer.from(bytes).includes(text);

  it('hides tickets, passwords and member tokens, and nothing else', () => {
    const outboxId = new Uint8Array(16).fill(7);
    const secret = Buffer.from('0123456789abcdef');
    const join = encodeControl({
      type: 'join',
      request: 1,
      channel: 1,
      entry: 'join-only',
      room: 'lobby',
      password: 'sesame',
      token: 'member-token',
      outboxId,
    });
    const hello = encodeHandshake({
      type: 'hello',
      user: 'Ann',
      agent: 'test',
      wantsUdp: true,
      datagramBytesMax: 1472,
      ticket: secret,
    });
    const masked = maskLinkSecrets(record(0, join));
    assert.deepEqual([has(masked, 'sesame'), has(masked, 'member-token'), has(masked, 'lobby')], [false, false, true]);
    assert.ok(has(masked, '******') && has(masked, '*'.repeat(12)));
    assert.equal(has(maskLinkSecrets(calm(0, join)), 'sesame'), false, 'also where it is in no hurry');
    const greeting = maskLinkSecrets(hello);
    assert.deepEqual([has(greeting, '0123456789abcdef'), has(greeting, 'Ann')], [false, true]);
    for (const [head, to] of [[HEAD, 'server'] as const, [CLIENT_HEAD, 'client'] as const]) {
      const inPacket = maskLinkSecrets(joined(head, record(0, join)), to);
      assert.deepEqual([has(inPacket, 'sesame'), has(inPacket, 'lobby')], [false, true]);
    }
    const said = record(3, Buffer.from('sesame'));
    assert.equal(maskLinkSecrets(said), said);
  });

  it('hides what of the control channel cannot be read: pieces, and what no version of ours says', () => {
    const part = joined(Uint8Array.of(4, 10, 0, 1, 0, 12), Buffer.from('sesame'));
    assert.equal(has(maskLinkSecrets(part), 'sesame'), false);
    const unknown = record(0, joined(Uint8Array.of(63), Buffer.from('sesame')));
    assert.equal(has(maskLinkSecrets(unknown), 'sesame'), false);
  });
});
