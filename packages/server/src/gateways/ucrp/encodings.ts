import { type Encoding, EventKind, type Reader, type RoomEvent, SYSTEM_USER, type Unit } from '@confab/core';
import { encodeUtf8 } from '@confab/wire';
import {
  encodeChatString,
  encodeChatWide,
  encodeTyped,
  roomClosedDatagram,
  type UcrpDeliveryForm,
  UcrpDeliveryType,
  type UcrpProfile,
} from '@confab/wire/ucrp';
import { correctionOf, type OlderWires, reactionOf } from '../degraded.ts';
import type { UcrpOutlet } from './peer.ts';

/** What an object-dialect member is told when its room ends; the string dialect has a datagram for it. */
export const ROOM_CLOSED_TEXT = 'Room closed: the host has left';

type Send = (outlet: UcrpOutlet, datagram: Uint8Array) => void;

/** Shape of the datagrams that a member understands. */
function formOf(profile: UcrpProfile): UcrpDeliveryForm {
  if (profile.layout === 'wide') return 'wide';
  return profile.dialect === 'object' ? 'typed' : 'string';
}

/** The encodings of UCRP: one object for each way that datagrams differ, so that members are grouped by it. */
export class UcrpEncodings {
  readonly #send: Send;
  readonly #known = new Map<string, UcrpEncoding>();

  readonly #olderWires: OlderWires;

  constructor(olderWires: OlderWires, send: Send) {
    this.#olderWires = olderWires;
    this.#send = send;
  }

  for(profile: UcrpProfile): UcrpEncoding {
    const form = formOf(profile);
    const name = `ucrp/${form}${profile.notices ? '+notices' : ''}${profile.echo ? '+echo' : ''}`;
    let encoding = this.#known.get(name);
    if (encoding === undefined) {
      encoding = new UcrpEncoding(name, form, profile, this.#olderWires, this.#send);
      this.#known.set(name, encoding);
    }
    return encoding;
  }
}

export class UcrpEncoding implements Encoding<UcrpOutlet> {
  readonly name: string;
  /** Datagrams are sent once; nobody on this wire reads what is past. */
  readonly isReplayed = false;
  readonly #form: UcrpDeliveryForm;
  readonly #hasNotices: boolean;
  readonly #hasEcho: boolean;
  readonly #send: Send;

  readonly #olderWires: OlderWires;

  constructor(
    name: string,
    form: UcrpDeliveryForm,
    { notices, echo }: Pick<UcrpProfile, 'notices' | 'echo'>,
    olderWires: OlderWires,
    send: Send,
  ) {
    this.name = name;
    this.#form = form;
    this.#hasNotices = notices;
    this.#hasEcho = echo;
    this.#olderWires = olderWires;
    this.#send = send;
  }

  encode(event: RoomEvent): readonly Uint8Array[] {
    switch (event.kind) {
      case EventKind.MESSAGE:
        return this.chat(event.user, event.body);
      case EventKind.EDIT: {
        const correction = correctionOf(event, this.#olderWires);
        return correction === undefined ? [] : this.chat(event.user, encodeUtf8(correction));
      }
      case EventKind.REACTION: {
        const reaction = this.#hasNotices ? reactionOf(event, this.#olderWires) : undefined;
        return reaction === undefined ? [] : this.system(encodeUtf8(reaction));
      }
      case EventKind.CLOSE:
        return this.closing();
      case EventKind.JOIN:
        return this.#hasNotices ? this.#notice(UcrpDeliveryType.JOIN, event.user, `${event.user} joined`) : [];
      case EventKind.LEAVE:
        return this.#hasNotices ? this.#notice(UcrpDeliveryType.LEAVE, event.user, `${event.user} left`) : [];
      case EventKind.NOTICE:
        return this.#hasNotices ? this.system(event.body) : [];
      default:
        return [];
    }
  }

  deliver(units: readonly Unit[], readers: readonly Reader<UcrpOutlet>[]): void {
    for (const reader of readers) {
      for (const unit of units) {
        if (!this.#hasEcho && unit.author === reader.memberId) continue;
        this.#send(reader.outlet, unit.bytes);
      }
    }
  }

  /** Something that a person said. */
  chat(user: string, body: Uint8Array): Uint8Array[] {
    switch (this.#form) {
      case 'string':
        return encodeChatString(user, body);
      case 'wide':
        return encodeChatWide(user, body);
      case 'typed':
        return encodeTyped(UcrpDeliveryType.CHAT, user, body);
    }
  }

  /** Something that the server says: chat from `system` where the wire has no better. */
  system(body: Uint8Array): Uint8Array[] {
    return this.#form === 'typed'
      ? encodeTyped(UcrpDeliveryType.SYSTEM, SYSTEM_USER, body)
      : this.chat(SYSTEM_USER, body);
  }

  closing(): Uint8Array[] {
    return this.#form === 'typed' ? this.system(encodeUtf8(ROOM_CLOSED_TEXT)) : [roomClosedDatagram()];
  }

  #notice(type: UcrpDeliveryType, user: string, text: string): Uint8Array[] {
    const body = encodeUtf8(text);
    return this.#form === 'typed' ? encodeTyped(type, user, body) : this.system(body);
  }
}
