import { listSettings } from './schema.ts';
import { suggestion } from './suggestion.ts';

/** `CONFAB_` variables that are no settings but mean something to the command or to the tests. */
const others = new Set(['CONFAB_PASSWORD', 'CONFAB_DEBUG', 'CONFAB_RELAUNCHED', 'CONFAB_TEST_RUNS']);

/**
 * A line for each variable that looks like a setting and is none, with the nearest one that is. They are no errors: the
 * environment belongs to others, too.
 */
export function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(listSettings().map(({ variable }) => variable));
  return Object.keys(environment)
    .filter((name) => name.startsWith('CONFAB_') && !known.has(name) && !others.has(name))
    .sort()
    .map((name) => `${name}: no such setting${suggestion(name, known)}`);
}
