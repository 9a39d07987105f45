import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LinkCrypto } from '@confab/wire/link';
import { nodeLinkCrypto } from './crypto.ts';
import { openSslCrypto } from './openssl-crypto.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');

/** Test case 4 of "The Galois/Counter Mode of Operation" (McGrew, Viega), appendix B: 60 bytes, 20 of additional data. */
const gcm = {
  key: hex('feffe9928665731c6d6a8f9467308308'),
  nonce: hex('cafebabefacedbaddecaf888'),
  aad: hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
  plaintext: hex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  ),
  sealed:
    '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091' +
    '5bc94fbc3221a5db94fae95ae7121a47',
};

const foreign = process.getBuiltinModule('node:ffi');
const ways = new Map<string, LinkCrypto | undefined>([
  ['node:crypto', nodeLinkCrypto],
  ['OpenSSL by node:ffi', foreign === undefined ? undefined : openSslCrypto(foreign)],
]);

for (const [way, found] of ways) {
  const crypto = found ?? nodeLinkCrypto;
  const options = { skip: found === undefined && 'not to be had here' };

  describe(`AES-128-GCM of ${way}`, options, () => {
    it('seals as the vector of its authors says, where it is told to write', () => {
      const out = new Uint8Array(3 + gcm.plaintext.length + 16 + 2).fill(0xee);
      crypto.aes128Gcm(gcm.key).seal(gcm.nonce, gcm.aad, gcm.plaintext, out, 3);
      assert.equal(toHex(out), `eeeeee${gcm.sealed}eeee`);
    });

    it('opens what was sealed, time and again with one key', () => {
      const key = crypto.aes128Gcm(gcm.key);
      for (let round = 0; round < 3; round += 1) {
        assert.deepEqual(toHex(key.open(gcm.nonce, gcm.aad, hex(gcm.sealed))), toHex(gcm.plaintext));
      }
    });

    it('opens nothing of which a single bit was changed, in text, tag, nonce or additional data', () => {
      const key = crypto.aes128Gcm(gcm.key);
      const parts: Record<'nonce' | 'aad' | 'sealed', Uint8Array> = {
        nonce: gcm.nonce,
        aad: gcm.aad,
        sealed: hex(gcm.sealed),
      };
      for (const name of ['nonce', 'aad', 'sealed'] as const) {
        for (let bit = 0; bit < parts[name].length * 8; bit += 1) {
          const changed = parts[name].slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          const damaged = { ...parts };
          damaged[name] = changed;
          assert.equal(key.open(damaged.nonce, damaged.aad, damaged.sealed), undefined, `${name}, bit ${bit}`);
        }
      }
    });

    it('opens nothing that is cut short, even to less than a tag', () => {
      const key = crypto.aes128Gcm(gcm.key);
      const sealed = hex(gcm.sealed);
      for (let length = 0; length < sealed.length; length += 1) {
        assert.equal(key.open(gcm.nonce, gcm.aad, sealed.subarray(0, length)), undefined, String(length));
      }
    });

    it('keeps its key when the bytes it was made from are wiped', () => {
      const bytes = gcm.key.slice();
      const key = crypto.aes128Gcm(bytes);
      bytes.fill(0);
      assert.notEqual(key.open(gcm.nonce, gcm.aad, hex(gcm.sealed)), undefined);
    });
  });

  describe(`AES-128 of single blocks of ${way}`, options, () => {
    it('makes the mask of RFC 9001, appendix A.2', () => {
      const mask = crypto
        .aes128Block(hex('9f50449e04a0e810283a1e9933adedd2'))
        .encrypt(hex('d1b1c98dd7689fb8ec11d242b123dc9b'));
      assert.equal(toHex(mask)?.slice(0, 10), '437b9aec36');
      assert.equal(mask.length, 16);
    });

    it('gives the same for the same block whatever came between', () => {
      const cipher = crypto.aes128Block(new Uint8Array(16).fill(7));
      const block = new Uint8Array(16).fill(1);
      const first = toHex(cipher.encrypt(block));
      cipher.encrypt(new Uint8Array(16).fill(2));
      assert.equal(toHex(cipher.encrypt(block)), first);
    });
  });
}

describe('OpenSSL by node:ffi', { skip: ways.get('OpenSSL by node:ffi') === undefined && 'not to be had here' }, () => {
  const fast = ways.get('OpenSSL by node:ffi') ?? nodeLinkCrypto;

  it('seals and opens what node:crypto does, up to more than a datagram holds and with long additional data', () => {
    for (const [textBytes, aadBytes] of [
      [0, 0],
      [1, 13],
      [1472, 13],
      [65_536, 64],
      [65_537, 13],
      [100, 65],
    ] as const) {
      const text = nodeLinkCrypto.randomBytes(textBytes);
      const aad = nodeLinkCrypto.randomBytes(aadBytes);
      const [one, other] = [fast, nodeLinkCrypto].map((crypto) => {
        const out = new Uint8Array(textBytes + 16);
        crypto.aes128Gcm(gcm.key).seal(gcm.nonce, aad, text, out, 0);
        return out;
      });
      assert.deepEqual(one, other, `${textBytes} bytes`);
      assert.deepEqual(toHex(fast.aes128Gcm(gcm.key).open(gcm.nonce, aad, other!)), toHex(text));
    }
  });

  it('keeps keys apart that are used in turn', () => {
    const keys = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte));
    const ours = keys.map((key) => [fast.aes128Gcm(key), fast.aes128Block(key)] as const);
    for (let round = 0; round < 2; round += 1) {
      for (const [index, [aead, block]] of ours.entries()) {
        const out = new Uint8Array(4 + 16);
        aead.seal(gcm.nonce, gcm.aad, Uint8Array.of(1, 2, 3, 4), out, 0);
        const theirs = nodeLinkCrypto.aes128Gcm(keys[index]!);
        assert.deepEqual([...(theirs.open(gcm.nonce, gcm.aad, out) ?? [])], [1, 2, 3, 4]);
        const sample = gcm.plaintext.subarray(0, 16);
        assert.equal(toHex(block.encrypt(sample)), toHex(nodeLinkCrypto.aes128Block(keys[index]!).encrypt(sample)));
      }
    }
  });

  it('is not used where the program has no such functions, or they do not seal what node:crypto seals', () => {
    const missing = () => assert.fail('no such symbol');
    assert.equal(openSslCrypto({ dlopen: missing, getRawPointer: () => 0n }), undefined);
    const functions = new Proxy({}, { get: () => () => 1n });
    const lying = (() => ({ functions })) as never;
    assert.equal(openSslCrypto({ dlopen: lying, getRawPointer: () => 0n }), undefined);
  });
});

describe('HMAC with SHA-256', () => {
  it('is that of RFC 4231, test case 2', () => {
    const mac = nodeLinkCrypto.hmacSha256(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'));
    assert.equal(toHex(mac), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
});
