import { sanitizeLine } from './terminal/sanitize.ts';

/** The stable code of an error, of Confab's or of Node's. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** What went wrong as one line for people. Servers have a say in it, so it is not trusted either. */
export function reasonOf(error: unknown): string {
  return sanitizeLine(error instanceof Error ? error.message || error.name : String(error));
}

/** Wrong usage that only the command itself can see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
