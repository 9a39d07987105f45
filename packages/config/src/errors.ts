import { ChatError } from '@confab/wire';

/** What can be wrong with a configuration. Listed with cause and remedy in docs/errors.md. */
export type ConfigErrorCode = 'CONFIG_INVALID';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where it was said: the file's path, the variable's or the flag's name. */
  readonly source: string;
  /** In a file, where it is known; both count from 1. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** The setting, by dotted path; undefined when it is the file as a whole. */
  readonly key?: string | undefined;
  /** What is wrong and what is allowed, one line. */
  readonly text: string;
}

/** `problem` on one line: source, place, text. */
export function renderProblem({ source, line, column, text }: ConfigProblem): string {
  return `${source}${line === undefined ? '' : `:${line}:${column}`}: ${text}`;
}

/** The message is one line that names the first problem: its source, the setting and what is allowed. */
export class ConfigError extends ChatError<ConfigErrorCode> {
  /** All that is wrong; at least one. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const more = problems.length - 1;
    const rest = more === 0 ? '' : ` (and ${more} more; "confab config check FILE" shows all)`;
    super('CONFIG_INVALID', `${renderProblem(problems[0]!)}${rest}`, options);
    this.problems = problems;
  }
}
