import type { LinkEvent } from '@confab/wire/link';
import { fakeLinkCrypto } from './fake-link-crypto.ts';
import { type Control, decodeControl, encodeControl, OWN, ServerSession, type WorldServer } from './link-world.ts';
import type { Prng } from './prng.ts';
import { SimEnd, SimWire } from './sim-link.ts';
import type { SimNetwork } from './sim-network.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Time between a broken connection and the next attempt, ms. */
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 800;

interface JoinedRoom {
  channel: number;
  isIn: boolean;
}

/** Somebody at a client: rooms, what was seen of each, and posts that are kept until they are accepted. */
export class WorldClient {
  readonly name: string;
  readonly wire: SimWire;
  /** By room: the next number to come; it outlives sessions. */
  readonly cursors = new Map<string, number>();
  readonly views = new Map<string, string[]>();
  readonly outbox = new Map<string, { readonly number: number; readonly text: string }[]>();
  readonly accepted: { readonly room: string; readonly number: number }[] = [];
  readonly rooms = new Map<string, JoinedRoom>();
  readonly #network: SimNetwork;
  readonly #random: Prng;
  readonly #server: WorldServer;
  #end: SimEnd | undefined;
  #serverSession: ServerSession | undefined;
  #nextPost = 1;
  #nextChannel = 1;
  #isConnecting = false;
  isAway = false;

  constructor(name: string, network: SimNetwork, server: WorldServer) {
    this.name = name;
    this.#network = network;
    this.#random = network.random.fork();
    this.#server = server;
    this.wire = new SimWire(network);
  }

  get end(): SimEnd | undefined {
    return this.#end;
  }

  /** Everything posted is accepted, and everything in the rooms was seen. */
  isContent(): boolean {
    if (this.isAway || this.#end === undefined) return false;
    for (const [room, { isIn }] of this.rooms) {
      if (!isIn || (this.outbox.get(room)?.length ?? 0) > 0) return false;
      if ((this.cursors.get(room) ?? 1) <= this.#server.log(room).length) return false;
    }
    return true;
  }

  join(room: string): void {
    if (this.rooms.has(room)) return;
    this.rooms.set(room, { channel: 0, isIn: false });
    if (this.#end !== undefined) this.#enter(room);
  }

  leave(room: string): void {
    const joined = this.rooms.get(room);
    if (joined === undefined) return;
    this.rooms.delete(room);
    if (this.#end === undefined || !joined.isIn) {
      // A JOIN is under way: its answer will find nobody.
      if (this.#end !== undefined) this.#say({ leave: joined.channel });
      return;
    }
    this.#say({ leave: joined.channel });
    this.#end.session.closeChannel(joined.channel);
    this.#end.flush();
  }

  post(room: string, text: string): void {
    if (!this.rooms.has(room)) return;
    const post = { number: this.#nextPost, text };
    this.#nextPost += 1;
    const waiting = this.outbox.get(room) ?? [];
    this.outbox.set(room, waiting);
    waiting.push(post);
    const joined = this.rooms.get(room)!;
    if (joined.isIn) this.#send(joined.channel, post);
  }

  /** Close the lid: the session is lost at this end. */
  goAway(): void {
    this.isAway = true;
    this.wire.disconnect();
    this.#forget();
  }

  comeBack(): void {
    this.isAway = false;
    this.connect();
  }

  /** Keep trying until there is a connection. */
  connect(): void {
    if (this.#isConnecting || this.isAway || this.wire.isConnected) return;
    this.#isConnecting = true;
    this.#network.after(this.#random.int(RECONNECT_MS_MIN, RECONNECT_MS_MAX), () => {
      this.#isConnecting = false;
      if (this.isAway || this.wire.isConnected) return;
      const { streamUp, streamDown } = this.wire;
      if (streamUp.isBlocked || streamDown.isBlocked) return this.connect();
      this.#connected();
    });
  }

  breakConnection(): void {
    this.wire.disconnect();
    this.connect();
  }

  #connected(): void {
    if (this.#end === undefined || !this.#server.has(this.#serverSession)) this.#begin();
    this.wire.connect();
    this.#end!.flush();
  }

  /** A new session: join again with the cursors, post again what is not accepted. */
  #begin(): void {
    this.#forget();
    const shared = {
      mode: 'auto' as const,
      crypto: fakeLinkCrypto(this.#random.fork()),
      datagramSecret: this.#random.bytes(32),
      connectionId: this.#random.bytes(8),
      datagramBytesMax: 1_472,
    };
    this.#end = new SimEnd(this.#network, { ...shared, role: 'client', peerAddress: 'server' }, (event) =>
      this.#handle(event),
    );
    this.#serverSession = new ServerSession(this.#server, this.name, this.#network, {
      ...shared,
      role: 'server',
      peerAddress: undefined,
    });
    this.#server.add(this.#serverSession);
    this.wire.join(this.#end, this.#serverSession.end);
    this.#nextChannel = 1;
    for (const room of this.rooms.keys()) this.#enter(room);
  }

  #forget(): void {
    if (this.#serverSession !== undefined) this.#server.remove(this.#serverSession);
    if (this.#end !== undefined) this.#end.isGone = true;
    this.#end = undefined;
    this.#serverSession = undefined;
    for (const joined of this.rooms.values()) joined.isIn = false;
  }

  #enter(room: string): void {
    const joined = this.rooms.get(room)!;
    joined.channel = this.#nextChannel;
    joined.isIn = false;
    this.#nextChannel += 1;
    this.#say({ join: room, channel: joined.channel, next: this.cursors.get(room) ?? 1 });
  }

  #say(control: Control): void {
    this.#end?.session.send(0, encodeControl(control));
    this.#end?.flush();
  }

  #send(channel: number, { number, text }: { readonly number: number; readonly text: string }): void {
    const rest = encoder.encode(`${number} ${text}`);
    const body = new Uint8Array(1 + rest.length);
    body.set(rest, 1);
    this.#end!.session.send(channel, body);
    this.#end!.flush();
  }

  #handle(event: LinkEvent): void {
    if (event.type === 'stream-dead') {
      // Not from within: the end is in the middle of something.
      this.#network.after(0, () => this.breakConnection());
    } else if (event.type === 'closed') {
      throw new Error(`${this.name} found fault with the server: ${event.text}`);
    } else if (event.type === 'record') {
      if (event.channel === 0) this.#control(decodeControl(event.body));
      else this.#event(event.channel, event.number, event.body);
    }
  }

  #control(control: Control): void {
    if (!('joined' in control)) return;
    const { joined: room, channel, first, posts } = control;
    const entry = this.rooms.get(room);
    const { session } = this.#end!;
    session.openChannel(channel, { sendFrom: 1, receiveFrom: first });
    if (entry === undefined || entry.channel !== channel) {
      session.closeChannel(channel);
      return;
    }
    entry.isIn = true;
    const waiting = this.outbox.get(room) ?? [];
    while (waiting.length > 0 && waiting[0]!.number <= posts) this.#accept(room, waiting.shift()!.number);
    for (const post of waiting) this.#send(channel, post);
  }

  #event(channel: number, number: number, body: Uint8Array): void {
    for (const [room, joined] of this.rooms) {
      if (joined.channel !== channel || !joined.isIn) continue;
      const next = this.cursors.get(room) ?? 1;
      if (number !== next) throw new Error(`${this.name} got ${number} of ${room} where ${next} was next`);
      const entry = this.#server.log(room)[number - 1];
      if (entry === undefined) throw new Error(`${this.name} got ${number} of ${room}, which is not in its log`);
      const rest = decoder.decode(body.subarray(1));
      const expected = body[0] === OWN ? `${entry.outbox}` : `${entry.client} ${entry.text}`;
      if (rest !== expected) throw new Error(`${this.name} got "${rest}" as ${number} of ${room}, not "${expected}"`);
      this.cursors.set(room, next + 1);
      const waiting = this.outbox.get(room) ?? [];
      if (body[0] !== OWN) return;
      if (waiting[0]?.number === entry.outbox) waiting.shift();
      this.#accept(room, entry.outbox);
      return;
    }
  }

  #accept(room: string, number: number): void {
    this.accepted.push({ room, number });
  }
}
