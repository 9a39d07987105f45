import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

/** Largest private file that is read, bytes. */
export const PRIVATE_FILE_BYTES_MAX = 65_536;

/**
 * The text of a file that only its owner may read; undefined when there is none.
 * @throws {Error} when others may read or write it, it is too large, or the system refuses
 */
export function readPrivateFile(file: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode, size } = fstatSync(descriptor);
    // Windows has no such bits and tells of 0o666.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Error(`others may read or write it; if nobody has, make it private again: chmod 600 "${file}"`);
    }
    if (size > PRIVATE_FILE_BYTES_MAX) throw new Error(`${size} bytes exceed ${PRIVATE_FILE_BYTES_MAX}`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Make a file that only its owner may read, whole or not at all, and its folder if that is missing.
 * @returns whether it was made; false when somebody else made one of this name first: that one stays
 */
export function createPrivateFile(file: string, text: string): boolean {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // Unlike a rename, a link never takes the place of a file that is there.
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}
