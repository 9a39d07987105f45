import { CoreError } from '../errors.ts';
import { wordsOf } from './words.ts';

/** Longest query, UTF-16 code units. */
export const QUERY_LENGTH_MAX = 256;
/** Words of a query, those in quotation marks too. */
export const QUERY_WORDS_MAX = 16;
/** Fewest letters before a `*`: with fewer, nearly every message would be found, and slowly. */
export const PREFIX_LENGTH_MIN = 2;

/** Words that follow each other in a message. Mostly one. */
export interface Phrase {
  /** As {@link wordsOf} gives them; at least one. */
  readonly words: readonly string[];
  /** Whether the last word need only begin so. */
  readonly isPrefix: boolean;
}

/** A message is found when all of them are in it. At least one. */
export type SearchQuery = readonly Phrase[];

/** What stands between blanks, or between quotation marks, with or without a star behind it. */
const PARTS = /"([^"]*)"(\*?)|([^\s"]+)/gu;

/**
 * What somebody typed: words, `"words that follow each other"`, and `begin*`. What holds no letter or digit says nothing, so
 * that of `well - yes` two words remain; `don't` is a phrase of two.
 * @throws {CoreError} QUERY_INVALID: too long, too many words, none at all, a quotation mark without its partner, or a
 *   beginning that is too short
 */
export function parseQuery(text: string): SearchQuery {
  if (text.length > QUERY_LENGTH_MAX) throw invalid(`${text.length} characters exceed ${QUERY_LENGTH_MAX}`);
  if (text.split('"').length % 2 === 0) throw invalid('a quotation mark has no partner');
  const phrases: Phrase[] = [];
  for (const [, quoted, star, bare = ''] of text.matchAll(PARTS)) {
    const words = wordsOf(quoted ?? bare);
    const isPrefix = quoted === undefined ? bare.endsWith('*') : star === '*';
    const last = words.at(-1);
    if (last === undefined) continue;
    // One letter of a script in which it may be a word is enough.
    if (isPrefix && last.length < PREFIX_LENGTH_MIN && last <= '\u007f') {
      throw invalid(`a word that goes on with * needs at least ${PREFIX_LENGTH_MIN} letters before it`);
    }
    phrases.push({ words, isPrefix });
  }
  const count = phrases.reduce((sum, { words }) => sum + words.length, 0);
  if (count === 0) throw invalid('it holds no word');
  if (count > QUERY_WORDS_MAX) throw invalid(`${count} words exceed ${QUERY_WORDS_MAX}`);
  return phrases;
}

/** Whether a message of these words, in their order, is found. What an index tells faster, and tells the same. */
export function matchesQuery(query: SearchQuery, words: readonly string[]): boolean {
  return query.every((phrase) => isPhraseIn(phrase, words));
}

function isPhraseIn({ words: wanted, isPrefix }: Phrase, words: readonly string[]): boolean {
  const last = wanted.length - 1;
  for (let start = 0; start + last < words.length; start += 1) {
    const isHere = wanted.every((word, index) => {
      const here = words[start + index]!;
      return isPrefix && index === last ? here.startsWith(word) : here === word;
    });
    if (isHere) return true;
  }
  return false;
}

function invalid(reason: string): CoreError {
  return new CoreError('QUERY_INVALID', `Cannot search: ${reason}`);
}
