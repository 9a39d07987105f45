/**
 * Longest word that is told from others, UTF-16 code units: of longer ones the beginning counts, in what is searched and in
 * what is searched for.
 */
export const WORD_LENGTH_MAX = 64;

/** Marks that readers and writers leave out at will: combining accents, Hebrew points, Arabic vowel signs. */
const LOOSE_MARKS = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]/g;

/** Letters that Unicode does not take apart, though people write them with plain ones when they have no others. */
const PLAIN_LETTERS: ReadonlyMap<string, string> = new Map([
  ['ø', 'o'],
  ['ł', 'l'],
  ['đ', 'd'],
  ['ð', 'd'],
  ['þ', 'th'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ß', 'ss'],
  ['ı', 'i'],
  ['ς', 'σ'],
  ['ـ', ''],
]);
const WITH_PLAIN_LETTERS = new RegExp(`[${[...PLAIN_LETTERS.keys()].join('')}]`, 'g');

/**
 * Scripts that put no blanks between words (and Korean, which hangs particles on them): each character is a word of its own, and
 * what is searched for is found wherever its characters follow each other. Taking such texts apart by a dictionary would
 * lose words, since a dictionary divides a word by itself otherwise than in a sentence.
 */
const UNSPACED = '\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{sc=Thai}\\p{sc=Laoo}\\p{sc=Khmr}\\p{sc=Mymr}';
const WORDS = new RegExp(
  [
    `[[${UNSPACED}]&&[\\p{L}\\p{N}]]\\p{M}*`,
    '\\p{Extended_Pictographic}',
    `[[\\p{L}\\p{N}]--[${UNSPACED}]][[\\p{L}\\p{N}\\p{M}]--[${UNSPACED}]]*`,
  ].join('|'),
  'gv',
);
const ASCII_WORDS = /[a-z0-9]+/g;
const ASCII = /^[\u0000-\u007f]*$/;

/**
 * The words of a text in their order, as they are compared: without case, accents and the width of characters, of letters and
 * digits alone (`don't` is two words); an emoji is a word.
 */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  const found = ASCII.test(text) ? text.toLowerCase().match(ASCII_WORDS) : folded(text).match(WORDS);
  for (const word of found ?? []) words.push(word.length > WORD_LENGTH_MAX ? headOf(word) : word);
  return words;
}

function folded(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(LOOSE_MARKS, '')
    .replace(WITH_PLAIN_LETTERS, (letter) => PLAIN_LETTERS.get(letter)!)
    .normalize('NFC');
}

function headOf(word: string): string {
  const head = word.slice(0, WORD_LENGTH_MAX);
  return head.isWellFormed() ? head : head.slice(0, -1);
}
