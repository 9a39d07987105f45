/** Where a scan of a payload stands; `bare` is text that is neither a JSON string nor an object and so has no end of its own. */
type ScanState = 'before' | 'string' | 'object' | 'bare' | 'whole';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/**
 * Finds the end of a JSON string or object in a stream, looking at each byte once.
 *
 * It follows quotes, escapes and braces only. For well-formed JSON that is exact; other text may seem whole too early, and is
 * then refused by the JSON parser, which has the last word.
 */
export class JsonEndScanner {
  #state: ScanState = 'before';
  #isEscaped = false;
  #isInString = false;
  #depth = 0;

  /**
   * Go on with `bytes[start..end)`.
   * @returns index after the byte that made the value whole, or `undefined` when it is not whole yet
   */
  scan(bytes: Uint8Array, start: number, end: number): number | undefined {
    for (let index = start; index < end && this.#state !== 'bare'; index += 1) {
      this.#step(bytes[index]!);
      if (this.#state === 'whole') return index + 1;
    }
    return undefined;
  }

  #step(byte: number): void {
    if (this.#state === 'before') this.#begin(byte);
    else if (this.#isInString) this.#stepInString(byte);
    else if (byte === QUOTE) this.#isInString = true;
    else if (byte === BRACE_OPEN) this.#depth += 1;
    else if (byte === BRACE_CLOSE) {
      this.#depth -= 1;
      if (this.#depth === 0) this.#state = 'whole';
    }
  }

  #begin(byte: number): void {
    if (isJsonWhiteSpace(byte)) return;
    if (byte === QUOTE) {
      this.#state = 'string';
      this.#isInString = true;
    } else if (byte === BRACE_OPEN) {
      this.#state = 'object';
      this.#depth = 1;
    } else {
      this.#state = 'bare';
    }
  }

  #stepInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#isInString = false;
      if (this.#state === 'string') this.#state = 'whole';
    }
  }
}

/** Whether a JSON value is whole before the payload ends, so that a reader of the stream would never see the rest. */
export function isWholeBeforeEnd(payload: Uint8Array): boolean {
  const end = new JsonEndScanner().scan(payload, 0, payload.length);
  return end !== undefined && end < payload.length;
}

/** White space that JSON allows around a value (RFC 8259 §2): blank, tab, line feed, carriage return. */
export function isJsonWhiteSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
