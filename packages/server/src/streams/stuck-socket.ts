import { Socket } from 'node:net';

/** For tests: a socket that goes nowhere and takes nothing by itself: what is written to it waits. */
export class StuckSocket extends Socket {
  readonly taken: string[] = [];
  #done: (() => void) | undefined;

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(bytes.toString());
    this.#done = done;
  }

  override _final(): void {}

  flow(): void {
    this.#done?.();
  }
}
