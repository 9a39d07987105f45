/** Something that came from the peer: messages, a request, or something that is none, with the error to answer it with. */
export type JsonInput =
  | {
      readonly kind: 'messages';
      /** What was said, UTF-8, valid. */
      readonly bodies: readonly Uint8Array[];
    }
  | { readonly kind: 'request'; readonly text: string }
  | { readonly kind: 'refused'; readonly text: string };

/** Lines or frames that it stands for. */
export function countOf(input: JsonInput): number {
  return input.kind === 'messages' ? input.bodies.length : 1;
}

/** Of a connection that was dealt with, as most are. Never written to. */
const NONE: JsonInput[] = [];

/** What was read and has not been dealt with. */
export class InputQueue {
  #inputs: JsonInput[] = NONE;
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === this.#inputs.length;
  }

  get first(): JsonInput | undefined {
    return this.#inputs[this.#at];
  }

  push(inputs: readonly JsonInput[]): void {
    if (inputs.length === 0) return;
    if (this.#inputs === NONE) this.#inputs = [];
    for (const input of inputs) this.#inputs.push(input);
  }

  /** Of the messages that come first, only these are left. */
  replaceFirst(bodies: readonly Uint8Array[]): void {
    this.#inputs[this.#at] = { kind: 'messages', bodies };
  }

  shift(): void {
    this.#at += 1;
    if (this.#at < this.#inputs.length) return;
    this.#inputs = NONE;
    this.#at = 0;
  }
}
