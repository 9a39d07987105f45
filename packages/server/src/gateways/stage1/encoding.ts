import { type Encoding, EventKind, type Reader, type RoomEvent, type Unit } from '@confab/core';
import {
  encodeStage1Chat,
  encodeStage1System,
  STAGE1_SYSTEM_USER,
  type Stage1Layout,
  Stage1Type,
  stage1Texts,
} from '@confab/wire/stage1';
import { correctionOf, type OlderWires, reactionOf, textOf } from '../degraded.ts';
import type { Stage1Peer } from './peer.ts';

/** What is said when the room ends. */
export const ROOM_CLOSED_TEXT = 'Room closed: the host has left';

export interface Stage1EncodingHooks {
  send(peer: Stage1Peer, datagram: Uint8Array): void;
  /** The name that a line was said under on this wire, where it is not that of the member. */
  spokenAs(body: Uint8Array): string | undefined;
  readonly olderWires: OlderWires;
}

/** How those of one layout are shown events (docs/wires/stage1.md). */
export class Stage1Encoding implements Encoding<Stage1Peer> {
  readonly name: string;
  /** Datagrams are sent once; nobody on this wire reads what is past. */
  readonly isReplayed = false;
  readonly #layout: Stage1Layout;
  readonly #hooks: Stage1EncodingHooks;

  constructor(layout: Stage1Layout, hooks: Stage1EncodingHooks) {
    this.name = `stage1/${layout}`;
    this.#layout = layout;
    this.#hooks = hooks;
  }

  encode(event: RoomEvent): readonly Uint8Array[] {
    switch (event.kind) {
      case EventKind.MESSAGE:
        return encodeStage1Chat(this.#layout, this.#hooks.spokenAs(event.body) ?? event.user, textOf(event));
      case EventKind.EDIT: {
        const correction = correctionOf(event, this.#hooks.olderWires);
        return correction === undefined ? [] : encodeStage1Chat(this.#layout, event.user, correction);
      }
      case EventKind.REACTION:
        return this.system(reactionOf(event, this.#hooks.olderWires) ?? '');
      case EventKind.JOIN:
        return this.#membership(stage1Texts.joined(event.user));
      case EventKind.LEAVE:
        return this.#membership(stage1Texts.left(event.user));
      case EventKind.CLOSE:
        return this.system(ROOM_CLOSED_TEXT);
      case EventKind.NOTICE:
        return this.system(textOf(event));
      default:
        return [];
    }
  }

  deliver(units: readonly Unit[], readers: readonly Reader<Stage1Peer>[]): void {
    for (const reader of readers) {
      for (const unit of units) {
        // No echo of what one says oneself; of one's own joining one is told like the others.
        if (unit.author === reader.memberId && !this.#isSystem(unit.bytes)) continue;
        this.#hooks.send(reader.outlet, unit.bytes);
      }
    }
  }

  /** A line of the server's own. An empty one is none: clients crash on it. */
  system(text: string): Uint8Array[] {
    return text === '' ? [] : encodeStage1System(this.#layout, text);
  }

  /** In the plain layout nobody joins or leaves, and its programs know chat only. */
  #membership(text: string): Uint8Array[] {
    return this.#layout === 'typed' ? this.system(text) : [];
  }

  #isSystem(datagram: Uint8Array): boolean {
    if (this.#layout === 'typed') return datagram[0] === Stage1Type.SYSTEM;
    if (datagram[0] !== STAGE1_SYSTEM_USER.length) return false;
    for (let index = 0; index < STAGE1_SYSTEM_USER.length; index += 1) {
      if (datagram[index + 1] !== STAGE1_SYSTEM_USER.charCodeAt(index)) return false;
    }
    return true;
  }
}
