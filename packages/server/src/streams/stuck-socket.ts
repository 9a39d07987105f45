import { Socket } from 'node:net';

/** For tests: a socket that goes nowhere and takes nothing by itself: what is written to it waits. */
export class StuckSocket extends Socket {
  readonly taken: string[] = [];
  /** Hears what is being written. */
  onTaken: ((text: string) => void) | undefined;
  #done: (() => void) | undefined;

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#take(bytes.toString(), done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.#take(chunks.map(({ chunk }) => chunk.toString()).join(''), done);
  }

  override _final(): void {}

  /** What is being written has gone out. */
  flow(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }

  #take(text: string, done: () => void): void {
    this.taken.push(text);
    this.onTaken?.(text);
    this.#done = done;
  }
}
