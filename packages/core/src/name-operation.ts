import type { Batch, Operation } from './committer.ts';
import type { CoreError } from './errors.ts';
import type { StoreChange } from './store.ts';

export type NameOperations = (operation: Operation) => void;
type NameChange = Extract<StoreChange, { type: 'name-put' | 'name-delete' }>;

/** Changes to who owns names, on their way into the store. */
export class NameOperation implements Operation {
  readonly changes: readonly NameChange[];
  readonly #resolve: () => void;
  readonly #reject: (error: CoreError) => void;

  constructor(
    changes: readonly NameChange[],
    resolve: () => void = () => {},
    reject: (error: CoreError) => void = () => {},
  ) {
    this.changes = changes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  seal(batch: Batch): void {
    for (const change of this.changes) batch.add(change);
  }

  committed(): void {
    this.#resolve();
  }

  failed(error: CoreError): 'drop' {
    this.#reject(error);
    return 'drop';
  }
}
