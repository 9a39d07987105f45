/** Longest time and most passes that a benchmark is asked for. */
const POSITIVE_MAX = 3600;

/**
 * What a flag that takes a number above 0 was given, or its default.
 * @throws {Error} no number above 0 and up to 3600
 */
export function positive(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0 && value <= POSITIVE_MAX)) {
    throw new Error(`${flag}: "${text}" is not a number above 0 and up to ${POSITIVE_MAX}`);
  }
  return value;
}

/**
 * The parts that `--only a,b` names; all of them without it.
 * @throws {Error} one that there is not
 */
export function onlyOf<Name extends string>(text: string | undefined, names: readonly Name[]): readonly Name[] {
  if (text === undefined) return names;
  return text.split(',').map((given) => {
    const found = names.find((name) => name === given);
    if (found === undefined) throw new Error(`--only: "${given}" is none of ${names.join(', ')}`);
    return found;
  });
}
