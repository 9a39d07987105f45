import { readFileSync } from 'node:fs';

/** Of this package, and so of Confab. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
