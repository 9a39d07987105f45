/** A benchmark. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** Returns whether every target was met. */
  run(args: readonly string[]): Promise<boolean>;
}
