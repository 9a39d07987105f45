import { addBlockWords, BLOCK_EVENTS, type IndexDatabase, wordPrefix } from './index-database.ts';

/** Words that are listed in one transaction. */
const SLICE_WORDS = 1024;

/**
 * Writes down which words are in which blocks, of blocks in which all events are indexed. The others are few, at most one of each room,
 * and are looked into whatever is searched for. A block whose listing was cut short is listed again from its beginning.
 */
export class BlockLister {
  readonly #index: IndexDatabase;
  /** Blocks of each room that are listed, counted from the oldest. */
  readonly #listed = new Map<number, number>();
  /** Rooms with more blocks to list, and how many they are then. */
  readonly #due = new Map<number, number>();
  /** What is being listed, and the last word that is. */
  #at: { readonly roomId: number; readonly word: string } | undefined;

  constructor(index: IndexDatabase) {
    this.#index = index;
  }

  get isIdle(): boolean {
    return this.#due.size === 0;
  }

  /** Blocks of a room that are listed, from the oldest on. */
  listedBlocks(roomId: number): number {
    return this.#listed.get(roomId) ?? 0;
  }

  /** As was found at the start. */
  restore(roomId: number, listedBlocks: number): void {
    this.#listed.set(roomId, listedBlocks);
  }

  /** All events up to this one are indexed, and that is committed. */
  grew(roomId: number, seq: number): void {
    const blocks = Math.floor((seq + 1) / BLOCK_EVENTS);
    if (blocks > this.listedBlocks(roomId)) this.#due.set(roomId, blocks);
  }

  /** The room is, or will be, indexed anew or not at all. */
  forget(roomId: number): void {
    this.#listed.delete(roomId);
    this.#due.delete(roomId);
    if (this.#at?.roomId === roomId) this.#at = undefined;
  }

  /** List some words. Nothing to do: harmless. */
  step(): void {
    const [due] = this.#due;
    if (due === undefined) return;
    const [roomId, blocks] = due;
    const block = this.listedBlocks(roomId);
    const from = this.#at?.roomId === roomId ? this.#at.word : '';
    const { database, wordsAfter, putListedBlocks } = this.#index;
    const words = database.transaction(() => {
      const words = wordsAfter.all(wordPrefix(roomId, block), from, SLICE_WORDS).map(([word]) => word as string);
      addBlockWords(this.#index, roomId, block, words);
      if (words.length < SLICE_WORDS) putListedBlocks(roomId, block + 1);
      return words;
    });
    // Only what is committed counts.
    if (words.length === SLICE_WORDS) {
      this.#at = { roomId, word: words[SLICE_WORDS - 1]! };
      return;
    }
    this.#at = undefined;
    this.#listed.set(roomId, block + 1);
    if (block + 1 >= blocks) this.#due.delete(roomId);
  }
}
