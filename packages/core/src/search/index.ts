export type { FoundMessage, SearchAsk, SearchIndex, SearchPage } from './port.ts';
export {
  matchesQuery,
  type Phrase,
  PREFIX_LENGTH_MIN,
  parseQuery,
  QUERY_LENGTH_MAX,
  QUERY_WORDS_MAX,
  type SearchQuery,
} from './query.ts';
export type { SearchRequest } from './searches.ts';
export { WORD_LENGTH_MAX, wordsOf } from './words.ts';
