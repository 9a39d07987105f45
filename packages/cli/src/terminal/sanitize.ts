/**
 * Text that came off the network, made fit for a terminal. It may hold anything: sequences that move the cursor, retitle
 * the window, write the clipboard, or turn the reading order around. None of that reaches the screen.
 */

const ESC = '\x1b';

/**
 * Control sequences as ECMA-48 has them, in their 7-bit and 8-bit forms, each as far as it goes when it is cut short: CSI
 * (§5.4); the control strings DCS, OSC, APC, PM and SOS (§5.6) up to ST, or to the BEL that xterm takes for it; and plain
 * escape sequences.
 */
const sequences = new RegExp(
  [
    `(?:${ESC}\\[|\\x9b)[\\x30-\\x3f]*[\\x20-\\x2f]*[\\x40-\\x7e]`,
    `(?:${ESC}[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\n]*(?:\\x07|${ESC}\\\\|\\x9c)`,
    `${ESC}[\\x20-\\x2f]*[\\x30-\\x7e]`,
  ].join('|'),
  'g',
);

/** CR LF, CR, VT, FF, NEL and Unicode's own separators all begin a new line. */
const lineBreaks = /\r\n|[\r\v\f\x85\u2028\u2029]/g;
/** Embeddings, overrides and isolates (UAX #9 §2): they make text read otherwise than it is stored. */
const bidiControls = /[\u202a-\u202e\u2066-\u2069]/g;
/** What is left of C0, DEL and C1. */
const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g;

/** Blanks in place of a tab, whose width on the screen would depend on where it stands. */
const TAB = '    ';

/**
 * Lines of untrusted text, free of everything below U+0020, of C1, and of bidirectional controls. Sequences vanish; a
 * control character on its own shows as U+FFFD.
 */
export function sanitizeLines(text: string): string[] {
  return text
    .toWellFormed()
    .replace(lineBreaks, '\n')
    .replace(sequences, '')
    .replaceAll('\t', TAB)
    .replace(bidiControls, '')
    .replace(controls, '\ufffd')
    .split('\n');
}

/** Untrusted text on one line: line breaks become blanks. For names, notices and reasons. */
export function sanitizeLine(text: string): string {
  return sanitizeLines(text).join(' ').replace(/ {2,}/g, ' ').trim();
}

/** A user or room name; one that shows nothing at all is shown as `?`. */
export function sanitizeName(name: string): string {
  const line = sanitizeLine(name);
  return /[^\s\p{Cf}]/u.test(line) ? line : '?';
}

/** The beginning of untrusted text, for quoting it in an error: one line of at most `charactersMax` characters. */
export function excerpt(text: string, charactersMax = 40): string {
  const characters = [...sanitizeLine(text.slice(0, 16 * charactersMax))];
  const isWhole = characters.length <= charactersMax && text.length <= 16 * charactersMax;
  return isWhole ? characters.join('') : `${characters.slice(0, charactersMax - 1).join('')}…`;
}
