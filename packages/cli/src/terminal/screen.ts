/**
 * Where a person or a script meets a command: lines come in, text goes out. `LineScreen` is a terminal with a line being
 * typed, `PipedScreen` anything else.
 */
export interface Screen {
  /** Whether somebody types here and sees what they type. */
  readonly isInteractive: boolean;
  /** The next line, without its end; undefined at the end of input. One caller at a time. */
  nextLine(): Promise<string | undefined>;
  /** What stands before the line being typed. */
  setPrompt(prompt: string, options?: PromptOptions): void;
  /** Write a line of output; fulfils when there is room for more, with whether anybody still reads it. */
  print(text: string): Promise<boolean>;
  /** Write a line about how things go: not part of the output proper. */
  printStatus(text: string): Promise<void>;
  /** Put text back for editing, unless something is being typed; returns whether it did. */
  restoreLine(text: string): boolean;
  /** Told of the line being typed after each key, and of an empty one when it is finished; never where nobody types. */
  onLineChange(handler: (line: string) => void): () => void;
  /** Ctrl+C on a terminal that does not turn it into a signal. Returns a function that stops listening. */
  onInterrupt(handler: () => void): () => void;
  /** Let go of input; a `nextLine` under way gets undefined. Output still works. */
  close(): void;
}

export interface PromptOptions {
  /** Show dots in place of what is typed. */
  readonly isSecret?: boolean;
  /** The line answers a question: not kept among those that the arrow keys bring back. */
  readonly isAnswer?: boolean;
}
