/** Characters kept of a line; far more than any message may have, so that what is cut is refused all the same. */
export const LINE_CHARACTERS_MAX = 131_072;

/**
 * Bytes of UTF-8 to lines, however they are split. Lines end with LF or CR LF; a byte order mark at the beginning is
 * dropped, ill-formed bytes become U+FFFD. Holds at most `LINE_CHARACTERS_MAX` characters of an unfinished line.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8');
  #rest = '';

  push(chunk: Uint8Array): string[] {
    return this.#split(this.#decoder.decode(chunk, { stream: true }));
  }

  /** The last line, if it has no end of its own. */
  end(): string[] {
    const lines = this.#split(this.#decoder.decode());
    if (this.#rest !== '') lines.push(withoutReturn(this.#rest));
    this.#rest = '';
    return lines;
  }

  #split(text: string): string[] {
    const parts = text.split('\n');
    parts[0] = this.#rest + parts[0]!;
    this.#rest = parts.pop()!.slice(0, LINE_CHARACTERS_MAX);
    return parts.map(withoutReturn);
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
