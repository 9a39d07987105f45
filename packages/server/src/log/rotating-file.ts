import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { createStream } from 'rotating-file-stream';
import { ServerError } from '../errors.ts';
import type { LogSink } from './logger.ts';

const DAY_MS = 86_400_000;
/** Before a file that could not be written is tried again, ms. */
const RETRY_MS = 10_000;
/** Bytes that may wait for a slow disk; lines beyond are lost. */
const WAITING_BYTES_MAX = 8_388_608;

/** As much of a stream to a file as is needed here. */
export type FileStream = Pick<NodeJS.WritableStream, 'on' | 'end'> & {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(line: string, done: (error?: Error | null) => void): boolean;
};

export interface RotatingFileOptions {
  readonly path: string;
  /** The setting that names the file, for errors. */
  readonly key: string;
  /** Size at which the file is rotated, bytes. */
  readonly rotateBytes: number;
  /** Age at which it is, days: looked at when it is opened, and at midnight. */
  readonly rotateDays: number;
  /** Rotated files that are kept, as `NAME.1` (the newest), `NAME.2` … */
  readonly keep: number;
  /** Permissions of a new file. */
  readonly mode: number;
  /** Hears, in one line, that the file cannot be written any more, and when it can again. */
  readonly complain: (line: string) => void;
  /** Time of day, ms since the Unix epoch. */
  readonly wallMs?: () => number;
  /** A clock that never goes back, ms. */
  readonly nowMs?: () => number;
  /** What writes; a test has its own. */
  readonly openStream?: (options: RotatingFileOptions) => FileStream;
}

/**
 * A file of lines that is rotated by size and age. Once it is open nothing that happens to it (a full disk, a folder that
 * went away) is an error for whoever writes: lines are lost, it is said once, and the file is tried again.
 */
export class RotatingFile implements LogSink {
  readonly #options: RotatingFileOptions;
  readonly #nowMs: () => number;
  readonly #openStream: (options: RotatingFileOptions) => FileStream;
  #stream: FileStream | undefined;
  #retryAtMs = 0;
  #isFailing = false;
  #lost = 0;

  /** @throws {ServerError} LOG_UNWRITABLE: it is no file, or not ours to write */
  static async open(options: RotatingFileOptions): Promise<RotatingFile> {
    const { path, key, mode } = options;
    try {
      await mkdir(dirname(resolve(path)), { recursive: true });
      // Before it is opened: that of a pipe without a reader would never end.
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile() === false) throw new Error('it is not a regular file');
      const file = await open(path, 'a', mode);
      const { birthtimeMs, mtimeMs, size } = await file.stat().finally(() => file.close());
      // Some file systems keep no time of birth.
      const ageMs = (options.wallMs ?? Date.now)() - (birthtimeMs || mtimeMs);
      if (size > 0 && ageMs > options.rotateDays * DAY_MS) await shift(options);
    } catch (cause) {
      const reason = reasonOf(cause);
      throw new ServerError(
        'LOG_UNWRITABLE',
        `Cannot write to "${path}": ${reason}; set ${key} to a file that can be written`,
        {
          cause,
        },
      );
    }
    return new RotatingFile(options);
  }

  private constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#openStream = options.openStream ?? openRotatingStream;
    this.#connect();
  }

  write(line: string): void {
    if (this.#stream === undefined && this.#nowMs() >= this.#retryAtMs) this.#connect();
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.writableLength > WAITING_BYTES_MAX) {
      this.#lose(stream === undefined ? undefined : new Error('the disk is too slow'));
      return;
    }
    stream.write(line, (error) => {
      if (error !== null && error !== undefined) this.#lose(error);
      else this.#recover();
    });
  }

  /** Everything written is in the file, or never will be. */
  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    if (stream === undefined || stream.destroyed) return;
    const isOver = finished(stream as unknown as NodeJS.WritableStream).catch(() => {});
    stream.end();
    await isOver;
  }

  #connect(): void {
    const stream = this.#openStream(this.#options);
    this.#stream = stream;
    stream.on('error', (error: Error) => {
      if (this.#stream === stream) this.#stream = undefined;
      this.#retryAtMs = Math.max(this.#retryAtMs, this.#nowMs() + RETRY_MS);
      this.#say(error);
    });
  }

  #lose(error: Error | undefined): void {
    this.#lost += 1;
    // That the stream is gone was said when it went.
    if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_DESTROYED') this.#say(error);
  }

  #say(error: Error): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.complain(
      `Cannot write to "${this.#options.path}": ${reasonOf(error)}; lines are lost until it can be written`,
    );
  }

  #recover(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.complain(`"${this.#options.path}" is written again; ${this.#lost} lines were lost`);
    this.#lost = 0;
  }
}

function openRotatingStream({ path, rotateBytes, rotateDays, keep, mode }: RotatingFileOptions): FileStream {
  const name = basename(path);
  const stream = createStream((index) => (typeof index === 'number' && index > 0 ? `${name}.${index}` : name), {
    path: dirname(resolve(path)),
    size: `${rotateBytes}B`,
    interval: `${rotateDays}d`,
    rotate: Math.max(1, keep),
    mode,
  });
  // The library keeps at least one.
  if (keep === 0) stream.on('rotated', (file) => void rm(file, { force: true }).catch(() => {}));
  return stream;
}

/** `NAME` becomes `NAME.1`, that one `NAME.2` and so on; the oldest goes. */
async function shift({ path, keep }: RotatingFileOptions): Promise<void> {
  if (keep === 0) {
    await rm(path, { force: true });
    return;
  }
  for (let index = keep; index > 0; index -= 1) {
    await rename(index === 1 ? path : `${path}.${index - 1}`, `${path}.${index}`).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of its path is not a directory',
  ENOSPC: 'no space left on the disk',
  EROFS: 'the file system is read-only',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'the folder is gone',
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ''] ?? message.split('\n')[0]!;
}
