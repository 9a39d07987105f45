/** Rooms over link, from docs/wires/link.md "Control messages" alone. */
import { randomBytes } from 'node:crypto';
import { RawLink } from './link.ts';
import { Fields, Frame, frame, text, varint } from './link-frames.ts';
import type { RawLinkOptions } from './link-handshake.ts';
import type { RawRecord } from './link-incoming.ts';
import { type ServerPorts, ShownQueue } from './member.ts';
import { within } from './wait.ts';

export const Control = {
  JOIN: 1,
  JOINED: 2,
  FAILED: 3,
  LEAVE: 4,
  LEFT: 5,
  ROOMS: 6,
  ROOM_LIST: 7,
  USERS: 8,
  USER_LIST: 9,
  ACCEPTED: 10,
  REFUSED: 11,
  KEYS: 12,
  ADD_KEY: 13,
  REMOVE_KEY: 14,
  KEY_LIST: 15,
} as const;

/** Event kinds as the rooms' logs have them. */
const Kind = { MESSAGE: 1, JOIN: 2, LEAVE: 3, CLOSE: 4, NOTICE: 5, EDIT: 6 } as const;

export interface RawCursor {
  readonly epoch: number;
  readonly roomId: number;
  readonly next: number;
}

export interface RawJoin {
  readonly room: string;
  readonly password?: string | undefined;
  readonly token?: string;
  readonly outboxId?: Buffer;
  /** 0 join or make open, 1 create hosted, 2 join only, 3 join or create hosted. */
  readonly entry?: number;
  readonly cursor?: RawCursor;
  readonly history?: number;
  readonly channel?: number;
}

export interface RawJoined {
  readonly channel: number;
  readonly isHost: boolean;
  readonly isHosted: boolean;
  readonly isResumed: boolean;
  readonly isResynchronised: boolean;
  readonly host: string;
  readonly token: string;
  readonly epoch: number;
  readonly roomId: number;
  readonly first: number;
  readonly head: number;
  readonly members: number;
  readonly timeBaseMs: number;
  readonly posts: number;
  readonly outboxId: Buffer;
}

/** FAILED, with its code. */
export class RawFailure extends Error {
  readonly code: number;

  constructor(code: number, why: string) {
    super(why);
    this.code = code;
  }
}

export interface RawEvent {
  readonly number: number;
  readonly kind: number;
  readonly timeMs: number;
  readonly target: number | undefined;
  readonly isVerified: boolean;
  /** Number of the post, if own. */
  readonly own: number | undefined;
  readonly user: string;
  readonly body: string;
}

/** How a post ended: the event it became, or REFUSED. */
export type RawResult = { readonly number: number } | { readonly code: number; readonly text: string };

/** A session with its rooms. */
export class RawChat {
  readonly link: RawLink;
  readonly user: string;
  readonly shown: ShownQueue;
  /** Of all rooms, as they came. */
  readonly events: RawEvent[] = [];
  readonly left: { readonly channel: number; readonly reason: number; readonly text: string }[] = [];
  readonly #answers = new Map<number, PromiseWithResolvers<{ type: number; body: Fields }>>();
  readonly #posts = new Map<string, { body: string; done: PromiseWithResolvers<RawResult> }>();
  readonly #lastOwn = new Map<number, RawEvent>();
  #request = 0;
  #channel = 0;
  #post = 0;

  static async open(server: ServerPorts, options: RawLinkOptions): Promise<RawChat> {
    return new RawChat(await RawLink.open(server, options), options.user);
  }

  constructor(link: RawLink, user: string) {
    this.link = link;
    this.user = user;
    this.shown = new ShownQueue(user);
    link.onRecord = (record) => {
      if (record.channel === 0) this.#control(new Fields(record.body));
      else this.#event(record);
    };
  }

  async join(join: RawJoin): Promise<RawJoined> {
    const { room, password = '', token = '', entry = 0, cursor, history } = join;
    const outboxId = join.outboxId ?? randomBytes(16);
    this.#channel = join.channel ?? this.#channel + 1;
    const flags = entry | (cursor === undefined ? 0 : 4) | (history === undefined ? 0 : 8);
    const parts = [varint(this.#channel), Buffer.from([flags]), text(room), text(password), text(token), outboxId];
    if (cursor !== undefined) parts.push(varint(cursor.epoch), varint(cursor.roomId), varint(cursor.next));
    if (history !== undefined) parts.push(varint(history));
    const { body } = await this.request(Control.JOIN, ...parts);
    const joined = { ...decodeJoined(body), outboxId };
    this.#lastOwn.delete(joined.channel);
    this.link.receive(joined.channel, joined.first);
    return joined;
  }

  /** @throws {RawFailure} */
  async request(type: number, ...fields: readonly Buffer[]): Promise<{ type: number; body: Fields }> {
    this.#request += 1;
    const answer = Promise.withResolvers<{ type: number; body: Fields }>();
    this.#answers.set(this.#request, answer);
    this.link.send(0, Buffer.concat([varint(type), varint(this.#request), ...fields]));
    return within(answer.promise, `the answer to request type ${type}`);
  }

  /** Number of the next post: as if earlier ones were in the outbox. */
  startPostsAt(number: number): void {
    this.#post = number - 1;
  }

  post(channel: number, body: string, kind: number = Kind.MESSAGE): Promise<RawResult> {
    this.#post += 1;
    return this.postAs(this.#post, channel, body, kind);
  }

  postAs(number: number, channel: number, body: string, kind: number = Kind.MESSAGE): Promise<RawResult> {
    const done = Promise.withResolvers<RawResult>();
    this.#posts.set(`${channel} ${number}`, { body, done });
    this.link.send(channel, Buffer.concat([Buffer.from([kind]), varint(number), Buffer.from(body)]));
    return done.promise;
  }

  ephemeral(channel: number, kind: number, body: string): void {
    this.link.sendFrames(frame(Frame.EPHEMERAL, varint(channel), varint(kind), Buffer.from(body)));
  }

  close(): void {
    this.link.close();
    // Nobody waits any more, and no timer of theirs keeps the process.
    for (const { reject } of this.#answers.values()) reject(new Error('Closed before the answer'));
    this.#answers.clear();
  }

  #control(fields: Fields): void {
    const type = fields.varint();
    if (type === Control.ACCEPTED) {
      const key = `${fields.varint()} ${fields.varint()}`;
      this.#posts.get(key)?.done.resolve({ number: fields.varint() });
      return;
    }
    if (type === Control.REFUSED) {
      const key = `${fields.varint()} ${fields.varint()}`;
      const refused = { code: fields.varint(), text: fields.text() };
      this.shown.push({ kind: 'error', text: refused.text });
      this.#posts.get(key)?.done.resolve(refused);
      return;
    }
    const request = fields.varint();
    if (type === Control.LEFT && request === 0) {
      const left = { channel: fields.varint(), reason: fields.varint(), text: fields.text() };
      this.left.push(left);
      this.shown.push({ kind: 'notice', text: left.text });
      return;
    }
    const answer = this.#answers.get(request);
    this.#answers.delete(request);
    if (type === Control.FAILED) answer?.reject(new RawFailure(fields.varint(), fields.text()));
    else answer?.resolve({ type, body: fields });
  }

  #event({ channel, number, body }: RawRecord): void {
    const event = decodeEvent(number, body, this.#lastOwn.get(channel));
    if (event.own !== undefined) this.#lastOwn.set(channel, event);
    this.events.push(event);
    const post = event.own === undefined ? undefined : this.#posts.get(`${channel} ${event.own}`);
    post?.done.resolve({ number });
    const user = event.own === undefined ? event.user : this.user;
    const said = event.own === undefined ? event.body : (post?.body ?? '');
    if (event.kind === Kind.MESSAGE) this.shown.push({ kind: 'chat', user, text: said });
    else if (event.kind === Kind.EDIT) this.shown.push({ kind: 'chat', user, text: `* ${said}` });
    else if (event.kind === Kind.JOIN) this.shown.push({ kind: 'notice', text: `${user} joined` });
    else if (event.kind === Kind.LEAVE) this.shown.push({ kind: 'notice', text: `${user} left` });
    else if (event.kind === Kind.NOTICE) this.shown.push({ kind: 'notice', text: said });
  }
}

function decodeJoined(body: Fields): Omit<RawJoined, 'outboxId'> {
  const channel = body.varint();
  const flags = body.byte();
  body.text();
  return {
    channel,
    isHost: (flags & 1) !== 0,
    isHosted: (flags & 2) !== 0,
    isResumed: (flags & 4) !== 0,
    isResynchronised: (flags & 8) !== 0,
    host: body.text(),
    token: body.text(),
    epoch: body.varint(),
    roomId: body.varint(),
    first: body.varint(),
    head: body.varint(),
    members: body.varint(),
    timeBaseMs: Number(body.take(8).readBigUInt64BE()),
    posts: body.varint(),
  };
}

function decodeEvent(number: number, bytes: Buffer, lastOwn: RawEvent | undefined): RawEvent {
  const body = new Fields(bytes);
  const flags = body.byte();
  const kind = (flags & 0x0f) === 15 ? body.varint() : flags & 0x0f;
  const zigZag = body.varint();
  const saidMs = zigZag % 2 === 0 ? zigZag / 2 : -(zigZag + 1) / 2;
  const isNext = (flags & 0x80) !== 0;
  const timeMs = saidMs + (isNext ? lastOwn!.timeMs : 0);
  const own = (flags & 0x10) === 0 ? undefined : isNext ? lastOwn!.own! + 1 : body.varint();
  const target = (flags & 0x20) === 0 ? undefined : body.varint();
  const user = own === undefined ? body.text() : '';
  return { number, kind, timeMs, target, own, isVerified: (flags & 0x40) !== 0, user, body: body.rest().toString() };
}
