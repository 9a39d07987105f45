import { CoreError } from '@confab/core';

/** The batch, or the call, could not be carried out. `message`: one sentence for people, without secrets or message text. */
export function storeFailed(message: string, cause?: unknown): CoreError {
  return new CoreError('STORE_FAILED', message, cause === undefined ? undefined : { cause });
}

/** An event does not follow its room's last one: somebody else has written. */
export function storeFenced(message: string): CoreError {
  return new CoreError('STORE_FENCED', message);
}

/** What an error says of itself, for the end of a sentence. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
