import { EventKind, type RoomEvent } from '@confab/core';
import { wordsOfBody } from '../body-words.ts';
import { addBlockWords, blockOf, type IndexDatabase, wordPrefix } from './index-database.ts';

interface Row {
  /** The words of the message as it is now; undefined: it was withdrawn. */
  words: readonly string[] | undefined;
  /** Whether the index has another one in its place. */
  readonly isKnown: boolean;
  editSeq: number | undefined;
}

/** What some consecutive events of a room change in the index; put together first, since rows are written in order. */
export class RoomChanges {
  readonly #index: IndexDatabase;
  readonly #roomId: number;
  readonly #rows = new Map<number, Row>();

  constructor(index: IndexDatabase, roomId: number) {
    this.#index = index;
    this.#roomId = roomId;
  }

  add({ kind, seq, target, body }: RoomEvent): void {
    if (kind === EventKind.MESSAGE) {
      // Without words, too: it may get some.
      this.#rows.set(seq, { words: wordsOfBody(body), isKnown: false, editSeq: undefined });
      return;
    }
    if (target === undefined || (kind !== EventKind.EDIT && kind !== EventKind.DELETE)) return;
    const row = this.#rowOf(target);
    // No message, or withdrawn before.
    if (row?.words === undefined) return;
    row.words = kind === EventKind.EDIT ? wordsOfBody(body) : undefined;
    row.editSeq = kind === EventKind.EDIT ? seq : undefined;
  }

  /** Inside a transaction. */
  write(): void {
    const { insertWords, deleteWords, putEdit, deleteEdit } = this.#index;
    // In order of rows, or FTS5 makes a new segment at each step back.
    for (const [seq, { words, isKnown, editSeq }] of [...this.#rows].sort(([a], [b]) => a - b)) {
      if (isKnown) deleteWords(this.#roomId, seq);
      if (words !== undefined) insertWords(this.#roomId, seq, this.#textOf(seq, words));
      if (editSeq !== undefined) {
        putEdit(this.#roomId, seq, editSeq);
        this.#list(seq, editSeq, words!);
      } else if (isKnown) {
        deleteEdit(this.#roomId, seq);
      }
    }
  }

  #rowOf(seq: number): Row | undefined {
    const known = this.#rows.get(seq);
    if (known !== undefined) return known;
    if (this.#index.hasWords.get(this.#roomId, seq) === undefined) return undefined;
    const row: Row = { words: [], isKnown: true, editSeq: undefined };
    this.#rows.set(seq, row);
    return row;
  }

  #textOf(seq: number, words: readonly string[]): string {
    const prefix = wordPrefix(this.#roomId, blockOf(seq));
    let text = '';
    for (const word of words) text += `${prefix}${word} `;
    return text;
  }

  /** A block is listed when all of it is indexed: words that come into it by later events may be too late for that. */
  #list(seq: number, editSeq: number, words: readonly string[]): void {
    const block = blockOf(seq);
    if (blockOf(editSeq) === block) return;
    addBlockWords(this.#index, this.#roomId, block, words);
  }
}
