import type { Hub, Member } from '@confab/core';
import { encodeJsonGreeting, jsonErrorTexts } from '@confab/wire/json';
import type { Logger } from 'pino';
import type { WireStats } from '../stats.ts';
import type { StreamWriter } from '../streams/writer.ts';
import type { Tap } from '../tap.ts';
import { ConnectionSlots } from './connection-slots.ts';
import type { OlderWires } from './degraded.ts';
import { JsonStreamEncoding } from './json-encoding.ts';
import type { JsonFraming } from './json-framing.ts';
import type { RoomList } from './json-rooms.ts';
import { JsonSession } from './json-session.ts';
import type { JsonTransport } from './json-transport.ts';
import { UserLists } from './json-users.ts';

export interface JsonSessionsOptions {
  readonly hub: Hub;
  /** The wire's name, in logs. */
  readonly wire: string;
  readonly stats: WireStats;
  readonly log: Logger;
  readonly rooms: RoomList;
  /** What is shown of what these wires have no words for. */
  readonly olderWires: OlderWires;
  /** What stands for a JSON object in the stream. */
  readonly framing: JsonFraming;
  /** Newest events sent to who joins. */
  readonly historyMax: number;
  readonly connectionsMax: number;
  /** Of these, from one IP address. */
  readonly addressConnectionsMax: number;
  /** What connections are written to with. */
  readonly writer: StreamWriter;
  readonly tap: Tap;
  /** Connections in no room; beyond it the oldest of them is closed. */
  readonly idleConnectionsMax: number;
  /** Time in no room after which a connection is closed, ms. */
  readonly joinTimeoutMs: number;
}

/** The sessions of one gateway of a JSON stream: how many there may be, and which of them is in a room as whom. */
export class JsonSessions {
  readonly hub: Hub;
  readonly wire: string;
  readonly stats: WireStats;
  readonly log: Logger;
  readonly rooms: RoomList;
  readonly users: UserLists;
  readonly historyMax: number;
  readonly encoding: JsonStreamEncoding;
  readonly #options: JsonSessionsOptions;
  readonly #all = new Set<JsonSession>();
  readonly #byAddress = new Map<string, number>();
  readonly #byMember = new Map<number, JsonSession>();
  /** Those in no room. */
  readonly #idle: ConnectionSlots<JsonSession>;
  readonly #joinTimers = new Map<JsonSession, NodeJS.Timeout>();

  constructor(options: JsonSessionsOptions) {
    this.#options = options;
    this.hub = options.hub;
    this.wire = options.wire;
    this.stats = options.stats;
    this.log = options.log;
    this.rooms = options.rooms;
    this.users = new UserLists(options.hub);
    this.historyMax = options.historyMax;
    const { framing, olderWires, writer: streams, stats, tap } = options;
    this.encoding = new JsonStreamEncoding(options.wire, { framing, olderWires, streams, stats, tap });
    this.#idle = new ConnectionSlots(options.idleConnectionsMax, options.idleConnectionsMax, (session) => {
      this.stats.drop('limited');
      session.dismiss(jsonErrorTexts.serverBusy);
    });
    this.hub.observe({
      memberRemoved: (member, reason) => {
        const session = this.#byMember.get(member.id);
        if (session === undefined) return;
        this.#byMember.delete(member.id);
        if (reason === 'room-closed') session.roomClosed(member);
      },
    });
  }

  get size(): number {
    return this.#all.size;
  }

  /** Whether one more connection from this IP address can be served. */
  hasRoomFor(address: string): boolean {
    const { connectionsMax, addressConnectionsMax } = this.#options;
    return this.#all.size < connectionsMax && (this.#byAddress.get(address) ?? 0) < addressConnectionsMax;
  }

  /** Serve a connection, which is greeted at once. */
  open(transport: JsonTransport): JsonSession {
    const session = new JsonSession(this, transport);
    const { address } = transport;
    this.#all.add(session);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    this.stats.connections += 1;
    transport.send(encodeJsonGreeting(this.hub.position));
    this.idle(session);
    return session;
  }

  /** The session is in no room. */
  idle(session: JsonSession): void {
    if (!this.#all.has(session) || this.#joinTimers.has(session)) return;
    this.#joinTimers.set(
      session,
      setTimeout(() => session.dismiss(jsonErrorTexts.joinRoomFirst), this.#options.joinTimeoutMs),
    );
    this.#idle.take(session, session.transport.address);
  }

  /** The session is in a room, as this member. */
  joined(session: JsonSession, member: Member): void {
    this.#endIdle(session);
    this.#byMember.set(member.id, session);
  }

  /** The member leaves its room, of its own will. */
  left(member: Member): void {
    this.#byMember.delete(member.id);
  }

  /** The session's connection is gone. */
  forget(session: JsonSession): void {
    if (!this.#all.delete(session)) return;
    this.#endIdle(session);
    this.stats.connections -= 1;
    const { address } = session.transport;
    const others = this.#byAddress.get(address)! - 1;
    if (others === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, others);
  }

  /** The server stops: everybody leaves, is told why, and is let go. */
  async close(): Promise<void> {
    const farewells = [...this.#all].map((session) => session.prepareFarewell());
    await this.hub.idle();
    for (const farewell of farewells) farewell();
  }

  #endIdle(session: JsonSession): void {
    clearTimeout(this.#joinTimers.get(session));
    this.#joinTimers.delete(session);
    this.#idle.release(session);
  }
}
