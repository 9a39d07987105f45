import { type Admission, CoreError, type Hub, type RoomEvent } from '@confab/core';
import { encodeUtf8 } from '@confab/wire';
import { type JsonId, jsonErrorTexts } from '@confab/wire/json';
import type { Logger } from 'pino';
import type { WireStats } from '../../stats.ts';
import { historyCursor, jsonErrorOf } from '../json-events.ts';
import { isUserName } from '../user-name.ts';
import { clientIdOf, recall } from './client-ids.ts';
import type { JsonDatagramEncoding } from './encoding.ts';
import type { HeldAcks } from './held-acks.ts';
import type { JsonPeer, NumberedRequest } from './peer.ts';

/** Requests of one peer that wait while it is let into a room. */
const WAITING_MAX = 32;
/**
 * After so long nobody repeats a request any more, ms: with the delays that clients use, all repetitions lie within about
 * half of it. What looks like one then comes from another program that uses the same port.
 */
const REPEAT_HORIZON_MS = 60_000;
/** Events that are searched for what a peer said before a restart of the server. */
const RECALL_EVENTS = 256;

export interface RequestsOptions {
  readonly hub: Hub;
  readonly stats: WireStats;
  readonly log: Logger;
  readonly encoding: JsonDatagramEncoding;
  readonly heldAcks: HeldAcks;
  readonly historyMax: number;
  readonly memberTimeoutMs: number;
  readonly ack: (peer: JsonPeer, id: JsonId) => void;
  readonly refuse: (peer: JsonPeer, text: string) => void;
  readonly entered: (peer: JsonPeer) => void;
  /** The peer is in no room any more, and nothing is left to tell it. */
  readonly gone: (peer: JsonPeer) => void;
  readonly isDraining: () => boolean;
}

/** Grants what peers ask for: ids seen before, joins, messages and leaves (docs/wires/json-datagrams.md). */
export class JsonDatagramRequests {
  readonly #options: RequestsOptions;
  /** Until when a repetition may stem from before the server's start, monotonic ms. */
  readonly #recallEndMs: number;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#recallEndMs = options.hub.clock.monotonicMs() + REPEAT_HORIZON_MS;
  }

  /** Something that a peer asks for, which is in a room or on its way there. */
  handle(peer: JsonPeer, request: NumberedRequest): void {
    if (this.#isRepeated(peer, request)) return;
    if (peer.isEntering) {
      // In order, behind the join. What finds no place is not acknowledged, so it comes again.
      if (peer.waiting.length < WAITING_MAX) peer.waiting.push(request);
      else this.#options.stats.drop('limited');
      return;
    }
    this.#grant(peer, request);
  }

  /** The first join of an address. */
  begin(peer: JsonPeer, request: NumberedRequest & { type: 'join' }): void {
    this.#grant(peer, request);
  }

  #grant(peer: JsonPeer, request: NumberedRequest): void {
    switch (request.type) {
      case 'join':
        this.#join(peer, request);
        return;
      case 'message':
        this.#post(peer, request);
        return;
      case 'leave':
        this.#leave(peer, request.id);
    }
  }

  #isRepeated(peer: JsonPeer, request: NumberedRequest): boolean {
    const seen = peer.ids.get(request.id);
    if (seen === undefined) return false;
    if (request.type === 'join' && seen.join !== undefined) {
      const isOther = seen.join !== joinKey(request);
      const isLate = this.#nowMs() - seen.heardMs > REPEAT_HORIZON_MS;
      if (isOther || isLate) {
        // No repetition: another program, which counts from the beginning.
        peer.ids.clear();
        peer.generation += 1;
        return false;
      }
    }
    if (seen.state === 'acked') this.#options.ack(peer, request.id);
    return true;
  }

  #join(peer: JsonPeer, request: NumberedRequest & { type: 'join' }): void {
    const { hub, heldAcks, ack, memberTimeoutMs } = this.#options;
    const { id, room, user, password } = request;
    const join = joinKey(request);
    const seen = peer.ids.add(id, this.#nowMs(), join);
    if (peer.member?.state === 'joined' && peer.member.room.name === room && peer.member.user === user) {
      seen.state = 'acked';
      peer.joined = { id, join };
      ack(peer, id);
      return;
    }
    // Under another name in the same room: the one that it had goes first, or it would hear itself come in before the
    // acknowledgement.
    if (peer.member?.room.name === room && isUserName(user)) hub.leave(peer.member);
    peer.isEntering = true;
    const held = heldAcks.hold(this.#nowMs(), () => {
      seen.state = 'acked';
      ack(peer, id);
    });
    hub.join({ room, user, password, address: peer.ip, timeoutMs: memberTimeoutMs }, { makeOpen: true }).then(
      (admission) => {
        peer.joined = { id, join };
        this.#enter(peer, admission, held.release).catch((error: unknown) => {
          this.#options.log.error({ err: error }, 'json-datagrams: entering a room failed');
        });
      },
      (error: unknown) => {
        held.cancel();
        peer.ids.forget(id, seen);
        this.#refuse(peer, error);
        this.#endEntering(peer);
      },
    );
  }

  async #enter(peer: JsonPeer, { member, joinSeq }: Admission, ack: () => void): Promise<void> {
    const { hub, encoding, historyMax, entered, isDraining } = this.#options;
    const former = peer.member;
    if (former !== undefined) hub.leave(former);
    const cursor = Math.max(0, historyCursor(joinSeq, historyMax));
    peer.enter(member, joinSeq, cursor);
    entered(peer);
    if (isDraining()) {
      hub.leave(member);
      return;
    }
    // First of all, whatever the reading of history takes.
    ack();
    hub.attach(member, encoding, peer, cursor);
    // The room was closed between the join and now.
    if (member.state === 'left') peer.member = undefined;
    else if (this.#nowMs() < this.#recallEndMs) {
      try {
        const events = await hub.history(member, Math.max(1, joinSeq - RECALL_EVENTS), RECALL_EVENTS);
        peer.recalled = recall(events, peer.key, hub.clock.wallMs() - REPEAT_HORIZON_MS);
      } catch (error) {
        this.#options.log.warn({ err: error }, 'json-datagrams: cannot look for repeated messages');
      }
    }
    this.#endEntering(peer);
  }

  #endEntering(peer: JsonPeer): void {
    peer.isEntering = false;
    const { waiting } = peer;
    peer.waiting = [];
    for (const request of waiting) this.handle(peer, request);
    peer.settle();
    if (peer.member === undefined && !peer.isEntering) this.#options.gone(peer);
  }

  #post(peer: JsonPeer, { id, text }: NumberedRequest & { type: 'message' }): void {
    const { hub, heldAcks, ack } = this.#options;
    const { member } = peer;
    if (member === undefined) {
      this.#options.refuse(peer, jsonErrorTexts.joinFirst);
      return;
    }
    const seen = peer.ids.add(id, this.#nowMs());
    if (peer.recalled?.get(id) === text) {
      seen.state = 'acked';
      ack(peer, id);
      return;
    }
    const held = heldAcks.hold(this.#nowMs(), () => {
      seen.state = 'acked';
      ack(peer, id);
    });
    const settle = (result: RoomEvent | CoreError): void => {
      if (!(result instanceof CoreError)) {
        // Released before the room was told; this is for one that the log had already.
        held.release();
        return;
      }
      held.cancel();
      if (!held.isReleased) peer.ids.forget(id, seen);
      this.#refuse(peer, result);
    };
    const refused = hub.post(member, {
      body: encodeUtf8(text),
      clientId: clientIdOf(peer, id),
      persisted: held.release,
      settle,
    });
    if (refused !== undefined) settle(refused);
  }

  #leave(peer: JsonPeer, id: JsonId): void {
    const { hub, ack, gone } = this.#options;
    ack(peer, id);
    const { member } = peer;
    peer.member = undefined;
    if (member !== undefined) hub.leave(member);
    gone(peer);
  }

  #refuse(peer: JsonPeer, error: unknown): void {
    const { log, stats, refuse } = this.#options;
    if (error instanceof CoreError) {
      stats.drop(error.code === 'RATE_LIMITED' ? 'limited' : 'refused');
      refuse(peer, jsonErrorOf(error, jsonErrorTexts.joinFirst));
    } else {
      log.error({ err: error }, 'json-datagrams: request failed');
      refuse(peer, jsonErrorTexts.serverError);
    }
  }

  #nowMs(): number {
    return this.#options.hub.clock.monotonicMs();
  }
}

/** What a join asks for, for telling a repeated one from another. The password is no part of it: it need not be kept. */
export function joinKey({ room, user }: { readonly room: string; readonly user: string }): string {
  return `${room}\0${user}`;
}
