/** A test, as far as clean-up goes: a `TestContext` or a `SuiteContext` of node:test. */
export interface WithCleanUp {
  after(hook: () => void | Promise<void>): void;
}

const cleanUps = new WeakMap<WithCleanUp, Array<() => unknown>>();

/**
 * Has something undone after a test: the newest first, so that a server stops before its folder goes, and each even when
 * another one failed. Hooks of node:test alone run the oldest first, and the first that fails is the last: what the others
 * would have closed keeps the process of the file alive.
 */
export function afterwards(context: WithCleanUp, cleanUp: () => unknown): void {
  const known = cleanUps.get(context);
  if (known !== undefined) {
    known.push(cleanUp);
    return;
  }
  const own = [cleanUp];
  cleanUps.set(context, own);
  context.after(() => undo(own));
}

async function undo(steps: Array<() => unknown>): Promise<void> {
  const errors: unknown[] = [];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} steps of the clean-up failed`);
  if (errors.length === 1) throw errors[0];
}
