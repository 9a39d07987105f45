type Produce = () => string;

/** Answers that were given are forgotten when so many of them stand before one that is not ready. */
const GIVEN_MAX = 256;

interface Answer {
  /** Undefined: a message's echo is its answer, and nothing else need be said. */
  produce: Produce | undefined;
  isReady: boolean;
  /** The echo's sequence number in the room's log: ready when it was handed out. */
  echoSeq: number;
}

/**
 * Keeps answers in the order of their requests: one that is ready waits for those before it. A message is answered by its
 * echo, which comes with the events of the room, or by an error.
 */
export class AnswerQueue {
  readonly #send: (text: string) => void;
  #answers: Answer[] = [];
  /** Of these, so many at the beginning have been given. */
  #given = 0;
  #handedSeq = 0;
  #isFlushing = false;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  /** Requests that are not answered. */
  get length(): number {
    return this.#answers.length - this.#given;
  }

  /** An answer that is ready; it is made when its turn has come. */
  add(produce: Produce): void {
    if (this.length === 0) this.#send(produce());
    else this.#answers.push({ produce, isReady: true, echoSeq: 0 });
  }

  /**
   * A message that is under way.
   * @returns to be called once with what to say instead of the echo, or with the echo's sequence number
   */
  addPost(): (error: Produce | undefined, echoSeq?: number) => void {
    const answer: Answer = { produce: undefined, isReady: false, echoSeq: 0 };
    this.#answers.push(answer);
    return (error, echoSeq = 0) => {
      answer.produce = error;
      answer.echoSeq = echoSeq;
      answer.isReady = true;
      this.#flush();
    };
  }

  /** The room's events up to this one were handed out. */
  handed(seq: number): void {
    this.#handedSeq = seq;
    if (this.length > 0) this.#flush();
  }

  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const answers = this.#answers;
    while (this.#given < answers.length) {
      const { isReady, echoSeq, produce } = answers[this.#given]!;
      if (!isReady || echoSeq > this.#handedSeq) break;
      this.#given += 1;
      if (produce !== undefined) this.#send(produce());
    }
    if (this.#given === answers.length || this.#given >= GIVEN_MAX) {
      answers.splice(0, this.#given);
      this.#given = 0;
    }
    this.#isFlushing = false;
  }
}
