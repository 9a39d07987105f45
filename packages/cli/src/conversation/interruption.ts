import { type EndingSignal, ExitCode, endingSignals } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { Screen } from '../terminal/screen.ts';

/** What asked the command to end. Ctrl+C typed on an edited line is no signal, and for people the usual way out. */
export type Interrupt = EndingSignal | 'ctrl-c';

/**
 * Listens for what ends a command. The first is reported, to end properly; an interrupt after that ends the process at
 * once.
 */
export class Interruption {
  /** Aborted by the first, with nothing of interest as its reason. */
  readonly signal: AbortSignal;
  /** Fulfils with the first. */
  readonly first: Promise<Interrupt>;
  readonly #stopListening: (() => void)[];
  #interrupt: Interrupt | undefined;

  constructor(io: Pick<Io, 'onSignal' | 'exit'>, screen: Screen) {
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<Interrupt>();
    this.signal = controller.signal;
    this.first = promise;
    const hear = (interrupt: Interrupt): void => {
      if (this.#interrupt === undefined) {
        this.#interrupt = interrupt;
        resolve(interrupt);
        controller.abort();
      } else if (interrupt === 'SIGINT' || interrupt === 'ctrl-c') {
        screen.close();
        io.exit(ExitCode.INTERRUPTED);
      }
    };
    this.#stopListening = [
      ...endingSignals.map((signal) => io.onSignal(signal, () => hear(signal))),
      screen.onInterrupt(() => hear('ctrl-c')),
    ];
  }

  /** The first, if there was one. */
  get interrupt(): Interrupt | undefined {
    return this.#interrupt;
  }

  stop(): void {
    for (const stop of this.#stopListening) stop();
  }
}
