import { fileURLToPath } from 'node:url';
import { quietEnvironment } from './wire-settings.ts';

/**
 * Where processes of tests keep what Node has read and compiled of the sources. Most of the time that a short-lived process
 * takes goes into that, and a run of all tests starts a thousand. Of this checkout alone: a folder that all users of the
 * machine may write to could hold code of another's.
 */
export const COMPILE_CACHE = fileURLToPath(new URL('../../../node_modules/.cache/confab-tests/', import.meta.url));

/** What a process that a test starts has in its environment, without the settings of whoever runs the tests. */
export function processEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const plain = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(CONFAB_|NODE_)/.test(entry[0]),
  );
  return { ...Object.fromEntries(plain), ...quietEnvironment, NODE_COMPILE_CACHE: COMPILE_CACHE, ...more };
}
