import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { storeFailed } from '../failure.ts';
import { JOURNAL_FILE, JOURNAL_TAKEN_FILE } from './options.ts';

/*
 * Batches of events that were acknowledged and are on their way into the database. Batch after batch from the beginning of
 * the file, in the order in which they were committed; all numbers little-endian:
 *
 *    0   u32: length of the records, 0 where the journal ends
 *    4   u32: CRC-32 of the records, begun with their length
 *    8   records of the events (event-codec.ts)
 *
 * What was half written when the process died has a wrong checksum: nobody was told that it was committed.
 */

const HEAD_BYTES = 8;
const SCRATCH_BYTES = 64 * 1024;
const CHUNK_BYTES = 64 * 1024;
const END = new Uint8Array(HEAD_BYTES);

/**
 * The journal of the process that has the data folder. A write is in the operating system when `append` returns, so that it
 * outlives the process like a commit in the database with `synchronous = normal`, but in microseconds and on the caller's
 * own thread. See docs/adr/0018.
 */
export class Journal {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #inode: number;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  #bytes = 0;
  #isClosed = false;

  /** In place of one that was there. @throws what the file system does */
  constructor(directory: string) {
    this.#file = join(directory, JOURNAL_FILE);
    rmSync(this.#file, { force: true });
    this.#descriptor = openSync(this.#file, 'wx', 0o600);
    this.#inode = fstatSync(this.#descriptor).ino;
  }

  /** What has been written since the beginning. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it is still the data folder's: not when another process has taken the folder, or the file was removed. */
  get isOurs(): boolean {
    return statSync(this.#file, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** @throws what the file system does, and STORE_FAILED when it takes only a part; then nothing was added */
  append(records: Uint8Array): void {
    // With a head of zeros behind it: the next batch's place, and the end until it comes.
    const length = HEAD_BYTES + records.length + HEAD_BYTES;
    const bytes = length <= SCRATCH_BYTES ? this.#scratch : new Uint8Array(length);
    putNumber(bytes, 0, records.length);
    putNumber(bytes, 4, checksum(records));
    bytes.set(records, HEAD_BYTES);
    bytes.fill(0, length - HEAD_BYTES, length);
    try {
      const written = writeSync(this.#descriptor, bytes, 0, length, this.#bytes);
      if (written < length) throw storeFailed(`The journal took ${written} of ${length} bytes`);
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#bytes += length - HEAD_BYTES;
  }

  /** Begin anew: the database has all of it. @throws what the file system does */
  rewind(): void {
    if (this.#bytes === 0) return;
    writeSync(this.#descriptor, END, 0, HEAD_BYTES, 0);
    this.#bytes = 0;
  }

  /** Harmless when it is closed already. @param isDone the database has all of it: the file goes */
  close(isDone: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (isDone && this.isOurs) rmSync(this.#file, { force: true });
    closeSync(this.#descriptor);
  }

  /** Nothing of what could not be written is to be read. */
  #end(): void {
    try {
      writeSync(this.#descriptor, END, 0, HEAD_BYTES, this.#bytes);
    } catch {
      // Then not even its head is there.
    }
  }
}

/**
 * Go through what killed servers left behind, oldest batch first, and remove it. A journal is put aside first: a process that
 * still writes to it, since it does not know that it lost the folder, finds out with its next batch.
 * @param take takes over a batch; false: the batches that follow do not matter either
 */
export function takeJournals(directory: string, take: (records: Uint8Array) => boolean): void {
  const file = join(directory, JOURNAL_FILE);
  const taken = join(directory, JOURNAL_TAKEN_FILE);
  takeFile(taken, take);
  if (!existsSync(file)) return;
  renameSync(file, taken);
  takeFile(taken, take);
}

/**
 * The batches of a data folder's journals, oldest first: what the database lacks is among them. One that is put aside meanwhile may
 * be there twice.
 */
export function readJournals(directory: string): Uint8Array[] {
  // Read in this order: a file that is renamed between two reads is found by one of them.
  const newest = readJournal(join(directory, JOURNAL_FILE));
  return [...readJournal(join(directory, JOURNAL_TAKEN_FILE)), ...newest];
}

function takeFile(file: string, take: (records: Uint8Array) => boolean): void {
  readJournal(file).every(take);
  rmSync(file, { force: true });
}

/** The batches of a journal, oldest first, each as it was given to `append`. None when there is no such file. */
export function readJournal(file: string): Uint8Array[] {
  const batches: Uint8Array[] = [];
  const descriptor = openIfThere(file);
  if (descriptor === undefined) return batches;
  try {
    const reader = new ForwardReader(descriptor);
    for (;;) {
      const head = reader.take(HEAD_BYTES);
      if (head === undefined) return batches;
      const length = getNumber(head, 0);
      const expected = getNumber(head, 4);
      const records = length === 0 ? undefined : reader.take(length);
      if (records === undefined || checksum(records) !== expected) return batches;
      batches.push(records);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** From the beginning of a file to where it ended at first, a chunk at a time. */
class ForwardReader {
  readonly #descriptor: number;
  #left: number;
  #chunk = new Uint8Array(0);
  #at = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#left = fstatSync(descriptor).size;
  }

  /** The next bytes, in a buffer of their own; undefined when there are not so many. */
  take(length: number): Uint8Array | undefined {
    for (let ahead = this.#chunk.length - this.#at; ahead < length; ahead = this.#chunk.length - this.#at) {
      if (length - ahead > this.#left) return undefined;
      const next = new Uint8Array(Math.min(this.#left, Math.max(CHUNK_BYTES, length - ahead)));
      const read = readSync(this.#descriptor, next, 0, next.length, null);
      if (read === 0) return undefined;
      this.#left -= read;
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), next.subarray(0, read)]);
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += length;
    return this.#chunk.slice(start, this.#at);
  }
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function checksum(records: Uint8Array): number {
  return crc32(records, records.length);
}

function putNumber(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function getNumber(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
