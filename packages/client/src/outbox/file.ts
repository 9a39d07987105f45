import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ClientError } from '../errors.ts';
import { MemoryOutbox, type OutboxJournal } from './memory.ts';
import { OUTBOX_ENTRIES_MAX, OUTBOX_ID_BYTES, type Outbox, type OutboxEntry } from './outbox.ts';

export interface FileOutboxOptions {
  /** Folder for outboxes; made if it is missing, for its owner alone. */
  readonly folder: string;
  /** Whom the messages are for and from: one outbox for each pair. */
  readonly server: string;
  readonly user: string;
  readonly entriesMax?: number;
}

/** Programs of one user that may keep an outbox for one server at the same time; each has a file of its own. */
export const OUTBOX_FILES_MAX = 16;

/**
 * An outbox that outlives its process: a SQLite file, written before `add` returns (to the operating system: a killed
 * process loses nothing, a power failure may take the last messages), readable by its owner alone. A file belongs to one
 * process at a time; a second one gets the next file. So what one process left behind is sent by the next one that opens.
 * @throws {ClientError} OUTBOX_FAILED when the folder cannot be used, or too many processes have one
 */
export function openFileOutbox(options: FileOutboxOptions): Outbox {
  const { folder, server, user, entriesMax = OUTBOX_ENTRIES_MAX } = options;
  const name = createHash('sha256').update(`${server}\0${user}`).digest('hex').slice(0, 24);
  return explained(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (let place = 0; place < OUTBOX_FILES_MAX; place += 1) {
      const connection = claim(join(folder, `${name}-${place}.outbox`));
      if (connection !== undefined) return openClaimed(connection, folder, entriesMax);
    }
    throw new ClientError('OUTBOX_FAILED', `Cannot open an outbox in "${folder}": ${OUTBOX_FILES_MAX} are in use`);
  });
}

/** The file, locked until it is closed or the process ends; undefined when another process has it. */
function claim(file: string): DatabaseSync | undefined {
  createPrivate(file);
  const connection = new DatabaseSync(file, { timeout: 0 });
  try {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    connection.exec('BEGIN EXCLUSIVE; COMMIT');
    return connection;
  } catch (error) {
    connection.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE outbox (id BLOB NOT NULL, next_number INTEGER NOT NULL) STRICT;
  CREATE TABLE post (
    number INTEGER PRIMARY KEY,
    room TEXT NOT NULL,
    kind INTEGER NOT NULL,
    target INTEGER,
    body BLOB NOT NULL,
    failure_code TEXT,
    failure_text TEXT
  ) STRICT;
`;

interface PostRow {
  readonly number: number;
  readonly room: string;
  readonly kind: number;
  readonly target: number | null;
  readonly body: Uint8Array;
  readonly failure_code: string | null;
  readonly failure_text: string | null;
}

function openClaimed(connection: DatabaseSync, folder: string, entriesMax: number): Outbox {
  try {
    const { user_version: version } = connection.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version === 0) create(connection);
    else if (version !== SCHEMA_VERSION) {
      throw new ClientError('OUTBOX_FAILED', `Cannot use the outbox in "${folder}": it is of a newer confab`);
    }
    const head = connection.prepare('SELECT id, next_number FROM outbox').get() as unknown as {
      id: Uint8Array;
      next_number: number;
    };
    const rows = connection.prepare('SELECT * FROM post ORDER BY number').all() as unknown as PostRow[];
    return new MemoryOutbox({
      id: head.id,
      nextNumber: head.next_number,
      entries: rows.map(entryOf),
      entriesMax,
      journal: new SqliteJournal(connection, folder),
    });
  } catch (error) {
    connection.close();
    throw error;
  }
}

function create(connection: DatabaseSync): void {
  connection.exec('BEGIN');
  connection.exec(SCHEMA);
  connection.prepare('INSERT INTO outbox VALUES (?, 1)').run(randomBytes(OUTBOX_ID_BYTES));
  connection.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

function entryOf(row: PostRow): OutboxEntry {
  const { number, room, kind, target, body, failure_code: code, failure_text: text } = row;
  const failure = code === null ? undefined : { code, text: text ?? '' };
  const state = failure === undefined ? 'queued' : 'failed';
  return { number, room, kind, target: target ?? undefined, body, state, failure };
}

class SqliteJournal implements OutboxJournal {
  readonly #connection: DatabaseSync;
  readonly #folder: string;
  readonly #statements;

  constructor(connection: DatabaseSync, folder: string) {
    this.#connection = connection;
    this.#folder = folder;
    this.#statements = {
      // The number is given and spent in one statement each, so that no crash gives it twice.
      add: connection.prepare('INSERT INTO post (number, room, kind, target, body) VALUES (?, ?, ?, ?, ?)'),
      spend: connection.prepare('UPDATE outbox SET next_number = ?'),
      fail: connection.prepare('UPDATE post SET failure_code = ?, failure_text = ? WHERE number = ?'),
      remove: connection.prepare('DELETE FROM post WHERE number = ?'),
    };
  }

  add(...[number, post]: Parameters<OutboxJournal['add']>): void {
    explained(this.#folder, () => {
      this.#connection.exec('BEGIN');
      try {
        this.#statements.spend.run(number + 1);
        this.#statements.add.run(number, post.room, post.kind, post.target ?? null, post.body);
        this.#connection.exec('COMMIT');
      } catch (error) {
        if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  fail(...[number, { code, text }]: Parameters<OutboxJournal['fail']>): void {
    explained(this.#folder, () => this.#statements.fail.run(code, text, number));
  }

  remove(number: number): void {
    explained(this.#folder, () => this.#statements.remove.run(number));
  }

  close(): void {
    if (this.#connection.isOpen) this.#connection.close();
  }
}

function explained<Result>(folder: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof ClientError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ClientError('OUTBOX_FAILED', `Cannot use the outbox in "${folder}": ${reason}`, { cause: error });
  }
}

/** A file that exists is not opened: closing it again would drop this process's locks on it (POSIX). */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** SQLITE_BUSY; the low byte of an extended code is the primary one (https://sqlite.org/rescode.html). */
const PRIMARY_CODE_BUSY = 5;

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' && (code & 0xff) === PRIMARY_CODE_BUSY;
}
