import { type JsonEvent, type JsonId, jsonErrorTexts, unknownTypeText } from '@confab/wire/json';
import { ClientError } from '../../errors.ts';
import { invalidQueryOf } from '../json/refusals.ts';
import type { Retries } from './retries.ts';

/** What answers a question: it repeats the question's id. */
export type Answer = Extract<JsonEvent, { type: 'users' | 'found' }>;
export type SettleAnswer = (result: ClientError | Answer) => void;

/** What can be asked, what answers it, and what failed if it fails. */
const KINDS = {
  who: { answer: 'users', action: 'Cannot tell who is here' },
  search: { answer: 'found', action: 'Cannot search' },
} as const;

export interface Question {
  readonly type: keyof typeof KINDS;
  readonly id: JsonId;
  readonly settle: SettleAnswer;
}

/** A question: asked again until the answer comes, which is the only acknowledgement. One at a time. */
export class Asking {
  readonly #retries: Retries;
  #question: Question | undefined;

  constructor(retries: Retries) {
    this.#retries = retries;
  }

  /** Returns what stops the waiting. */
  start(nowMs: number, question: Question, transmit: () => void): () => void {
    const { id, type } = question;
    this.#question = question;
    this.#retries.start(nowMs, id, transmit, () => {
      if (this.#question === question)
        this.#end(new ClientError('CONNECT_TIMEOUT', `${KINDS[type].action}: no answer`));
    });
    return () => {
      this.#retries.drop(id);
      if (this.#question === question) this.#question = undefined;
    };
  }

  /** False: it answers no question, or none any more. */
  answered(answer: Answer): boolean {
    const question = this.#question;
    if (question === undefined || question.id !== answer.id || KINDS[question.type].answer !== answer.type)
      return false;
    this.#end(answer);
    return true;
  }

  /** Whether an error's text can only be about the question; then it is settled. */
  isRefusal(text: string): boolean {
    const error = this.#question === undefined ? undefined : refusalOf(text, this.#question.type);
    if (error === undefined) return false;
    this.#end(error);
    return true;
  }

  #end(result: ClientError | Answer): void {
    const question = this.#question!;
    this.#question = undefined;
    this.#retries.drop(question.id);
    question.settle(result);
  }
}

/** That there were too many requests is no refusal: the question is asked again, later. */
function refusalOf(text: string, type: Question['type']): ClientError | undefined {
  const { action } = KINDS[type];
  if (text === unknownTypeText(type)) {
    return new ClientError('NOT_SUPPORTED', `${action}: this server does not know the question`);
  }
  if (type !== 'search') return undefined;
  if (text === jsonErrorTexts.searchUnavailable) return new ClientError('SERVER_ERROR', `${action}: ${text}`);
  return invalidQueryOf(text);
}
