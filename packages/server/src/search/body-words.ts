import { wordsOf } from '@confab/core';

const bodies = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The words of a body; none when it is no text (sealed for its readers, say). */
export function wordsOfBody(body: Uint8Array): string[] {
  try {
    return wordsOf(bodies.decode(body));
  } catch {
    return [];
  }
}
