import type { Aead, BlockCipher, LinkCrypto } from '@confab/wire/link';
import { nodeLinkCrypto } from './crypto.ts';

const KEY_BYTES = 16;
const NONCE_BYTES = 12;
const BLOCK_BYTES = 16;
const TAG_BYTES = 16;
/** Head of a packet, with room to spare; what is longer is left to `node:crypto`. */
const AAD_BYTES_MAX = 64;
/** Text of the largest datagram, and more. */
const TEXT_BYTES_MAX = 65_536;

/** `AES_KEY` of openssl/aes.h: 60 words of the key schedule, and the number of rounds. */
const SCHEDULE_BYTES = 61 * 4;
/** `OSSL_PARAM` of openssl/core.h: key, data type, data, size and returned size, each in 8 bytes; an empty one is the end. */
const PARAMETER_WORDS = 5;
/** `OSSL_CIPHER_PARAM_AEAD_TAG` with its end, and `OSSL_PARAM_OCTET_STRING`. */
const TAG_NAME = new TextEncoder().encode('tag\0');
const OCTET_STRING = 5n;
const NULL = 0n;

/** What is used of `node:ffi`. */
export type ForeignFunctions = Pick<typeof import('node:ffi'), 'dlopen' | 'getRawPointer'>;

/**
 * The same as {@link nodeLinkCrypto}, by calling the OpenSSL in this very program without `node:crypto` in between, which
 * makes an object for each packet: under half of its time (docs/adr/0014-openssl-calls.md). Undefined when it cannot be had, or
 * does not seal exactly what `node:crypto` seals.
 */
export function openSslCrypto(foreign: ForeignFunctions): LinkCrypto | undefined {
  try {
    const openSsl = new OpenSsl(foreign);
    const crypto: LinkCrypto = {
      ...nodeLinkCrypto,
      aes128Gcm: (key) => new GcmKey(openSsl, key),
      aes128Block: (key) => new EcbKey(openSsl, key),
    };
    return agrees(crypto) ? crypto : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it makes and takes what `node:crypto` does. */
function agrees(crypto: LinkCrypto): boolean {
  const bytes = (count: number): Uint8Array => nodeLinkCrypto.randomBytes(count);
  const [key, nonce, aad, text] = [bytes(KEY_BYTES), bytes(NONCE_BYTES), bytes(13), bytes(1000)];
  const sealed = (maker: LinkCrypto): Uint8Array => {
    const out = new Uint8Array(text.length + TAG_BYTES);
    maker.aes128Gcm(key).seal(nonce, aad, text, out, 0);
    return out;
  };
  const good = sealed(nodeLinkCrypto);
  const forged = good.slice();
  forged[0]! ^= 1;
  const opener = crypto.aes128Gcm(key);
  const block = text.subarray(0, BLOCK_BYTES);
  return (
    isEqual(sealed(crypto), good) &&
    isEqual(opener.open(nonce, aad, good), text) &&
    opener.open(nonce, aad, forged) === undefined &&
    isEqual(crypto.aes128Block(key).encrypt(block), nodeLinkCrypto.aes128Block(key).encrypt(block))
  );
}

function isEqual(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}

/**
 * The functions, and memory of their own that arguments are copied to and results from: OpenSSL is given no other, so that
 * nothing that JavaScript has can be moved under it.
 */
class OpenSsl {
  readonly #functions: ReturnType<typeof load>;
  /** Kept, so that the memory is. */
  readonly #memory = new ArrayBuffer(LAYOUT.end);
  readonly #at: { readonly [Name in keyof typeof LAYOUT]: bigint };
  readonly key = this.#view('key', KEY_BYTES);
  readonly nonce = this.#view('nonce', NONCE_BYTES);
  readonly aad = this.#view('aad', AAD_BYTES_MAX);
  readonly tag = this.#view('tag', TAG_BYTES);
  readonly text = this.#view('text', TEXT_BYTES_MAX);
  readonly out = this.#view('out', TEXT_BYTES_MAX + BLOCK_BYTES);
  readonly schedule = this.#view('schedule', SCHEDULE_BYTES);
  readonly #sealing: bigint;
  readonly #opening: bigint;

  constructor(foreign: ForeignFunctions) {
    this.#functions = load(foreign);
    const base = foreign.getRawPointer(this.#memory);
    const places = Object.entries(LAYOUT).map(([name, offset]) => [name, base + BigInt(offset)]);
    this.#at = Object.fromEntries(places) as { readonly [Name in keyof typeof LAYOUT]: bigint };
    this.#describeTag();
    const { EVP_aes_128_gcm } = this.#functions;
    this.#sealing = this.#context(EVP_aes_128_gcm(), 1);
    this.#opening = this.#context(EVP_aes_128_gcm(), 0);
  }

  /** Seal `textBytes` of `text` into `out` and `tag`, with `key`, `nonce` and `aadBytes` of `aad`. */
  seal(aadBytes: number, textBytes: number): void {
    const { key, nonce, aad, text, out, length, parameters } = this.#at;
    const { EVP_CipherInit_ex, EVP_CipherUpdate, EVP_CipherFinal_ex, EVP_CIPHER_CTX_get_params } = this.#functions;
    const context = this.#sealing;
    const isSealed =
      EVP_CipherInit_ex(context, NULL, NULL, key, nonce, 1) === 1 &&
      EVP_CipherUpdate(context, NULL, length, aad, aadBytes) === 1 &&
      EVP_CipherUpdate(context, out, length, text, textBytes) === 1 &&
      EVP_CipherFinal_ex(context, out, length) === 1 &&
      EVP_CIPHER_CTX_get_params(context, parameters) === 1;
    if (!isSealed) throw this.#failure('seal');
  }

  /** The reverse. @returns whether it authenticates: only then is `out` to be looked at */
  open(aadBytes: number, textBytes: number): boolean {
    const { key, nonce, aad, text, out, length, parameters } = this.#at;
    const { EVP_CipherInit_ex, EVP_CipherUpdate, EVP_CipherFinal_ex, EVP_CIPHER_CTX_set_params } = this.#functions;
    const context = this.#opening;
    const isOpen =
      EVP_CipherInit_ex(context, NULL, NULL, key, nonce, 0) === 1 &&
      EVP_CIPHER_CTX_set_params(context, parameters) === 1 &&
      EVP_CipherUpdate(context, NULL, length, aad, aadBytes) === 1 &&
      EVP_CipherUpdate(context, out, length, text, textBytes) === 1 &&
      EVP_CipherFinal_ex(context, out, length) === 1;
    // What it says of a forgery would be taken for a fault of the TLS connection that is looked at next.
    if (!isOpen) this.#functions.ERR_clear_error();
    return isOpen;
  }

  /** Expand `key` into `schedule`, for `encryptBlock`. */
  expandKey(): void {
    const { key, schedule } = this.#at;
    if (this.#functions.AES_set_encrypt_key(key, KEY_BYTES * 8, schedule) !== 0) throw this.#failure('take the key');
  }

  /** Encrypt the first block of `text` into `out` with `schedule`. */
  encryptBlock(): void {
    const { text, out, schedule } = this.#at;
    this.#functions.AES_encrypt(text, out, schedule);
  }

  /** The parameter that gives and takes `tag`: by name, in functions of two arguments. */
  #describeTag(): void {
    const { name, tag } = this.#at;
    this.#view('name', TAG_NAME.length).set(TAG_NAME);
    const words = new BigUint64Array(this.#memory, LAYOUT.parameters, 2 * PARAMETER_WORDS);
    words.set([name, OCTET_STRING, tag, BigInt(TAG_BYTES), 0n]);
  }

  #context(cipher: bigint, isEncrypting: 0 | 1): bigint {
    const { EVP_CIPHER_CTX_new, EVP_CipherInit_ex } = this.#functions;
    const context = EVP_CIPHER_CTX_new();
    if (context === NULL || EVP_CipherInit_ex(context, cipher, NULL, NULL, NULL, isEncrypting) !== 1)
      throw this.#failure('begin');
    return context;
  }

  #view(name: keyof typeof LAYOUT, bytes: number): Uint8Array {
    return new Uint8Array(this.#memory, LAYOUT[name], bytes);
  }

  #failure(what: string): Error {
    this.#functions.ERR_clear_error();
    return new Error(`OpenSSL cannot ${what}`);
  }
}

/** Offsets in the memory; the parameters are whole words. */
const LAYOUT = {
  key: 0,
  nonce: 16,
  tag: 32,
  length: 48,
  aad: 64,
  text: 128,
  out: 128 + TEXT_BYTES_MAX,
  schedule: 128 + 2 * TEXT_BYTES_MAX + BLOCK_BYTES,
  parameters: 400 + 2 * TEXT_BYTES_MAX,
  name: 480 + 2 * TEXT_BYTES_MAX,
  end: 488 + 2 * TEXT_BYTES_MAX,
} as const;

/**
 * Out of what the program has loaded already. Functions of at most three arguments take a tenth of the time of others
 * (docs/adr/0014-openssl-calls.md).
 * @throws {Error} one of them is not there
 */
function load(foreign: ForeignFunctions) {
  return foreign.dlopen(null, {
    EVP_CIPHER_CTX_new: { arguments: [], return: 'pointer' },
    EVP_CIPHER_CTX_get_params: { arguments: ['pointer', 'pointer'], return: 'i32' },
    EVP_CIPHER_CTX_set_params: { arguments: ['pointer', 'pointer'], return: 'i32' },
    EVP_aes_128_gcm: { arguments: [], return: 'pointer' },
    EVP_CipherInit_ex: { arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer', 'i32'], return: 'i32' },
    EVP_CipherUpdate: { arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'i32'], return: 'i32' },
    EVP_CipherFinal_ex: { arguments: ['pointer', 'pointer', 'pointer'], return: 'i32' },
    ERR_clear_error: { arguments: [], return: 'void' },
    AES_set_encrypt_key: { arguments: ['pointer', 'i32', 'pointer'], return: 'i32' },
    AES_encrypt: { arguments: ['pointer', 'pointer', 'pointer'], return: 'void' },
  }).functions;
}

class GcmKey implements Aead {
  readonly #openSsl: OpenSsl;
  readonly #key: Uint8Array;

  constructor(openSsl: OpenSsl, key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`A key of ${key.length} bytes is not ${KEY_BYTES}`);
    this.#openSsl = openSsl;
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array, outOffset: number): void {
    if (!fits(nonce, aad, plaintext.length)) {
      nodeLinkCrypto.aes128Gcm(this.#key).seal(nonce, aad, plaintext, out, outOffset);
      return;
    }
    const openSsl = this.#openSsl;
    openSsl.key.set(this.#key);
    openSsl.nonce.set(nonce);
    openSsl.aad.set(aad);
    openSsl.text.set(plaintext);
    openSsl.seal(aad.length, plaintext.length);
    out.set(openSsl.out.subarray(0, plaintext.length), outOffset);
    out.set(openSsl.tag, outOffset + plaintext.length);
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const textBytes = sealed.length - TAG_BYTES;
    if (textBytes < 0) return undefined;
    if (!fits(nonce, aad, textBytes)) return nodeLinkCrypto.aes128Gcm(this.#key).open(nonce, aad, sealed);
    const openSsl = this.#openSsl;
    openSsl.key.set(this.#key);
    openSsl.nonce.set(nonce);
    openSsl.aad.set(aad);
    openSsl.text.set(sealed.subarray(0, textBytes));
    openSsl.tag.set(sealed.subarray(textBytes));
    return openSsl.open(aad.length, textBytes) ? openSsl.out.slice(0, textBytes) : undefined;
  }
}

function fits(nonce: Uint8Array, aad: Uint8Array, textBytes: number): boolean {
  return nonce.length === NONCE_BYTES && aad.length <= AAD_BYTES_MAX && textBytes <= TEXT_BYTES_MAX;
}

class EcbKey implements BlockCipher {
  readonly #openSsl: OpenSsl;
  /** The expanded key. */
  readonly #schedule: Uint8Array;
  readonly #result = new Uint8Array(BLOCK_BYTES);

  constructor(openSsl: OpenSsl, key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`A key of ${key.length} bytes is not ${KEY_BYTES}`);
    this.#openSsl = openSsl;
    openSsl.key.set(key);
    openSsl.expandKey();
    this.#schedule = openSsl.schedule.slice();
  }

  encrypt(block: Uint8Array): Uint8Array {
    const openSsl = this.#openSsl;
    openSsl.text.set(block.length === BLOCK_BYTES ? block : block.subarray(0, BLOCK_BYTES));
    openSsl.schedule.set(this.#schedule);
    openSsl.encryptBlock();
    for (let index = 0; index < BLOCK_BYTES; index += 1) this.#result[index] = openSsl.out[index]!;
    return this.#result;
  }
}
