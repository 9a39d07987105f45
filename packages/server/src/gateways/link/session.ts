import type { TLSSocket } from 'node:tls';
import { type Hub, TokenBucket } from '@confab/core';
import { type Alarm, LinkDriver } from '@confab/link';
import { CodecError } from '@confab/wire';
import {
  type ControlMessage,
  decodeControl,
  encodeAttributed,
  encodeControl,
  LinkErrorCode,
  type LinkEvent,
  type LinkReadout,
} from '@confab/wire/link';
import type { WireStats } from '../../stats.ts';
import type { Identity } from './admission.ts';
import type { ChannelHost, LinkChannel } from './channel.ts';
import { refusal } from './codes.ts';
import type { LinkEncoding } from './encoding.ts';
import type { CountedSession } from './endpoint.ts';
import { Requests } from './requests.ts';
import type { SessionContext, SessionFacts } from './session-context.ts';

/** Rooms of a session; the control channel is one more. */
export const ROOMS_MAX = 255;
/** Records of the control channel that are not acknowledged; with more the client does not read, and the session ends. */
export const CONTROL_RECORDS_MAX = 8192;
/** What a client may say of itself that is not stored, bytes. */
const EPHEMERAL_BYTES_MAX = 256;
/** How often a session without a connection looks whether its other path is there, as a share of its grace. */
const GRACE_CHECKS = 8;

/** One device's stay: its paths, its rooms, and what it asks for. */
export class LinkServerSession implements ChannelHost {
  readonly identity: Identity;
  readonly id: Uint8Array;
  readonly ticket: Uint8Array;
  readonly connectionId: Uint8Array;
  readonly hasDatagrams: boolean;
  readonly endpoint: CountedSession;
  /** IP address that it is counted by. */
  readonly address: string;
  readonly channels = new Map<number, LinkChannel>();
  readonly #context: SessionContext;
  readonly #driver: LinkDriver;
  readonly #requests: Requests;
  readonly #requestRate: TokenBucket;
  readonly #ephemeralRate: TokenBucket;
  readonly #graceAlarm: Alarm;
  #latestAddress: string;
  #socket: TLSSocket | undefined;
  #goneSinceMs: number | undefined;
  #isOver = false;
  #isDeaf = false;
  #controlHeld = 0;
  #isControlFull = false;

  constructor(facts: SessionFacts) {
    const { context, identity, endpoint, id, ticket, connectionId, hasDatagrams, address } = facts;
    this.#context = context;
    this.identity = identity;
    this.id = id;
    this.ticket = ticket;
    this.connectionId = connectionId;
    this.hasDatagrams = hasDatagrams;
    this.endpoint = endpoint;
    this.address = address;
    this.#latestAddress = address;
    const { hub, loop, settings, members, sendDatagram } = context;
    const nowMs = hub.clock.monotonicMs();
    this.#requestRate = new TokenBucket(settings.requests, nowMs);
    this.#ephemeralRate = new TokenBucket(settings.ephemerals, nowMs);
    this.#driver = new LinkDriver({
      endpoint,
      loop,
      sendDatagram,
      onEvent: (event) => this.#handle(event),
      onFault: (error) => this.#fault(error),
    });
    this.#graceAlarm = loop.alarms.create((now) => this.#checkGrace(now));
    this.#requests = new Requests({
      hub,
      members,
      host: this,
      endpoint,
      identity,
      address: () => this.#latestAddress,
      channelsMax: ROOMS_MAX,
      channels: this.channels,
      isOver: () => this.#isOver,
      hasRoomForLists: () => !this.#isControlFull,
      onKeyRemoved: context.onKeyRemoved,
      onFault: (error) => this.#fault(error),
    });
  }

  get hub(): Hub {
    return this.#context.hub;
  }

  get stats(): WireStats {
    return this.#context.stats;
  }

  get encoding(): LinkEncoding {
    return this.#context.encoding;
  }

  get readout(): LinkReadout {
    return this.endpoint.readout;
  }

  /** Whether the client can be reached on a path. */
  get isConnected(): boolean {
    return !this.#isOver && (this.#driver.hasStream || this.endpoint.readout.paths.udp === 'up');
  }

  /** A connection of this session, on which WELCOME is said; the one before it is cut. */
  openStream(socket: TLSSocket, address: string): void {
    this.#latestAddress = address;
    this.#socket = socket;
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#graceAlarm.ringBy(this.#context.loop.clock.monotonicMs());
    });
    this.#driver.openStream(socket);
    socket.resume();
  }

  receiveDatagram(bytes: Uint8Array, from: string): void {
    this.#driver.receiveDatagram(bytes, from);
  }

  /** Take nothing more from the client; what was taken is still answered. */
  stopListening(): void {
    this.#isDeaf = true;
  }

  /** Say goodbye, and be over. The memberships stay for the resume window. */
  close(code: LinkErrorCode, text: string): void {
    if (this.#isOver) return;
    const { text: bounded } = refusal(code, text);
    this.#driver.close(code, bounded);
    this.#end();
  }

  tell(message: ControlMessage): void {
    if (this.#isOver) return;
    const { number, isFull } = this.endpoint.send(0, encodeControl(message));
    this.#isControlFull = isFull;
    if (number - this.#controlHeld > CONTROL_RECORDS_MAX) {
      this.stats.drop('limited');
      this.close(LinkErrorCode.LIMIT_REACHED, 'Too many answers are not acknowledged');
    } else {
      this.wake();
    }
  }

  wake(): void {
    this.#driver.wake();
  }

  closed(channel: LinkChannel): void {
    this.#context.members.remove(channel);
    this.channels.delete(channel.number);
    const { member } = channel;
    member.timeoutMs = this.#context.settings.resumeWindowMs;
    this.hub.touch(member);
  }

  #handle(event: LinkEvent): void {
    if (this.#isOver) return;
    switch (event.type) {
      case 'record':
        this.#record(event.channel, event.body);
        return;
      case 'held':
        if (event.channel === 0) this.#controlHeld = event.next - 1;
        else this.channels.get(event.channel)?.held(event.next);
        return;
      case 'drained':
        if (event.channel === 0) this.#isControlFull = false;
        else this.channels.get(event.channel)?.drained();
        return;
      case 'ephemeral':
        this.#ephemeral(event.channel, event.kind, event.body);
        return;
      case 'path':
        this.#context.totals.pathChanged(event.path, event.reason);
        return;
      case 'stream-dead':
        this.#socket?.destroy();
        return;
      case 'closed':
        if (!event.byPeer) this.stats.drop('unreadable');
        this.#context.log.debug({ code: event.code, byPeer: event.byPeer }, 'link: session closed');
        this.#end();
        return;
      case 'skipped':
        // Posts that the client has given up.
        return;
    }
  }

  #record(channel: number, body: Uint8Array): void {
    this.stats.received += 1;
    if (this.#isDeaf) return;
    try {
      if (channel === 0) this.#request(body);
      else this.channels.get(channel)?.post(body);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.stats.drop('unreadable');
      this.close(LinkErrorCode.PROTOCOL_ERROR, error.message);
    }
  }

  #request(body: Uint8Array): void {
    const message = decodeControl(body);
    if (this.#requestRate.take(this.hub.clock.monotonicMs())) {
      this.#requests.handle(message);
      return;
    }
    this.stats.drop('limited');
    const request = 'request' in message ? message.request : undefined;
    if (request !== undefined) this.#requests.refuse(request, tooMany);
  }

  /** To the room's other members on this wire, who learn whose it is. */
  #ephemeral(number: number, kind: number, body: Uint8Array): void {
    const channel = this.channels.get(number);
    if (channel === undefined || !channel.isOpen || this.#isDeaf) return;
    if (body.length > EPHEMERAL_BYTES_MAX || !this.#ephemeralRate.take(this.hub.clock.monotonicMs())) {
      this.stats.drop('limited');
      return;
    }
    const bytes = encodeAttributed({ user: this.identity.user, body });
    for (const other of this.#context.members.of(channel.room)) if (other !== channel) other.ephemeral(kind, bytes);
  }

  #checkGrace(nowMs: number): void {
    if (this.#isOver || this.#driver.hasStream) {
      this.#goneSinceMs = undefined;
      return;
    }
    const { sessionGraceMs } = this.#context.settings;
    if (this.isConnected) this.#goneSinceMs = undefined;
    else this.#goneSinceMs ??= nowMs;
    if (this.#goneSinceMs !== undefined && nowMs - this.#goneSinceMs >= sessionGraceMs) {
      this.#driver.end();
      this.#end();
      return;
    }
    this.#graceAlarm.ringBy(nowMs + sessionGraceMs / GRACE_CHECKS);
  }

  #fault(error: unknown): void {
    this.#context.log.error({ err: error }, 'link: a session failed');
    this.#driver.end();
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#graceAlarm.cancel();
    for (const channel of [...this.channels.values()]) channel.release();
    this.#context.onOver(this);
  }
}

const tooMany = refusal(LinkErrorCode.RATE_LIMITED, 'Too many requests; slow down');
