import { type LinkEvent, type LinkSessionOptions, RecordRun } from '@confab/wire/link';
import { SimEnd } from './sim-link.ts';
import type { SimNetwork } from './sim-network.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** First byte of an event record: the short form for its author (docs/wires/link.md "Event"). */
export const OWN = 0x10;
/** Records that go out together at most. */
const RUN_RECORDS = 40;

/** One entry of a room's log. */
export interface LogEntry {
  readonly client: string;
  readonly outbox: number;
  readonly text: string;
}

/** What client and server say on channel 0 here; the real messages have tests of their own. */
export type Control =
  | { readonly join: string; readonly channel: number; readonly next: number }
  | { readonly joined: string; readonly channel: number; readonly first: number; readonly posts: number }
  | { readonly leave: number };

export const encodeControl = (control: Control): Uint8Array => encoder.encode(JSON.stringify(control));
export const decodeControl = (body: Uint8Array): Control => JSON.parse(decoder.decode(body)) as Control;

/** The server: a set of room logs, and a session for each client until it is killed. */
export class WorldServer {
  readonly logs = new Map<string, LogEntry[]>();
  readonly #highest = new Map<string, number>();
  readonly #sessions = new Set<ServerSession>();

  log(room: string): LogEntry[] {
    const log = this.logs.get(room) ?? [];
    this.logs.set(room, log);
    return log;
  }

  /** Each name of a post once. @returns nothing: whoever posted hears it as an event */
  append(room: string, entry: LogEntry): void {
    const name = `${room}/${entry.client}`;
    if (entry.outbox <= (this.#highest.get(name) ?? 0)) return;
    this.#highest.set(name, entry.outbox);
    this.log(room).push(entry);
    for (const session of this.#sessions) session.pump(room);
  }

  highestPost(room: string, client: string): number {
    return this.#highest.get(`${room}/${client}`) ?? 0;
  }

  add(session: ServerSession): void {
    this.#sessions.add(session);
  }

  remove(session: ServerSession): void {
    this.#sessions.delete(session);
    session.end.isGone = true;
  }

  has(session: ServerSession | undefined): boolean {
    return session !== undefined && this.#sessions.has(session);
  }

  /** Killed and started again: the logs are there, the sessions are not. */
  restart(): void {
    for (const session of this.#sessions) session.end.isGone = true;
    this.#sessions.clear();
  }
}

function bodyOf(flags: number, text: string): Uint8Array {
  const rest = encoder.encode(text);
  const body = new Uint8Array(1 + rest.length);
  body[0] = flags;
  body.set(rest, 1);
  return body;
}

/** The server's side of one session: rooms by channel, and how far each was read. */
export class ServerSession {
  readonly end: SimEnd;
  readonly #server: WorldServer;
  readonly #client: string;
  readonly #rooms = new Map<number, { readonly room: string; next: number; isPaused: boolean }>();

  constructor(server: WorldServer, client: string, network: SimNetwork, options: LinkSessionOptions) {
    this.#server = server;
    this.#client = client;
    this.end = new SimEnd(network, options, (event) => this.#handle(event));
  }

  /** Send what is new in a room. */
  pump(room: string): void {
    for (const [channel, reader] of this.#rooms) if (reader.room === room) this.#read(channel);
    this.end.flush();
  }

  #read(channel: number): void {
    const reader = this.#rooms.get(channel);
    if (reader === undefined) return;
    const log = this.#server.log(reader.room);
    while (!reader.isPaused && reader.next <= log.length) {
      // What others said goes out together, as a room's burst does.
      const bodies: Uint8Array[] = [];
      while (reader.next + bodies.length <= log.length && bodies.length < RUN_RECORDS) {
        const entry = log[reader.next + bodies.length - 1]!;
        if (entry.client === this.#client) break;
        bodies.push(bodyOf(0, `${entry.client} ${entry.text}`));
      }
      const run = RecordRun.of(reader.next, bodies);
      if (run !== undefined) {
        reader.next += bodies.length;
        reader.isPaused = this.end.session.sendRun(channel, run);
        continue;
      }
      const entry = log[reader.next - 1]!;
      reader.next += 1;
      const body = entry.client === this.#client ? bodyOf(OWN, `${entry.outbox}`) : bodies[0]!;
      reader.isPaused = this.end.session.send(channel, body).isFull;
    }
  }

  #handle(event: LinkEvent): void {
    if (event.type === 'drained') {
      const reader = this.#rooms.get(event.channel);
      if (reader === undefined) return;
      reader.isPaused = false;
      this.#read(event.channel);
    } else if (event.type === 'record') {
      if (event.channel === 0) {
        this.#control(decodeControl(event.body));
        return;
      }
      const reader = this.#rooms.get(event.channel);
      if (reader === undefined) return;
      const [outbox = '', ...text] = decoder.decode(event.body.subarray(1)).split(' ');
      this.#server.append(reader.room, { client: this.#client, outbox: Number(outbox), text: text.join(' ') });
    } else if (event.type === 'closed' && !event.byPeer) {
      throw new Error(`The server found fault with ${this.#client}: ${event.text}`);
    }
  }

  #control(control: Control): void {
    const { session } = this.end;
    if ('leave' in control) {
      this.#rooms.delete(control.leave);
      session.closeChannel(control.leave);
    } else if ('join' in control) {
      const { join: room, channel, next } = control;
      this.#rooms.set(channel, { room, next, isPaused: false });
      session.openChannel(channel, { sendFrom: next, receiveFrom: 1 });
      const posts = this.#server.highestPost(room, this.#client);
      session.send(0, encodeControl({ joined: room, channel, first: next, posts }));
      this.#read(channel);
    }
  }
}
