import { type JsonEvent, type JsonId, unknownTypeText } from '@confab/wire/json';
import { ClientError } from '../../errors.ts';
import type { Retries } from './retries.ts';

export type SettleNames = (result: ClientError | readonly string[]) => void;

interface Question {
  readonly id: JsonId;
  readonly settle: SettleNames;
}

/** Who is here: asked again until the answer comes, which is the only acknowledgement. One question at a time. */
export class Asking {
  readonly #retries: Retries;
  #question: Question | undefined;

  constructor(retries: Retries) {
    this.#retries = retries;
  }

  /** Returns what stops the waiting. */
  start(nowMs: number, id: JsonId, transmit: () => void, settle: SettleNames): () => void {
    const question = { id, settle };
    this.#question = question;
    this.#retries.start(nowMs, id, transmit, () => {
      if (this.#question === question)
        this.#end(new ClientError('CONNECT_TIMEOUT', 'Cannot tell who is here: no answer'));
    });
    return () => {
      this.#retries.drop(id);
      if (this.#question === question) this.#question = undefined;
    };
  }

  /** False: it answers no question, or none any more. */
  answered({ id, users }: Extract<JsonEvent, { type: 'users' }>): boolean {
    if (this.#question === undefined || this.#question.id !== id) return false;
    this.#end(users);
    return true;
  }

  /** Whether an error's text says that the server does not know the question; then it is settled. */
  isRefusal(text: string): boolean {
    if (this.#question === undefined || text !== unknownTypeText('who')) return false;
    this.#end(new ClientError('NOT_SUPPORTED', 'Cannot tell who is here: this server does not know the question'));
    return true;
  }

  #end(result: ClientError | readonly string[]): void {
    const question = this.#question!;
    this.#question = undefined;
    this.#retries.drop(question.id);
    question.settle(result);
  }
}
