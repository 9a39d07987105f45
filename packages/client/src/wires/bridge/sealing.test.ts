import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import { hexBytes } from '@confab/testing/vectors';
import { decodeSealedFrame, encodeSealedMessage } from '@confab/wire/bridge';
import fc from 'fast-check';
import { BridgeIdentity } from './identity.ts';
import { ReplayWindow } from './replay-window.ts';
import { Sealer } from './sealer.ts';

interface Agreement {
  readonly alicePrivate: string;
  readonly alicePublic: string;
  readonly bobPrivate: string;
  readonly bobPublic: string;
  readonly pair: string;
  readonly aliceSendKey: string;
  readonly bobSendKey: string;
  readonly code: string;
}

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
/** Made with another library than ours. */
const [agreement] = read('./vectors/agreement.json') as [Agreement];
const frames = read('../../../../wire/src/bridge/vectors/sealed-frames.json') as { name: string; hex: string[] }[];
const bytesOf = (hex: string | string[]) => Uint8Array.from(hexBytes([hex].flat().join(' ')));

function identityOf(privateKey: string, publicKey: string): BridgeIdentity {
  return new BridgeIdentity({ d: privateKey, x: publicKey });
}

const alice = () => identityOf(agreement.alicePrivate, agreement.alicePublic);
const bob = () => identityOf(agreement.bobPrivate, agreement.bobPublic);
const { pair } = agreement;
const aliceKeys = () => alice().agree({ ownId: 'alice', peerId: 'bob', peerKey: agreement.bobPublic, pair });
const bobKeys = () => bob().agree({ ownId: 'bob', peerId: 'alice', peerKey: agreement.alicePublic, pair });

test('both sides agree upon the keys and the code that were written down', () => {
  for (const [keys, send, receive] of [
    [aliceKeys(), agreement.aliceSendKey, agreement.bobSendKey],
    [bobKeys(), agreement.bobSendKey, agreement.aliceSendKey],
  ] as const) {
    assert.deepEqual(keys.sendKey, bytesOf(send));
    assert.deepEqual(keys.receiveKey, bytesOf(receive));
    assert.equal(keys.code, agreement.code);
  }
});

test('keys and code are others for another key, another name, and keys for another pair', () => {
  const original = aliceKeys();
  const other = new BridgeIdentity().publicKey;
  const names = { ownId: 'alice', peerId: 'bob', peerKey: agreement.bobPublic, pair };
  for (const change of [{ peerKey: other }, { peerId: 'eve' }, { ownId: 'eve' }]) {
    const keys = alice().agree({ ...names, ...change });
    assert.notDeepEqual(keys.sendKey, original.sendKey);
    assert.notEqual(keys.code, original.code);
  }
  assert.notDeepEqual(alice().agree({ ...names, pair: 'AAAAAAAAAAA' }).sendKey, original.sendKey);
});

test('a key of small order, one of another length, and one’s own are refused', () => {
  for (const peerKey of [
    Buffer.alloc(32).toString('base64url'),
    Buffer.from([1, ...Buffer.alloc(31)]).toString('base64url'),
    Buffer.alloc(31, 7).toString('base64url'),
    agreement.alicePublic,
  ]) {
    assert.throws(() => alice().agree({ ownId: 'alice', peerId: 'bob', peerKey, pair }), { code: 'PROTOCOL_BROKEN' });
  }
});

test('each registration has a key of its own', () => {
  assert.notEqual(new BridgeIdentity().publicKey, new BridgeIdentity().publicKey);
});

function sealers(): [Sealer, Sealer] {
  const tag = Buffer.from(pair, 'base64url');
  return [new Sealer(aliceKeys(), tag), new Sealer(bobKeys(), tag)];
}

test('frames that were sealed with another library are opened, and ours are the same bytes', () => {
  const [own, peer] = sealers();
  const line = encodeSealedMessage({ type: 'line', id: 7, text: 'Héllo' });
  const frame = bytesOf(frames.find(({ name }) => name === 'sealed-line')!.hex);
  assert.deepEqual(Uint8Array.from(peer.open(decodeSealedFrame(frame))!), line);
  assert.deepEqual(Uint8Array.from(own.seal(line)), frame);
  const last = bytesOf(frames.find(({ name }) => name === 'sealed-counter-max')!.hex);
  assert.deepEqual(Uint8Array.from(peer.open(decodeSealedFrame(last))!), Uint8Array.of(5));
});

test('a frame that was changed in any bit is refused, and the genuine one is still taken', () => {
  const [own, peer] = sealers();
  const frame = own.seal(encodeSealedMessage({ type: 'line', id: 1, text: 'secret' }));
  // Byte 0 and the length make it no frame at all; the codec's tests have those.
  for (let bit = 8; bit < frame.length * 8; bit += 1) {
    const at = bit >> 3;
    if (at === 17 || at === 18) continue;
    const changed = Uint8Array.from(frame);
    changed[at]! ^= 1 << (bit & 7);
    if (at === 9 || (at === 10 && changed[10]! > 0x1f)) continue;
    assert.equal(peer.open(decodeSealedFrame(changed)), undefined, `bit ${bit}`);
  }
  assert.ok(peer.open(decodeSealedFrame(frame)));
});

test('a frame is opened once, and never by its own sender', () => {
  const [own, peer] = sealers();
  const frame = decodeSealedFrame(own.seal(Uint8Array.of(5)));
  assert.equal(own.open(frame), undefined);
  assert.ok(peer.open(frame));
  assert.equal(peer.open(frame), undefined);
});

test('a sealed frame shows nothing of the text', () => {
  const [own] = sealers();
  const text = 'Attack at dawn';
  const frame = Buffer.from(own.seal(encodeSealedMessage({ type: 'line', id: 1, text })));
  assert.equal(frame.includes(text), false);
});

test('the replay window takes each counter once, in any order within its width, and none below it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 200 }), (counters) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let highest = -1;
      for (const counter of counters) {
        const isExpected = !seen.has(counter) && counter > highest - 1024;
        assert.equal(window.isFresh(counter), isExpected);
        if (!isExpected) continue;
        window.note(counter);
        seen.add(counter);
        highest = Math.max(highest, counter);
      }
    }),
    { numRuns: propertyRuns() },
  );
});
