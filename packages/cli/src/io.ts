import type { Readable, Writable } from 'node:stream';
import type { EndingSignal } from './exit-codes.ts';

/** Input that may be a terminal. */
export type InputStream = Readable & { readonly isTTY?: boolean | undefined; setRawMode?(isRaw: boolean): unknown };
/** Output that may be a terminal; sizes in character cells. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** All that a command touches of its process, so that tests can run it in theirs. */
export interface Io {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Returns a function that stops listening. */
  onSignal(signal: EndingSignal, handler: () => void): () => void;
  /** End the process now, whatever is under way. */
  exit(code: number): void;
}

/**
 * Two interrupts closer than this are one, ms: on a terminal Ctrl+C reaches the whole process group, and launchers (npx, our
 * own bin/confab.js) pass on what has already arrived.
 */
const SAME_INTERRUPT_MS = 150;

/** The streams, environment and signals of this process. */
export function systemIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  // A reader that has gone is noticed where we write; without a listener it would end the process with a stack trace.
  for (const output of [stdout, stderr]) output.on('error', () => {});
  return {
    stdin,
    stdout,
    stderr,
    env,
    onSignal(signal, handler) {
      let lastMs = Number.NEGATIVE_INFINITY;
      const listener = (): void => {
        const nowMs = performance.now();
        // A hang-up asks a server to look at its files again, and these may have changed since the last one.
        const isRepetition = signal !== 'SIGHUP' && nowMs - lastMs < SAME_INTERRUPT_MS;
        lastMs = nowMs;
        if (!isRepetition) handler();
      };
      process.on(signal, listener);
      return () => process.off(signal, listener);
    },
    exit: (code) => process.exit(code),
  };
}

/**
 * Write, and wait while the reader is behind. Fulfils with whether the reader is still there; never rejects, since there is
 * nobody left to tell.
 */
export async function write(output: OutputStream, text: string): Promise<boolean> {
  if (!output.writable) return false;
  if (output.write(text)) return true;
  return new Promise((resolve) => {
    const settle = (): void => {
      output.off('drain', settle);
      output.off('close', settle);
      output.off('error', settle);
      resolve(output.writable);
    };
    output.on('drain', settle);
    output.on('close', settle);
    output.on('error', settle);
  });
}

/** Wait until everything written has been taken. */
export async function flush(output: OutputStream): Promise<void> {
  if (!output.writable || output.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    output.once('close', resolve);
    output.write('', () => resolve());
  });
}
