import { CoreError, type Hub, type Member, type Reader, type Room, type RoomEvent, type Unit } from '@confab/core';
import {
  type ControlMessage,
  decodePost,
  encodeOwnEvent,
  LeftReason,
  type LinkEndpoint,
  type LinkOwnEventBefore,
} from '@confab/wire/link';
import type { WireStats } from '../../stats.ts';
import { refusalOf } from './codes.ts';
import type { LinkEncoding, LinkRun } from './encoding.ts';

/** What a channel needs of its session. */
export interface ChannelHost {
  readonly hub: Hub;
  readonly stats: WireStats;
  readonly encoding: LinkEncoding;
  readonly endpoint: LinkEndpoint;
  /** Whether the client can be reached on a path. */
  readonly isConnected: boolean;
  /** Send a message on the control channel. */
  tell(message: ControlMessage): void;
  /** The endpoint has something to write. */
  wake(): void;
  /** The channel carries nothing any more. */
  closed(channel: LinkChannel): void;
}

export interface LinkChannelOptions {
  readonly host: ChannelHost;
  /** Its number. */
  readonly number: number;
  readonly member: Member;
  /** Number of the first event to come. */
  readonly firstSeq: number;
  /** From this number on the client has its own posts, so that they come in short. */
  readonly ownFromSeq: number;
  /** Begins the client id of each post: names the device and its outbox. */
  readonly clientIdPrefix: string;
}

/** A member's room on one channel of its session: posts in, the room's log out. */
export class LinkChannel {
  readonly number: number;
  readonly member: Member;
  readonly #host: ChannelHost;
  readonly #ownFromSeq: number;
  readonly #clientIdPrefix: string;
  #nextSeq: number;
  #heldSeq: number;
  #reader: Reader<LinkChannel> | undefined;
  /** What the channel carried last in each direction: the next one is told relative to it. */
  #lastOutbox: number | undefined;
  #lastOwn: LinkOwnEventBefore | undefined;
  /** *ending*: the room is closed, and its last events are still on their way. */
  #state: 'open' | 'ending' | 'gone' = 'open';

  constructor({ host, number, member, firstSeq, ownFromSeq, clientIdPrefix }: LinkChannelOptions) {
    this.#host = host;
    this.number = number;
    this.member = member;
    this.#ownFromSeq = ownFromSeq;
    this.#clientIdPrefix = clientIdPrefix;
    this.#nextSeq = firstSeq;
    this.#heldSeq = firstSeq;
  }

  get room(): Room {
    return this.member.room;
  }

  /** Whether the member's client can be reached. */
  get isConnected(): boolean {
    return this.#host.isConnected;
  }

  /** Whether the member is in the room, as far as this channel goes. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Read the room's log from now on; the channel is open at the endpoint, and JOINED is said. */
  start(): void {
    const { hub, encoding } = this.#host;
    this.#reader = hub.attach(this.member, encoding, this, this.#nextSeq - 1);
  }

  /** A record from the client. @throws {CodecError} it is no post */
  post(record: Uint8Array): void {
    const { kind, outbox, target, body } = decodePost(record, this.#lastOutbox);
    this.#lastOutbox = outbox;
    const clientId = this.#clientIdPrefix + outbox;
    const { headSeq } = this.room.log;
    const refused = this.#host.hub.post(this.member, {
      kind,
      body,
      clientId,
      target,
      settle: (result) => {
        if (result instanceof CoreError) this.#refuse(outbox, result);
        else if (result.seq <= headSeq || result.author !== this.member.id) this.#accept(outbox, result);
        // A new one comes back as an own event, which is its acceptance.
      },
    });
    if (refused !== undefined) this.#refuse(outbox, refused);
  }

  /** Write to the session. */
  deliver(units: readonly Unit[], reader: Reader<LinkChannel>): void {
    if (this.#state !== 'open') return;
    let run: Uint8Array[] = [];
    for (const unit of units) {
      if (unit.bytes.length === 0 || unit.seq < this.#nextSeq) continue;
      if (unit.seq > this.#nextSeq) {
        this.#send(run);
        run = [];
        this.skip(unit.seq - 1);
      }
      this.#nextSeq = unit.seq + 1;
      run.push(this.#bytesOf(unit));
    }
    if (this.#send(run)) reader.pause();
    this.#host.wake();
  }

  /** As `deliver`; members who have nothing of their own in it send the same. */
  deliverRun({ units, records, authors, count }: LinkRun, reader: Reader<LinkChannel>): void {
    if (records === undefined || records.first !== this.#nextSeq || authors.has(this.member.id)) {
      this.deliver(units, reader);
      return;
    }
    if (this.#state !== 'open') return;
    this.#nextSeq = records.last + 1;
    this.#host.stats.deliveries += count;
    if (this.#host.endpoint.sendRun(this.number, records)) reader.pause();
    this.#host.wake();
  }

  /** Records that follow one another. @returns whether the window is full now */
  #send(run: readonly Uint8Array[]): boolean {
    if (run.length === 0) return false;
    const { endpoint, stats } = this.#host;
    stats.deliveries += run.length;
    return endpoint.sendAll(this.number, run);
  }

  /** Events up to this one will not come. */
  skip(lastSeq: number): void {
    if (this.#state !== 'open' || lastSeq < this.#nextSeq) return;
    this.#nextSeq = lastSeq + 1;
    this.#host.endpoint.skip(this.number, lastSeq);
    this.#host.wake();
  }

  /** The client holds every event below. */
  held(nextSeq: number): void {
    this.#heldSeq = nextSeq;
    if (this.#state === 'ending') this.#endWhenHeld();
  }

  /** Sent once and forgotten. */
  ephemeral(kind: number, body: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#host.endpoint.sendEphemeral(this.number, kind, body);
    this.#host.wake();
  }

  /** There is room in the window again. */
  drained(): void {
    this.#reader?.resume();
  }

  /** The room was closed: the client is told once it has the last of it. */
  roomClosed(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#endWhenHeld();
  }

  /** The member is out, for a reason that needs no more of the log. */
  end(reason: number, text: string, request = 0): void {
    if (this.#state === 'gone') return;
    this.#host.tell({ type: 'left', request, channel: this.number, reason, text });
    this.#host.endpoint.closeChannel(this.number);
    this.release();
  }

  /** The session is over, or somebody else reads for the member: let go of the log. The member stays. */
  release(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#reader?.detach();
    this.#host.closed(this);
  }

  #endWhenHeld(): void {
    if (this.#heldSeq >= this.#nextSeq) this.end(LeftReason.ROOM_CLOSED, 'Room closed: the host has left');
  }

  #bytesOf(unit: Unit): Uint8Array {
    if (unit.author !== this.member.id || unit.seq < this.#ownFromSeq) return unit.bytes;
    const event = this.#host.encoding.eventOf(unit);
    const outbox = event === undefined ? undefined : this.#outboxOf(event);
    if (event === undefined || outbox === undefined) return unit.bytes;
    const { kind, target } = event;
    const own = { kind, timeMs: event.timeMs - this.#host.encoding.timeBaseMs, outbox };
    const bytes = encodeOwnEvent(target === undefined ? own : { ...own, target }, this.#lastOwn);
    this.#lastOwn = own;
    return bytes;
  }

  /** Number of the post in the outbox of this channel, if the event is one of its posts. */
  #outboxOf({ clientId }: RoomEvent): number | undefined {
    return clientId?.startsWith(this.#clientIdPrefix) === true
      ? Number(clientId.slice(this.#clientIdPrefix.length))
      : undefined;
  }

  #accept(post: number, { seq }: RoomEvent): void {
    if (this.#state !== 'gone') this.#host.tell({ type: 'accepted', channel: this.number, post, number: seq });
  }

  #refuse(post: number, error: CoreError): void {
    if (this.#state === 'gone') return;
    this.#host.stats.drop('refused');
    this.#host.tell({ type: 'refused', channel: this.number, post, ...refusalOf(error) });
  }
}
