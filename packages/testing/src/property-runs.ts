/** Cases per property in a normal run. */
const RUNS_DEFAULT = 300;

/**
 * How many cases each property is tried with: 300, or what the environment variable `CONFAB_TEST_RUNS` says. A long run is
 * `CONFAB_TEST_RUNS=100000 node --test …`. fast-check prints seed and path of a failure, which replay it.
 * @throws {RangeError} the variable is set to something other than a whole number above 0
 */
export function propertyRuns(): number {
  const setting = process.env.CONFAB_TEST_RUNS;
  if (setting === undefined || setting === '') return RUNS_DEFAULT;
  const runs = Number(setting);
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw new RangeError(`CONFAB_TEST_RUNS "${setting}" is not a whole number above 0`);
  return runs;
}
