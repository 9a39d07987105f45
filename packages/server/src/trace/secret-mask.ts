/** Members of JSON objects whose values nobody is to see. */
const secretKeys: ReadonlySet<string> = new Set(['password', 'token']);
/** Longest of them in JSON, with every character as `\uXXXX`: 8 × 6 bytes. */
const KEY_BYTES_MAX = 48;
const STAR = 0x2a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Puts `*` in place of each byte of passwords and tokens in JSON text, so that offsets and lengths stay what they are. Keeps
 * its place from one chunk of a stream to the next, whatever lies between the JSON texts: it looks at what stands between
 * two quotation marks, and when that is a secret key with a colon and a string behind it, that string is masked.
 */
export class SecretMask {
  /** *text*: anything. *key*: behind a secret key. *colon*: behind its colon. *value*: in its string; *escape*: behind a `\`. */
  #state: 'text' | 'key' | 'colon' | 'value' | 'escape' = 'text';
  /** The bytes since the last quotation mark, until they are too many for a key. */
  #word = '';

  /** The chunk, or a masked copy of it. */
  apply(chunk: Uint8Array): Uint8Array {
    let masked: Uint8Array | undefined;
    for (let index = 0; index < chunk.length; index += 1) {
      if (!this.#isSecret(chunk[index]!)) continue;
      masked ??= new Uint8Array(chunk);
      masked[index] = STAR;
    }
    return masked ?? chunk;
  }

  #isSecret(byte: number): boolean {
    switch (this.#state) {
      case 'value':
        if (byte === QUOTE) this.#beginWord();
        else if (byte === BACKSLASH) this.#state = 'escape';
        return byte !== QUOTE;
      case 'escape':
        this.#state = 'value';
        return true;
      case 'key':
      case 'colon':
        if (isBlank(byte)) return false;
        if (this.#state === 'key' && byte === COLON) this.#state = 'colon';
        else if (this.#state === 'colon' && byte === QUOTE) this.#state = 'value';
        else {
          this.#beginWord();
          this.#read(byte);
        }
        return false;
      case 'text':
        this.#read(byte);
        return false;
    }
  }

  #read(byte: number): void {
    if (byte === QUOTE) {
      const isKey = isSecretKey(this.#word);
      this.#beginWord();
      if (isKey) this.#state = 'key';
    } else if (this.#word.length <= KEY_BYTES_MAX) {
      this.#word += String.fromCharCode(byte);
    }
  }

  #beginWord(): void {
    this.#state = 'text';
    this.#word = '';
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function isSecretKey(word: string): boolean {
  if (!word.includes('\\')) return secretKeys.has(word);
  try {
    return secretKeys.has(JSON.parse(`"${word}"`) as string);
  } catch {
    return false;
  }
}

/**
 * Likewise for lines of the form `Name: value`, of which `Confab-Token` is secret (docs/wires/bridge.md); its name in any
 * letter case, whatever blanks there are.
 */
export class LineMask {
  /** What stands before the colon, as far as it can matter. */
  #name = '';
  #isValue = false;

  apply(chunk: Uint8Array): Uint8Array {
    let masked: Uint8Array | undefined;
    for (let index = 0; index < chunk.length; index += 1) {
      if (!this.#isSecret(chunk[index]!)) continue;
      masked ??= new Uint8Array(chunk);
      masked[index] = STAR;
    }
    return masked ?? chunk;
  }

  #isSecret(byte: number): boolean {
    if (byte === 0x0a || byte === 0x0d) {
      this.#name = '';
      this.#isValue = false;
      return false;
    }
    if (this.#isValue) return !isBlank(byte) && this.#name === SECRET_LINE;
    if (byte === COLON) this.#isValue = true;
    else if (!isBlank(byte) && this.#name.length <= SECRET_LINE.length) {
      this.#name += String.fromCharCode(byte).toLowerCase();
    }
    return false;
  }
}

const SECRET_LINE = 'confab-token';

/** The tokens that TCRP gives out, wherever they stand: `token_` and 32 hexadecimal digits, or 64 of them. */
const tokens = /token_[0-9a-f]{32}|[0-9a-f]{64}/g;

/** Mask what looks like a token of the hybrid wire, for where no field says that it is one (a text, a broken datagram). */
export function maskTokens(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  if (text.search(tokens) < 0) return bytes;
  return Buffer.from(
    text.replace(tokens, (token) => '*'.repeat(token.length)),
    'latin1',
  );
}

/** Mask the token of a UCRP request, in either layout, also of one that is cut short. */
export function maskUcrpToken(datagram: Uint8Array): Uint8Array {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  let start: number;
  let length: number;
  if (datagram.length >= 4 && view.getUint16(0) === 0) {
    start = 8 + view.getUint32(0);
    if (start > datagram.length) return datagram;
    length = view.getUint32(start - 4);
  } else {
    if (datagram.length < 2) return datagram;
    start = 2 + datagram[0]!;
    length = datagram[1]!;
  }
  if (start >= datagram.length || length === 0) return datagram;
  return new Uint8Array(datagram).fill(STAR, start, Math.min(start + length, datagram.length));
}
