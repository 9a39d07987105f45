/** A test, as far as clean-up goes: a `TestContext` or a `SuiteContext` of node:test. */
export interface WithCleanUp {
  after(hook: () => void | Promise<void>): void;
}

/** Clean-up at a time of its owner's choosing, such as that of something that several tests share. */
export class CleanUps implements WithCleanUp {
  readonly #steps: (() => unknown)[] = [];

  after(hook: () => unknown): void {
    this.#steps.push(hook);
  }

  /** The newest first, each even when another one failed. */
  async run(): Promise<void> {
    await undo(this.#steps);
  }
}

const known = new WeakMap<WithCleanUp, CleanUps>();

/**
 * Has something undone after a test: the newest first, so that a server stops before its folder goes, and each even when
 * another one failed. Hooks of node:test alone run the oldest first, and the first that fails is the last: what the others
 * would have closed keeps the process of the file alive.
 */
export function afterwards(context: WithCleanUp, cleanUp: () => unknown): void {
  let cleanUps = known.get(context);
  if (cleanUps === undefined) {
    const own = new CleanUps();
    known.set(context, own);
    context.after(() => own.run());
    cleanUps = own;
  }
  cleanUps.after(cleanUp);
}

async function undo(steps: (() => unknown)[]): Promise<void> {
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
