type Produce = () => string;

/** Answers that were given are forgotten when so many of them stand before one that is not ready. */
const GIVEN_MAX = 256;

/** Of a connection that waits for nothing, as most do. Never written to. */
const NONE: Answer[] = [];

/** What a request is answered with, or several messages that end in the same way. */
export interface Answer {
  /** Requests that it answers. */
  readonly requests: number;
  /** What is said for each of them. Undefined: a message's echo is its answer, and nothing else need be said. */
  produce: Produce | undefined;
  isReady: boolean;
  /** The last echo's sequence number in the room's log: ready when it was handed out. */
  echoSeq: number;
}

/**
 * Keeps answers in the order of their requests: one that is ready waits for those before it. A message is answered by its
 * echo, which comes with the events of the room, or by an error.
 */
export class AnswerQueue {
  readonly #outlet: { send(text: string): void };
  #answers: Answer[] = NONE;
  /** Of these, so many at the beginning have been given. */
  #given = 0;
  #length = 0;
  #handedSeq = 0;
  #isFlushing = false;

  /** @param outlet where answers are said */
  constructor(outlet: { send(text: string): void }) {
    this.#outlet = outlet;
  }

  /** Requests that are not answered. */
  get length(): number {
    return this.#length;
  }

  /** An answer that is ready; it is made when its turn has come. */
  add(produce: Produce): void {
    if (this.#length === 0) this.#outlet.send(produce());
    else this.#push({ requests: 1, produce, isReady: true, echoSeq: 0 });
  }

  /** So many requests, such as messages, that are under way together; to be settled once. */
  addPending(requests: number): Answer {
    return this.#push({ requests, produce: undefined, isReady: false, echoSeq: 0 });
  }

  /** @param produce what to say to each, as an error instead of each echo; undefined: the last echo has the sequence number `echoSeq` */
  settle(answer: Answer, produce: Produce | undefined, echoSeq = 0): void {
    answer.produce = produce;
    answer.echoSeq = echoSeq;
    answer.isReady = true;
    this.#flush();
  }

  /** The room's events up to this one were handed out. */
  handed(seq: number): void {
    this.#handedSeq = seq;
    if (this.#length > 0) this.#flush();
  }

  #push(answer: Answer): Answer {
    this.#length += answer.requests;
    if (this.#answers === NONE) this.#answers = [];
    this.#answers.push(answer);
    return answer;
  }

  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const answers = this.#answers;
    while (this.#given < answers.length) {
      const { requests, isReady, echoSeq, produce } = answers[this.#given]!;
      if (!isReady || echoSeq > this.#handedSeq) break;
      this.#given += 1;
      this.#length -= requests;
      if (produce === undefined) continue;
      for (let index = 0; index < requests; index += 1) this.#outlet.send(produce());
    }
    if (this.#given === answers.length) {
      this.#answers = NONE;
      this.#given = 0;
    } else if (this.#given >= GIVEN_MAX) {
      answers.splice(0, this.#given);
      this.#given = 0;
    }
    this.#isFlushing = false;
  }
}
