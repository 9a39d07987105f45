/** One thing that came from the peer: a request, or something that is none, with the error to answer it with. */
export type JsonInput =
  | { readonly kind: 'request'; readonly text: string }
  | { readonly kind: 'refused'; readonly text: string };

/** What was read and has not been dealt with. */
export class InputQueue {
  #inputs: JsonInput[] = [];
  #at = 0;

  get length(): number {
    return this.#inputs.length - this.#at;
  }

  get first(): JsonInput | undefined {
    return this.#inputs[this.#at];
  }

  push(inputs: readonly JsonInput[]): void {
    for (const input of inputs) this.#inputs.push(input);
  }

  shift(): void {
    this.#at += 1;
    if (this.#at < this.#inputs.length) return;
    this.#inputs = [];
    this.#at = 0;
  }
}
