import { type Admission, CoreError, type Entry, type Hub, type Member, type Room } from '@confab/core';
import {
  type ControlMessage,
  type Join,
  LeftReason,
  type LinkEndpoint,
  LinkErrorCode,
  type Search,
  type UnknownControl,
} from '@confab/wire/link';
import type { Identity } from './admission.ts';
import { type ChannelHost, LinkChannel } from './channel.ts';
import { type Refusal, refusal, refusalOf } from './codes.ts';
import { KeyRequests } from './keys.ts';
import { LINK_PROFILE, type LinkMembers } from './members.ts';
import { searchForLink } from './search.ts';

/** Random bytes of a member token. */
const TOKEN_FORMAT = { prefix: '', bytes: 16 } as const;

export interface RequestsOptions {
  readonly hub: Hub;
  readonly members: LinkMembers;
  readonly host: ChannelHost;
  readonly endpoint: LinkEndpoint;
  readonly identity: Identity;
  /** IP address of the client: what rates are counted by. */
  readonly address: () => string;
  /** Rooms of a session at a time. */
  readonly channelsMax: number;
  readonly channels: Map<number, LinkChannel>;
  readonly isOver: () => boolean;
  /** Whether what is not acknowledged of the control channel leaves room for a list. */
  readonly hasRoomForLists: () => boolean;
  /** The user name is that device key's no more. */
  readonly onKeyRemoved: (user: string, deviceKey: string) => void;
  readonly onFault: (error: unknown) => void;
}

interface Entered {
  readonly member: Member;
  readonly token: string;
  /** The membership of the token goes on. */
  readonly isResumed: boolean;
  /** Everything above is to come unless the client asks for more. */
  readonly seenSeq: number;
}

/** The requests of one session: rooms joined and left, lists and searches. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #keys: KeyRequests;
  #lastChannel = 0;
  /** Rooms that are being joined. */
  readonly #joining = new Set<string>();

  constructor(options: RequestsOptions) {
    this.#options = options;
    const { hub, identity, address, host, onKeyRemoved } = options;
    this.#keys = new KeyRequests({
      hub,
      identity,
      address,
      tell: (message) => host.tell(message),
      refuse: (request, why) => this.refuse(request, why),
      onRemoved: onKeyRemoved,
    });
  }

  handle(message: ControlMessage | UnknownControl): void {
    switch (message.type) {
      case 'join':
        this.#join(message).catch((error: unknown) => this.#options.onFault(error));
        return;
      case 'leave':
        this.#leave(message.request, message.channel);
        return;
      case 'rooms':
        this.#list(message.request, () => {
          const { items, more } = this.#options.members.listRooms(message.after);
          this.#options.host.tell({ type: 'room-list', request: message.request, rooms: items, more });
        });
        return;
      case 'users':
        this.#listUsers(message.request, message.channel, message.skip ?? 0);
        return;
      case 'keys':
      case 'add-key':
      case 'remove-key':
        this.#list(message.request, () => {
          this.#keys.handle(message).catch((error: unknown) => this.#options.onFault(error));
        });
        return;
      case 'search':
        this.#search(message);
        return;
      case 'unknown':
        if (message.request !== undefined) this.refuse(message.request, notUnderstood);
        return;
      default:
        // What only a server says.
        this.refuse('request' in message ? message.request : 0, notUnderstood);
    }
  }

  refuse(request: number, { code, text }: Refusal): void {
    this.#options.host.stats.drop('refused');
    this.#options.host.tell({ type: 'failed', request, code, text });
  }

  async #join(join: Join): Promise<void> {
    const { endpoint, channels, channelsMax, isOver } = this.#options;
    const fault = this.#judge(join);
    if (fault !== undefined) {
      this.refuse(join.request, fault);
      return;
    }
    this.#lastChannel = join.channel;
    this.#joining.add(join.room);
    try {
      if (channels.size + this.#joining.size > channelsMax)
        throw new CoreError('LIMIT_REACHED', `A session has at most ${channelsMax} rooms at a time`);
      const entered = await this.#enter(join);
      await this.#open(join, entered);
      // The client never heard of a membership that is new: nobody would come for it.
      if (isOver() && !entered.isResumed && !channels.has(join.channel)) this.#options.hub.leave(entered.member);
    } catch (error) {
      // Posts may be there already: they are not for anybody.
      if (!channels.has(join.channel)) endpoint.closeChannel(join.channel);
      this.refuse(join.request, refusalOf(error));
    } finally {
      this.#joining.delete(join.room);
    }
  }

  #judge({ channel, room }: Join): Refusal | undefined {
    const { channels } = this.#options;
    if (this.#joining.has(room)) return refusal(LinkErrorCode.NOT_VALID, 'The room is being joined already');
    if (channel <= this.#lastChannel)
      return refusal(LinkErrorCode.NOT_VALID, `Channel ${channel} is not above ${this.#lastChannel}, the last one`);
    for (const other of channels.values())
      if (other.isOpen && other.room.name === room)
        return refusal(LinkErrorCode.NOT_VALID, `The room is on channel ${other.number} already`);
    return undefined;
  }

  async #enter(join: Join): Promise<Entered> {
    const { hub, identity } = this.#options;
    const known = join.token === '' ? undefined : hub.authenticate(join.token, join.room, undefined);
    if (known !== undefined && isTheirs(known, identity)) {
      const { headSeq } = known.room.log;
      return { member: known, token: join.token, isResumed: true, seenSeq: headSeq };
    }
    const { member, token, joinSeq } = await this.#admit(join);
    return { member, token, isResumed: false, seenSeq: joinSeq };
  }

  async #admit({ entry: way, room, password }: Join): Promise<Admission> {
    const { hub, identity, address } = this.#options;
    const entry: Entry = {
      room,
      user: identity.user,
      deviceKey: identity.deviceKey,
      password,
      address: address(),
      token: TOKEN_FORMAT,
      profile: LINK_PROFILE,
    };
    switch (way) {
      case 'join-or-make':
        return hub.join(entry, { makeOpen: true });
      case 'create-hosted':
        return hub.create(entry);
      case 'join-only':
        return hub.join(entry);
      case 'join-or-create-hosted':
        if (hub.findRoom(room) !== undefined) return hub.join(entry);
        // Somebody else may be making it at this moment.
        return hub.create(entry).catch((error: unknown) => {
          if (error instanceof CoreError && error.code === 'ROOM_EXISTS') return hub.join(entry);
          throw error;
        });
    }
  }

  async #open(join: Join, { member, token, isResumed, seenSeq }: Entered): Promise<void> {
    const { hub, members, host, endpoint, channels, isOver } = this.#options;
    const { room } = member;
    const { cursor, history } = join;
    const isCursorGood =
      cursor !== undefined &&
      (await hub.isCursorValid(room, { roomId: cursor.roomId, epoch: cursor.epoch, seq: cursor.next - 1 }));
    if (isOver()) return;
    if (member.state !== 'joined') throw new CoreError('ROOM_CLOSED', 'Cannot join the room: it was closed');
    const wantedSeq = isCursorGood ? cursor.next : seenSeq + 1 - (history ?? 0);
    const firstSeq = Math.max(room.log.firstSeq, wantedSeq);
    const clientIdPrefix = postsOf(this.#options.identity, join.outboxId);
    members.find(member)?.end(LeftReason.TIMED_OUT, 'The room was taken over by a later session');
    const channel = new LinkChannel({
      host,
      number: join.channel,
      member,
      firstSeq,
      ownFromSeq: isCursorGood ? firstSeq : seenSeq + 1,
      clientIdPrefix,
    });
    endpoint.openChannel(join.channel, { sendFrom: firstSeq, receiveFrom: 1 });
    channels.set(join.channel, channel);
    members.add(channel);
    // Kept for as long as the session is; from its end on the time runs.
    member.timeoutMs = undefined;
    host.tell({
      type: 'joined',
      request: join.request,
      channel: join.channel,
      isHost: member.isHost,
      isHosted: room.kind === 'hosted',
      isResumed,
      isResynchronised: cursor !== undefined && !isCursorGood,
      room: room.name,
      host: room.hostName,
      token,
      epoch: hub.epoch,
      roomId: room.id,
      first: firstSeq,
      head: room.log.headSeq,
      members: room.members.size,
      timeBaseMs: host.encoding.timeBaseMs,
      posts: highestPost(room, clientIdPrefix),
    });
    channel.start();
  }

  #leave(request: number, number: number): void {
    const channel = this.#options.channels.get(number);
    if (channel === undefined) {
      this.refuse(request, notAMember);
      return;
    }
    this.#options.hub.leave(channel.member);
    channel.end(LeftReason.ASKED_FOR, '', request);
  }

  #listUsers(request: number, number: number, skip: number): void {
    const channel = this.#options.channels.get(number);
    if (channel === undefined) {
      this.refuse(request, notAMember);
      return;
    }
    this.#list(request, () => {
      const { items, more } = this.#options.members.listUsers(channel.room, skip);
      this.#options.host.tell({ type: 'user-list', request, users: items, more });
    });
  }

  #search(search: Search): void {
    const { request, channel: number } = search;
    const channel = this.#options.channels.get(number);
    if (channel === undefined) {
      this.refuse(request, notAMember);
      return;
    }
    this.#list(request, () => {
      searchForLink(this.#options.hub, channel.member, search)
        .then((found) => {
          if (!this.#options.isOver()) this.#list(request, () => this.#options.host.tell(found));
        })
        .catch((error: unknown) => {
          if (!this.#options.isOver()) this.refuse(request, refusalOf(error));
        })
        .catch((error: unknown) => this.#options.onFault(error));
    });
  }

  #list(request: number, answer: () => void): void {
    if (this.#options.hasRoomForLists()) answer();
    else this.refuse(request, refusal(LinkErrorCode.RATE_LIMITED, 'Too many answers are not acknowledged yet'));
  }
}

const notUnderstood = refusal(LinkErrorCode.NOT_UNDERSTOOD, 'This server does not know such a request');
const notAMember = refusal(LinkErrorCode.NOT_A_MEMBER, 'No room is on this channel');

/** Whether a membership was given to who asks for it now, and on this wire. */
function isTheirs(member: Member, { user, deviceKey }: Identity): boolean {
  return member.profile === LINK_PROFILE && member.user === user && member.deviceKey === deviceKey;
}

/** Begins the client ids of an outbox's posts: nobody else can make the same, since a key is proved and outbox ids are secret. */
function postsOf({ deviceKey }: Identity, outboxId: Uint8Array): string {
  return `${deviceKey ?? 'guest'}/${Buffer.from(outboxId).toString('base64url')}/`;
}

/** Of the posts of an outbox the highest number among the room's events in memory; 0 when there is none. */
function highestPost({ log }: Room, clientIdPrefix: string): number {
  const events = log.read(log.tailStartSeq, log.headSeq);
  let highest = 0;
  if (events instanceof Promise) return highest;
  for (const { clientId } of events) {
    if (clientId?.startsWith(clientIdPrefix) !== true) continue;
    highest = Math.max(highest, Number(clientId.slice(clientIdPrefix.length)));
  }
  return highest;
}
