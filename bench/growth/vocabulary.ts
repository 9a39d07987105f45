/** Different words that are said, the commonest first: as often as in what people write, the n-th about 1/n as often as the first. */
const WORDS = 50_000;
const MESSAGE_WORDS = 10;
/** Every so-manieth message holds a word that no other one does. */
export const MARK_EVERY = 1000;

const SYLLABLES = [
  'ka',
  'to',
  'mi',
  're',
  'su',
  'no',
  'la',
  'ven',
  'dor',
  'pel',
  'qui',
  'sha',
  'gor',
  'bex',
  'tum',
  'zil',
];

/** Says things that nobody means, the same for the same seed. */
export interface Chatter {
  message(seq: number): string;
  /** A word of a rank in this range. */
  word(fromRank: number, toRank: number): string;
  /** A word that one of so many messages holds. */
  mark(messages: number): string;
  /** A whole number below this. */
  number(max: number): number;
}

const words = Array.from({ length: WORDS }, (_, rank) => spell(rank));

export function chatter(seed: number): Chatter {
  // xorshift32 (Marsaglia 2003); never 0.
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const number = (max: number): number => Math.floor(random() * max);
  return {
    message: (seq) => {
      const said = Array.from({ length: MESSAGE_WORDS }, () => words[Math.floor(WORDS ** random()) - 1]);
      if (seq % MARK_EVERY === 0) said.push(markOf(seq));
      return said.join(' ');
    },
    word: (fromRank, toRank) => words[fromRank + number(toRank - fromRank)]!,
    mark: (messages) => markOf(MARK_EVERY * (1 + number(Math.floor(messages / MARK_EVERY)))),
    number,
  };
}

function markOf(seq: number): string {
  return `mark${seq}`;
}

/** Ranks in base 16, a syllable a digit: words of several lengths, many of which begin alike. */
function spell(rank: number): string {
  const digits = (rank + 16).toString(16);
  return [...digits].map((digit) => SYLLABLES[Number.parseInt(digit, 16)]).join('');
}
