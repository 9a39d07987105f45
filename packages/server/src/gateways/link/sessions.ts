import { LinkErrorCode } from '@confab/wire/link';
import type { LinkServerSession } from './session.ts';

export interface SessionsLimits {
  readonly sessionsMax: number;
  readonly addressSessionsMax: number;
}

/** All sessions of the gateway, by what finds them: the ticket of a HELLO, the connection id of a packet. */
export class LinkSessions {
  readonly #limits: SessionsLimits;
  readonly #digest: (ticket: Uint8Array) => string;
  readonly #byTicket = new Map<string, LinkServerSession>();
  readonly #byConnectionId = new Map<number, LinkServerSession>();
  readonly #countByAddress = new Map<string, number>();

  /** @param digest one-way, so that the time a look-up takes tells nothing about tickets that exist */
  constructor(limits: SessionsLimits, digest: (ticket: Uint8Array) => string) {
    this.#limits = limits;
    this.#digest = digest;
  }

  get size(): number {
    return this.#byTicket.size;
  }

  values(): IterableIterator<LinkServerSession> {
    return this.#byTicket.values();
  }

  /** Whether one more session from this IP address can be served. */
  hasRoomFor(address: string): boolean {
    const { sessionsMax, addressSessionsMax } = this.#limits;
    return this.size < sessionsMax && (this.#countByAddress.get(address) ?? 0) < addressSessionsMax;
  }

  byTicket(ticket: Uint8Array): LinkServerSession | undefined {
    return this.#byTicket.get(this.#digest(ticket));
  }

  byConnectionId(id: Uint8Array): LinkServerSession | undefined {
    const session = this.#byConnectionId.get(keyOf(id));
    return session !== undefined && isSame(session.connectionId, id) ? session : undefined;
  }

  /** Whether a new session can be found by this connection id. */
  isFree(id: Uint8Array): boolean {
    return !this.#byConnectionId.has(keyOf(id));
  }

  /** End the sessions of a user name that have proved a device key. */
  closeOf(user: string, deviceKey: string): void {
    const theirs = [...this.values()].filter(
      ({ identity }) => identity.user === user && identity.deviceKey === deviceKey,
    );
    for (const session of theirs) {
      session.close(LinkErrorCode.USER_NAME_TAKEN, 'The user name does not belong to this device key any more');
    }
  }

  add(session: LinkServerSession): void {
    this.#byTicket.set(this.#digest(session.ticket), session);
    this.#byConnectionId.set(keyOf(session.connectionId), session);
    this.#countByAddress.set(session.address, (this.#countByAddress.get(session.address) ?? 0) + 1);
  }

  remove(session: LinkServerSession): void {
    if (!this.#byTicket.delete(this.#digest(session.ticket))) return;
    this.#byConnectionId.delete(keyOf(session.connectionId));
    const others = this.#countByAddress.get(session.address)! - 1;
    if (others === 0) this.#countByAddress.delete(session.address);
    else this.#countByAddress.set(session.address, others);
  }
}

/** The first six bytes: as many as a number holds. Two ids in use that agree in them are ruled out by {@link LinkSessions.isFree}. */
function keyOf(id: Uint8Array): number {
  return (
    (id[0]! * 0x1_00_00 + id[1]! * 0x1_00 + id[2]!) * 0x1_00_00_00 + (id[3]! * 0x1_00_00 + id[4]! * 0x1_00 + id[5]!)
  );
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return one.length === other.length;
}
