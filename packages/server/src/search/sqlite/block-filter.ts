import type { Phrase, SearchQuery } from '@confab/core';
import { type IndexDatabase, STRETCH_BLOCKS } from './index-database.ts';

/** Words that begin so and are looked at to learn in which blocks they are; when there are more, they count as everywhere. */
export const BEGINNING_WORDS_MAX = 1024;
/** All blocks of a stretch, as operators on bits give it. */
const ALL = -1;

/** Tells which blocks of a room may hold what is searched for, so that the others need not be looked into. */
export class BlockFilter {
  readonly #index: IndexDatabase;
  readonly #roomId: number;
  readonly #query: SearchQuery;
  readonly #listedBlocks: number;
  #stretch: number | undefined;
  #blocks = 0;

  /** @param listedBlocks blocks of the room that are listed; of the others nothing is known */
  constructor(index: IndexDatabase, roomId: number, query: SearchQuery, listedBlocks: number) {
    this.#index = index;
    this.#roomId = roomId;
    this.#query = query;
    this.#listedBlocks = listedBlocks;
  }

  /** False: no message of the block is found. */
  mayHold(block: number): boolean {
    if (block >= this.#listedBlocks) return true;
    const stretch = Math.floor(block / STRETCH_BLOCKS);
    if (stretch !== this.#stretch) {
      this.#stretch = stretch;
      this.#blocks = this.#blocksOf(stretch);
    }
    return ((this.#blocks >>> (block % STRETCH_BLOCKS)) & 1) === 1;
  }

  /** Those that hold every word, a bit each. */
  #blocksOf(stretch: number): number {
    let blocks = ALL;
    for (const phrase of this.#query) {
      blocks &= this.#blocksOfPhrase(stretch, phrase);
      if (blocks === 0) break;
    }
    return blocks;
  }

  #blocksOfPhrase(stretch: number, { words, isPrefix }: Phrase): number {
    let blocks = ALL;
    for (const [index, word] of words.entries()) {
      blocks &=
        isPrefix && index === words.length - 1
          ? this.#blocksOfBeginning(stretch, word)
          : this.#blocksOfWord(stretch, word);
    }
    return blocks;
  }

  #blocksOfWord(stretch: number, word: string): number {
    return Number(this.#index.blocksOf.get(this.#roomId, stretch, word)?.[0] ?? 0);
  }

  #blocksOfBeginning(stretch: number, word: string): number {
    let blocks = 0;
    let left = BEGINNING_WORDS_MAX;
    for (const [of] of this.#index.blocksOfBeginning.iterate(this.#roomId, stretch, word)) {
      blocks |= of as number;
      left -= 1;
      if (blocks === ALL || left === 0) return ALL;
    }
    return blocks;
  }
}
