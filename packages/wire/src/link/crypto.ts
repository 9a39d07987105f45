/** What the packets of link need of cryptography, supplied from outside: this package has no dependency. */
export interface LinkCrypto {
  /** `count` bytes from a CSPRNG. */
  randomBytes(count: number): Uint8Array;
  /** HMAC with SHA-256 (RFC 2104): 32 bytes. What HKDF is made of. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** An AES-128-GCM key, 16 bytes, ready for use. */
  aes128Gcm(key: Uint8Array): Aead;
  /** AES-128 of single blocks in ECB mode, for header protection (RFC 9001 §5.4.3). */
  aes128Block(key: Uint8Array): BlockCipher;
}

/** Authenticated encryption with one key; nonces are 12 bytes and never used twice, tags are 16 bytes. */
export interface Aead {
  /** Write sealed bytes and tag (`plaintext.length + 16` bytes) to `out` from `outOffset`. */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array, outOffset: number): void;
  /** The plaintext, or undefined when it does not authenticate. `sealed` ends with the tag. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

export interface BlockCipher {
  /** 16 bytes in, 16 bytes out; the result is valid until the next call. */
  encrypt(block: Uint8Array): Uint8Array;
}
