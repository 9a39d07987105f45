import { CoreError, type Hub } from '@confab/core';
import { type JsonId, type JsonRequest, jsonErrorTexts, withJsonId } from '@confab/wire/json';
import type { Logger } from 'pino';
import type { WireStats } from '../../stats.ts';
import { jsonErrorOf } from '../json-events.ts';
import { searchForJson } from '../json-found.ts';
import { UserLists } from '../json-users.ts';
import type { JsonPeer } from './peer.ts';

/** Longest list of who is in a room or of what was found, bytes: with its id it fits a datagram that no path takes apart. */
const LIST_BYTES_MAX = 1100;

export type Question = Extract<JsonRequest, { type: 'who' | 'search' }>;

export interface QuestionsOptions {
  readonly hub: Hub;
  readonly stats: WireStats;
  readonly log: Logger;
  /** Send an answer, as far as its receiver may be sent one. */
  readonly answer: (peer: JsonPeer, text: string) => void;
  readonly refuse: (peer: JsonPeer, text: string) => void;
}

/**
 * What members ask about their room. Not acknowledged, and their ids are not remembered: the answer is what one waits for,
 * and asking again is harmless.
 */
export class JsonQuestions {
  readonly #options: QuestionsOptions;
  readonly #users: UserLists;

  constructor(options: QuestionsOptions) {
    this.#options = options;
    this.#users = new UserLists(options.hub, LIST_BYTES_MAX);
  }

  ask(peer: JsonPeer, question: Question, id: JsonId): void {
    const { stats, answer, refuse } = this.#options;
    const { member } = peer;
    if (member === undefined) {
      // One that is on its way into a room asks again.
      if (peer.isEntering) stats.drop('limited');
      else refuse(peer, jsonErrorTexts.joinFirst);
      return;
    }
    if (question.type === 'who') {
      answer(peer, withJsonId(this.#users.text(member.room), id));
      return;
    }
    searchForJson(this.#options.hub, member, question, { id, bytesMax: LIST_BYTES_MAX }).then(
      (found) => {
        if (peer.member === member) answer(peer, found());
      },
      (error: unknown) => {
        stats.drop('refused');
        if (peer.member === member) refuse(peer, this.#textOf(error));
      },
    );
  }

  #textOf(error: unknown): string {
    if (error instanceof CoreError) return jsonErrorOf(error, jsonErrorTexts.joinFirst);
    this.#options.log.error({ err: error }, 'json-datagrams: search failed');
    return jsonErrorTexts.serverError;
  }
}
