/** Where something stands in a file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Where the keys of a configuration file stand, by dotted path. The parsers say what a file holds but not where, and a
 * problem is mended sooner when its place is named. The text has been parsed already, so what a scan does not understand is
 * left out and nobody is misled: the problem is then told without its place.
 */
export function locateKeys(text: string, format: 'toml' | 'json'): ReadonlyMap<string, Position> {
  const scan = new Scan(text);
  try {
    if (format === 'json') scan.jsonValue([]);
    else scan.toml();
  } catch (error) {
    if (!(error instanceof ScanEnd)) throw error;
  }
  return scan.found;
}

/** Where a JSON text stops being JSON; undefined when it is JSON, or the scan saw nothing wrong. */
export function locateJsonFault(text: string): Position | undefined {
  const scan = new Scan(text);
  try {
    scan.jsonValue([]);
    scan.blanks();
    return scan.isAtEnd ? undefined : scan.position;
  } catch (error) {
    if (error instanceof ScanEnd) return scan.position;
    throw error;
  }
}

/** The scan met something that it does not understand. */
class ScanEnd extends Error {}

/** Nesting that is looked into; deeper than any setting. */
const DEPTH_MAX = 16;

class Scan {
  readonly found = new Map<string, Position>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  get position(): Position {
    const before = this.#text.slice(0, this.#at).split('\n');
    return { line: before.length, column: before.at(-1)!.length + 1 };
  }

  blanks(): void {
    this.#match(/\s*/y);
  }

  jsonValue(path: readonly string[]): void {
    if (path.length > DEPTH_MAX) throw new ScanEnd();
    this.blanks();
    if (this.#take('{')) {
      this.blanks();
      if (this.#take('}')) return;
      do {
        this.blanks();
        const start = this.position;
        const key = JSON.parse(this.#need(/"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*"/iy)) as string;
        const here = [...path, key];
        this.#note(here, start);
        this.#need(/\s*:/y);
        this.jsonValue(here);
        this.blanks();
      } while (this.#take(','));
      this.#need(/\}/y);
    } else if (this.#take('[')) {
      this.blanks();
      if (this.#take(']')) return;
      do {
        this.jsonValue([...path, '[]']);
        this.blanks();
      } while (this.#take(','));
      this.#need(/\]/y);
    } else {
      this.#need(
        /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y,
      );
    }
  }

  toml(): void {
    let table: readonly string[] = [];
    for (;;) {
      this.#tomlBlanks();
      if (this.isAtEnd) return;
      if (this.#match(/\[\[?[ \t]*/y) !== undefined) {
        const start = this.position;
        table = this.#tomlKey();
        this.#note(table, start);
        this.#need(/[ \t]*\]\]?/y);
      } else {
        this.#tomlPair(table);
      }
    }
  }

  #tomlPair(table: readonly string[]): void {
    const start = this.position;
    const path = [...table, ...this.#tomlKey()];
    this.#note(path, start);
    this.#need(/[ \t]*=[ \t]*/y);
    this.#tomlValue(path);
  }

  #tomlKey(): string[] {
    const parts: string[] = [];
    do {
      const part = this.#need(/[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*/y).trim();
      if (part.startsWith('"')) parts.push(unquoted(part));
      else parts.push(part.startsWith("'") ? part.slice(1, -1) : part);
    } while (this.#take('.'));
    return parts;
  }

  #tomlValue(path: readonly string[]): void {
    if (path.length > DEPTH_MAX) throw new ScanEnd();
    if (this.#take('{')) {
      this.#tomlBlanks();
      if (this.#take('}')) return;
      do {
        this.#tomlBlanks();
        if (this.#text[this.#at] === '}') break;
        this.#tomlPair(path);
        this.#tomlBlanks();
      } while (this.#take(','));
      this.#need(/\}/y);
    } else if (this.#take('[')) {
      do {
        this.#tomlBlanks();
        if (this.#text[this.#at] === ']') break;
        this.#tomlValue([...path, '[]']);
        this.#tomlBlanks();
      } while (this.#take(','));
      this.#need(/\]/y);
    } else {
      this.#need(
        /"""(?:[^\\]|\\[\s\S])*?"""(?!"(?!""))|'''[\s\S]*?'''(?!'(?!''))|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,#"'[\]{}][^\n,#\]}]*/y,
      );
    }
  }

  /** White space, line ends and comments. */
  #tomlBlanks(): void {
    this.#match(/(?:\s+|#[^\n]*)*/y);
  }

  #note(path: readonly string[], position: Position): void {
    const name = path.join('.');
    if (!this.found.has(name)) this.found.set(name, position);
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #need(pattern: RegExp): string {
    const text = this.#match(pattern);
    if (text === undefined) throw new ScanEnd();
    return text;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match[0];
  }
}

function unquoted(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}
