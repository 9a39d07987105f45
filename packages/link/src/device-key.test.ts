import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { ephemeralDeviceKey, isDeviceProofRight, loadDeviceKey } from './device-key.ts';

const exporter = new Uint8Array(32).map((_, index) => index);
const unusable = (message: RegExp) => ({ name: 'LinkSetupError', code: 'DEVICE_KEY_UNUSABLE', message });

describe('A device key', () => {
  it('is made on first use, for its owner alone, and is the same ever after', (context) => {
    const file = join(temporaryDirectory(context).path, 'confab', 'device_key');
    const made = loadDeviceKey(file);
    assert.equal(made.publicKey.length, 32);
    assert.match(made.text, /^[\w-]{43}$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(dirname(file)), ['device_key']);
    const again = loadDeviceKey(file);
    assert.equal(again.text, made.text);
    assert.equal(isDeviceProofRight(again.prove(exporter), exporter), true);
  });

  it('is refused when others could have read it', (context) => {
    const file = join(temporaryDirectory(context).path, 'device_key');
    loadDeviceKey(file);
    chmodSync(file, 0o644);
    assert.throws(() => loadDeviceKey(file), unusable(/chmod 600/));
  });

  it('is never made anew over one that is damaged or of another kind', (context) => {
    const file = join(temporaryDirectory(context).path, 'device_key');
    writeFileSync(file, 'junk', { mode: 0o600 });
    assert.throws(() => loadDeviceKey(file), unusable(/device_key/));
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    assert.throws(() => loadDeviceKey(file), unusable(/type ec, not ed25519/));
  });
});

describe('The proof of a device key', () => {
  const key = ephemeralDeviceKey();
  const proof = key.prove(exporter);

  it('is 32 bytes of key and 64 of signature', () => {
    assert.deepEqual([proof.key.length, proof.signature.length], [32, 64]);
    assert.equal(isDeviceProofRight(proof, exporter), true);
  });

  it('is good for one connection: with another exporter value it proves nothing', () => {
    for (let bit = 0; bit < 256; bit += 1) {
      const other = exporter.slice();
      other[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(isDeviceProofRight(proof, other), false);
    }
  });

  it('is good for no other key', () => {
    assert.equal(isDeviceProofRight({ ...proof, key: ephemeralDeviceKey().publicKey }, exporter), false);
  });

  it('of changed bytes, of other lengths, or of no key at all is wrong, and nothing is thrown', () => {
    for (let bit = 0; bit < 512; bit += 1) {
      const signature = proof.signature.slice();
      signature[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(isDeviceProofRight({ key: proof.key, signature }, exporter), false);
    }
    const zero = (length: number) => new Uint8Array(length);
    for (const wrong of [
      { key: zero(0), signature: zero(0) },
      { key: proof.key, signature: zero(63) },
      { key: zero(31), signature: proof.signature },
      { key: zero(32).fill(0xff), signature: proof.signature },
      { key: zero(32), signature: zero(64) },
    ]) {
      assert.equal(isDeviceProofRight(wrong, exporter), false);
    }
  });

  it('is over an exporter value of 32 bytes', () => {
    assert.throws(() => key.prove(new Uint8Array(31)), RangeError);
  });
});
