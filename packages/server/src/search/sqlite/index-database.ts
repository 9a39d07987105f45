import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Database, type SqlValue, type Statement } from '../../store/sqlite/database.ts';

/** The index, inside the data folder. May be deleted whenever the server is stopped: it is made again from the log. */
export const SEARCH_FILE = 'search.db';
/** Written into the file's header ("CNFS"). */
const APPLICATION_ID = 0x434e4653;
/** Raised whenever what is written changes, words.ts included: an index of another version is made again. */
const INDEX_VERSION = 2;

/** How long a statement waits for a stray writer, ms. */
const BUSY_TIMEOUT_MS = 5_000;
/** Database pages kept in memory, KiB. */
const CACHE_KIB = 16 * 1024;

/**
 * Consecutive sequence numbers whose words are kept apart from those of the others. A word that begins so is looked up by
 * going through all words that do, and all messages with them: within a block, they are no more than these.
 */
export const BLOCK_EVENTS = 2 ** 13;
/** Blocks for which one number tells in which of them a word is, a bit each. */
export const STRETCH_BLOCKS = 32;

/** Segments of one size that FTS5 merges at once, whoever waits; SegmentMerger does not let it come to that. */
const CRISIS_SEGMENTS = 256;

/**
 * - `words`: a row a message, by room and sequence number; the message itself stays in the log. Words stand with their room and
 *   block before them (`r_b_word`), so that no room's search goes through the words of another. All are folded already:
 *   what is left to the tokenizer is to part them at blanks.
 * - `block_words`: which of the listed blocks of a stretch a word is in, bit 0 for the oldest; or was, before an edit. So a search
 *   passes over blocks that have nothing for it.
 * - `cursors`: up to where each room's log is indexed, with what tells that event from another one of the same number; and how
 *   many of its blocks, from the oldest on, are listed in `block_words`.
 * - `edits`: where the newest text of an edited message is.
 */
const SCHEMA = `
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '_'");
INSERT INTO words (words, rank) VALUES ('automerge', 0), ('crisismerge', ${CRISIS_SEGMENTS});
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
CREATE TABLE block_words (
  room_id INTEGER NOT NULL,
  stretch INTEGER NOT NULL,
  word TEXT NOT NULL,
  blocks INTEGER NOT NULL,
  PRIMARY KEY (room_id, stretch, word)
) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (
  room_id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  position INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  listed_blocks INTEGER NOT NULL
) STRICT;
CREATE TABLE edits (
  room_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  edit_seq INTEGER NOT NULL,
  PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${INDEX_VERSION};
`;

/** The row of a message: unique, and within a room in the order of sequence numbers, which are below 2^32. */
const ROW = '(?1 << 32 | ?2)';

/** Comes after all words that begin alike: no word holds it. */
const HIGHEST = "'\u{10ffff}'";

type Write = (...values: SqlValue[]) => void;

export interface IndexDatabase {
  readonly database: Database;
  readonly cursors: Statement;
  /** Room, sequence number, position, time; the blocks that are listed stay so. */
  readonly putCursor: Write;
  /** Room, number of blocks. */
  readonly putListedBlocks: Write;
  readonly deleteCursor: Write;
  /** Room, sequence number, words. */
  readonly insertWords: Write;
  readonly deleteWords: Write;
  readonly hasWords: Statement;
  /** Room, first and last sequence number. */
  readonly deleteRange: Write;
  /** Room, first and last sequence number, FTS5's query, limit; newest first. */
  readonly find: Statement;
  /** Words of a block, in their order: what stands before them, the word after which to begin, a number of words. */
  readonly wordsAfter: Statement;
  /** Room, stretch, the bit of a block in it, words as a JSON array: a statement for each would cost more than what it does. */
  readonly addBlockWords: Write;
  /** Room, number of entries. */
  readonly deleteBlockWords: Statement;
  /** Room, stretch, word: in which blocks it is. */
  readonly blocksOf: Statement;
  /** Room, stretch, beginning: in which blocks words that begin so are, a row a word. */
  readonly blocksOfBeginning: Statement;
  /** An option or command of FTS5, and its value. */
  readonly setOption: Write;
  /** Rows that this connection has changed, those of FTS5's own tables too. */
  readonly totalChanges: () => number;
  /** In how many segments the words are. */
  readonly countSegments: () => number;
  readonly putEdit: Write;
  readonly deleteEdit: Write;
  readonly deleteEditRange: Write;
  readonly editOf: Statement;
}

/** Opens the index, or begins a new one in place of one that cannot be read or is of another version. */
export function openIndexDatabase(directory: string): IndexDatabase {
  const file = join(directory, SEARCH_FILE);
  try {
    const found = open(file);
    if (found !== undefined) return found;
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  removeIndex(directory);
  const made = open(file);
  if (made === undefined) throw new Error(`Cannot make "${file}"`);
  return made;
}

export function removeIndex(directory: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, SEARCH_FILE + suffix), { force: true });
}

/** Size of the index, bytes. */
export function indexBytes(directory: string): number {
  let bytes = 0;
  for (const suffix of ['', '-wal']) {
    bytes += statSync(join(directory, SEARCH_FILE + suffix), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, https://sqlite.org/rescode.html. */
const DAMAGE_CODES: ReadonlySet<number> = new Set([11, 26]);

/** Whether the file is broken, so that it has to be made again. */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  // The low byte of an extended result code is the primary one.
  return DAMAGE_CODES.has(error.errcode & 0xff);
}

/** Undefined: it is not ours, or of another version. */
function open(file: string): IndexDatabase | undefined {
  // What was said is in it as words: for the owner of the folder alone, as the log.
  closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    if (database.value('SELECT count(*) FROM sqlite_schema') === 0) {
      database.exec('PRAGMA journal_mode = WAL');
      database.transaction(() => database.exec(SCHEMA));
    }
    const isOurs = database.value('PRAGMA application_id') === APPLICATION_ID;
    if (!isOurs || database.value('PRAGMA user_version') !== INDEX_VERSION) {
      database.close();
      return undefined;
    }
    // What a power failure takes away is indexed again: the cursor went with it.
    database.exec(`PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB}`);
    return prepare(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: Database): IndexDatabase {
  // Not by `run`, which also tells the newest row id: FTS5's own are beyond 2^53, and it fails for that.
  const write = (sql: string): Write => {
    const statement = database.prepare(sql);
    return (...values) => void statement.all(...values);
  };
  const totalChanges = database.prepare('SELECT total_changes()');
  const segmentAfter = database.prepare('SELECT min(segid) FROM words_idx WHERE segid > ?');
  const nextSegment = (after: number): number | undefined => Number(segmentAfter.get(after)![0]) || undefined;
  return {
    database,
    cursors: database.prepare('SELECT room_id, seq, position, time_ms, listed_blocks FROM cursors'),
    putCursor: write(
      'INSERT INTO cursors (room_id, seq, position, time_ms, listed_blocks) VALUES (?, ?, ?, ?, 0) ' +
        'ON CONFLICT DO UPDATE SET seq = excluded.seq, position = excluded.position, time_ms = excluded.time_ms',
    ),
    putListedBlocks: write('UPDATE cursors SET listed_blocks = ?2 WHERE room_id = ?1'),
    deleteCursor: write('DELETE FROM cursors WHERE room_id = ?'),
    insertWords: write(`INSERT INTO words (rowid, text) VALUES (${ROW}, ?3)`),
    deleteWords: write(`DELETE FROM words WHERE rowid = ${ROW}`),
    hasWords: database.prepare(`SELECT 1 FROM words WHERE rowid = ${ROW}`),
    deleteRange: write('DELETE FROM words WHERE rowid BETWEEN (?1 << 32 | ?2) AND (?1 << 32 | ?3)'),
    find: database.prepare(
      'SELECT rowid & 0xffffffff FROM words WHERE words MATCH ?4 ' +
        'AND rowid BETWEEN (?1 << 32 | ?2) AND (?1 << 32 | ?3) ORDER BY rowid DESC LIMIT ?5',
    ),
    wordsAfter: database.prepare(
      'SELECT substr(term, length(?1) + 1) FROM vocabulary ' +
        `WHERE term > ?1 || ?2 AND term < ?1 || ${HIGHEST} ORDER BY term LIMIT ?3`,
    ),
    addBlockWords: write(
      'INSERT INTO block_words (room_id, stretch, word, blocks) SELECT ?1, ?2, value, ?3 FROM json_each(?4) WHERE true ' +
        'ON CONFLICT DO UPDATE SET blocks = blocks | excluded.blocks',
    ),
    deleteBlockWords: database.prepare(
      'DELETE FROM block_words WHERE (room_id, stretch, word) IN ' +
        '(SELECT room_id, stretch, word FROM block_words WHERE room_id = ? LIMIT ?) RETURNING 1',
    ),
    blocksOf: database.prepare('SELECT blocks FROM block_words WHERE room_id = ? AND stretch = ? AND word = ?'),
    blocksOfBeginning: database.prepare(
      'SELECT blocks FROM block_words ' +
        `WHERE room_id = ?1 AND stretch = ?2 AND word >= ?3 AND word < ?3 || ${HIGHEST}`,
    ),
    // Numbers are bound as floating ones, which FTS5 takes for none here.
    setOption: write('INSERT INTO words (words, rank) VALUES (?, CAST(? AS INTEGER))'),
    totalChanges: () => totalChanges.get()![0] as number,
    countSegments: () => {
      let count = 0;
      // One look for each, by the index: the table has a row a page.
      for (let last = nextSegment(0); last !== undefined; last = nextSegment(last)) count += 1;
      return count;
    },
    putEdit: write('INSERT OR REPLACE INTO edits (room_id, seq, edit_seq) VALUES (?, ?, ?)'),
    deleteEdit: write('DELETE FROM edits WHERE room_id = ? AND seq = ?'),
    deleteEditRange: write('DELETE FROM edits WHERE room_id = ? AND seq BETWEEN ? AND ?'),
    editOf: database.prepare('SELECT edit_seq FROM edits WHERE room_id = ? AND seq = ?'),
  };
}

/** Before each word of this block of the room. */
export function wordPrefix(roomId: number, block: number): string {
  return `${roomId.toString(36)}_${block.toString(36)}_`;
}

export function blockOf(seq: number): number {
  return Math.floor(seq / BLOCK_EVENTS);
}

/** Write down that words are in a block, at least until an edit takes them away. */
export function addBlockWords(index: IndexDatabase, roomId: number, block: number, words: readonly string[]): void {
  const bit = 2 ** (block % STRETCH_BLOCKS);
  index.addBlockWords(roomId, Math.floor(block / STRETCH_BLOCKS), bit, JSON.stringify(words));
}
