import { Committer } from './committer.ts';
import type { Encoding } from './encoding.ts';
import { CoreError } from './errors.ts';
import type { RoomEvent } from './event.ts';
import { copyLimits, type Limits, overwriteLimits } from './limits.ts';
import type { RoomLog } from './log.ts';
import { Member, type MemberFacts, type MemberState } from './member.ts';
import { NameOwners } from './name-owners.ts';
import { validateRoomName, validateUserName } from './names.ts';
import { type HubObserver, Observers, type RemovalReason } from './observers.ts';
import {
  CloseOperation,
  HoldOperation,
  JoinOperation,
  type JoinResult,
  LeaveOperation,
  MemberPutOperation,
} from './operations.ts';
import { Passwords } from './passwords.ts';
import type { Clock, Schedule, Secrets } from './ports.ts';
import { Posts } from './posts.ts';
import type { Reader } from './reader.ts';
import type { Admission, Cursor, Entry, Post, PostRunResult, TokenFormat } from './requests.ts';
import { Room, type RoomState } from './room.ts';
import type { SearchIndex, SearchPage } from './search/port.ts';
import { Searches, type SearchRequest } from './search/searches.ts';
import type { LoadedRoom, LoadedState, RoomKind, Store } from './store.ts';
import { KeyedBuckets } from './token-bucket.ts';

export interface HubOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly schedule: Schedule;
  readonly limits: Limits;
  /** Finds what was said; undefined: nobody can search. The hub does not close it. */
  readonly searchIndex?: SearchIndex | undefined;
}

/** Fewest random bytes of a token. */
export const TOKEN_BYTES_MIN = 16;
/** Most events of one answer of `Hub.history`. */
export const HISTORY_EVENTS_MAX = 1000;

/**
 * The rules of the chat: rooms, their logs, who is in them, who may do what and how often. Knows no socket, file or wire
 * format; gateways call it and hand it outlets to write to.
 */
export class Hub {
  /** What holds at the moment, see `changeLimits`. */
  readonly limits: Limits;
  readonly clock: Clock;
  readonly epoch: number;
  /** Whose user names are. */
  readonly names: NameOwners;
  readonly #epochStartPosition: number;
  readonly #store: Store;
  readonly #secrets: Secrets;
  readonly #passwords: Passwords;
  readonly #committer: Committer;
  readonly #posts: Posts;
  readonly #searches: Searches;
  readonly #observers = new Observers();
  readonly #roomsByName = new Map<string, Room>();
  /** Names of rooms that are open whoever comes, see `holdOpenRoom`. */
  readonly #heldNames = new Set<string>();
  readonly #roomsByLog = new Map<RoomLog, Room>();
  readonly #members = new Map<number, Member>();
  readonly #membersByToken = new Map<string, Member>();
  readonly #requests: KeyedBuckets;
  readonly #newRooms: KeyedBuckets;
  readonly #faults: KeyedBuckets;
  #lastRoomId: number;
  #lastMemberId: number;
  #closing: Promise<void> | undefined;

  /** Read what the store holds and go on from there. */
  static async open(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options, await options.store.load());
    // Known by connections that the last run took with it: they have left, and the rooms they hosted close.
    for (const member of [...hub.members()]) if (member.tokenDigest === undefined) hub.leave(member);
    return hub;
  }

  private constructor(options: HubOptions, loaded: LoadedState) {
    const { store, clock, secrets, schedule } = options;
    const limits = copyLimits(options.limits);
    this.limits = limits;
    this.clock = clock;
    this.epoch = loaded.epoch;
    this.#epochStartPosition = loaded.epochStartPosition;
    this.#store = store;
    this.#secrets = secrets;
    this.#passwords = new Passwords(secrets, limits);
    this.#requests = new KeyedBuckets(limits.addressRequests, limits.addressesMax);
    this.#newRooms = new KeyedBuckets(limits.addressRooms, limits.addressesMax);
    this.#faults = new KeyedBuckets(limits.addressFaults, limits.addressesMax);
    this.#lastRoomId = loaded.lastRoomId;
    this.#lastMemberId = loaded.lastMemberId;
    this.#committer = new Committer({
      store,
      clock,
      schedule,
      publish: (log, events) => {
        log.publish(events);
        const room = this.#roomsByLog.get(log);
        if (room === undefined) return;
        room.fanout.publish(events);
        this.#observers.published(room.name, events);
      },
      onCommitted: (events, waitedMs) => this.#observers.committed(events, waitedMs),
      onFault: (error) => this.#observers.fault(error),
      onFenced: (error) => this.#observers.fenced(error),
      loaded,
      get queueMax() {
        return limits.commitQueueMax;
      },
      get batchMax() {
        return limits.commitBatchMax;
      },
    });
    this.names = new NameOwners({
      limits,
      clock,
      loaded: loaded.names,
      enqueue: (operation) => this.#committer.enqueue(operation),
      expectTaking: () => this.#expectTaking(),
    });
    this.#posts = new Posts({ limits, clock, committer: this.#committer });
    this.#searches = new Searches({
      limits,
      clock,
      index: options.searchIndex,
      onSearched: (tookMs) => this.#observers.searched(tookMs),
    });
    const roomsById = new Map<number, Room>();
    for (const room of loaded.rooms) roomsById.set(room.id, this.#addRoom(room, 'open'));
    for (const stored of loaded.members) {
      const room = roomsById.get(stored.roomId);
      if (room !== undefined) this.#addMember(room, stored, 'joined', undefined);
    }
  }

  /** Be told of what happens, until the function that is returned is called. */
  observe(observer: HubObserver): () => void {
    return this.#observers.add(observer);
  }

  /**
   * Other limits from now on, also for the rates of those who are known. What is beyond a new limit already stays: nobody is
   * put out of a room that has become too full, and password checks under way are finished.
   */
  changeLimits(limits: Limits): void {
    overwriteLimits(this.limits, limits);
    for (const buckets of [this.#requests, this.#newRooms, this.#faults]) buckets.changeKeysMax(limits.addressesMax);
    this.names.changeAddressesMax(limits.addressesMax);
    this.#searches.changeAddressesMax(limits.addressesMax);
  }

  /** Position of the newest event of all rooms. */
  get position(): number {
    return this.#committer.position;
  }

  get roomCount(): number {
    return this.#roomsByName.size;
  }

  get memberCount(): number {
    return this.#members.size;
  }

  /** Everybody in every room; after a start, those whom the store remembered. */
  members(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** Names of the rooms that can be joined, in the order they were made. */
  roomNames(): string[] {
    return [...this.#roomsByName.values()].filter((room) => room.state === 'open').map((room) => room.name);
  }

  findRoom(name: string): Room | undefined {
    const room = this.#roomsByName.get(name);
    return room?.state === 'open' ? room : undefined;
  }

  /**
   * Keep an open room of this name for as long as the server runs, whether anybody is in it or not: nobody can make a hosted
   * one of it and keep others out. It counts neither against `roomsMax` nor against anybody's rate. A hosted room that has
   * the name already, from an earlier run, is left to its members; when it closes, the open one takes its place.
   * @returns what kind of room has the name now
   * @throws {CoreError} ROOM_NAME_INVALID, STORE_FAILED
   */
  async holdOpenRoom(name: string): Promise<RoomKind> {
    validateRoomName(name);
    this.#heldNames.add(name);
    const known = this.#roomsByName.get(name);
    if (known !== undefined) return known.kind;
    await new Promise<void>((resolve, reject) => {
      const room = this.#openNewRoom(name, 'open');
      this.#committer.enqueue(
        new HoldOperation(room, false, (error) => {
          if (error === undefined) {
            resolve();
            return;
          }
          this.#forgetRoom(room);
          reject(error);
        }),
      );
    });
    return 'open';
  }

  /**
   * Make a hosted room and enter it as its host.
   * @throws {CoreError} ROOM_EXISTS, ROOM_NAME_INVALID, USER_NAME_INVALID, PASSWORD_INVALID, LIMIT_REACHED, RATE_LIMITED,
   *   SERVER_CLOSING, STORE_FAILED; NAME_TAKEN when the entry names a key that the user name does not belong to
   */
  async create(entry: Entry): Promise<Admission> {
    this.#judge(entry);
    if (this.#roomsByName.has(entry.room)) {
      throw new CoreError('ROOM_EXISTS', `Cannot create room ${JSON.stringify(entry.room)}: it exists`);
    }
    return this.#enterNewRoom(entry, 'hosted');
  }

  /**
   * Enter a room. With `makeOpen`, a room that does not exist is made as an open one.
   * @throws {CoreError} ROOM_NOT_FOUND, ROOM_FULL, ROOM_CLOSED, PASSWORD_WRONG, and what `create` throws
   */
  async join(entry: Entry, options: { makeOpen?: boolean } = {}): Promise<Admission> {
    this.#judge(entry);
    const room = this.#roomsByName.get(entry.room);
    // A hosted room that is being made has no password hash yet, so nobody may be let in.
    if (room === undefined || (room.state === 'opening' && room.kind === 'hosted')) {
      if (room === undefined && options.makeOpen === true) return this.#enterNewRoom(entry, 'open');
      throw new CoreError('ROOM_NOT_FOUND', `Cannot join room ${JSON.stringify(entry.room)}: it does not exist`);
    }
    if (room.passwordHash !== undefined) await this.#checkPassword(entry, room.passwordHash);
    if (room.state === 'closing' || room.state === 'closed') {
      throw new CoreError('ROOM_CLOSED', `Cannot join room ${JSON.stringify(entry.room)}: it was closed`);
    }
    if (room.members.size >= this.limits.roomMembersMax) {
      throw new CoreError(
        'ROOM_FULL',
        `Cannot join room ${JSON.stringify(entry.room)}: ${room.members.size} members, the limit is ${this.limits.roomMembersMax}`,
      );
    }
    return this.#enter(room, entry, { bringsRoom: false });
  }

  /**
   * The member that a token belongs to, if it is that of a member of this room.
   * @param address when given, the token opens only from the IP address it was issued to
   */
  authenticate(token: string, roomName: string, address: string | undefined): Member | undefined {
    // What is looked up is the digest, so that the time it takes tells nothing about tokens that exist.
    const member = this.#membersByToken.get(this.#secrets.digest(token));
    if (member === undefined || member.state !== 'joined' || member.room.name !== roomName) return undefined;
    return address === undefined || member.address === address ? member : undefined;
  }

  /**
   * Say something in the member's room. Refused at once, with the error as the result (and `settle` is not called), or
   * taken: then `settle` hears how it ended.
   */
  post(member: Member, post: Post): CoreError | undefined {
    if (this.#closing !== undefined) return new CoreError('SERVER_CLOSING', 'Cannot post: the server is shutting down');
    return this.#posts.post(member, post);
  }

  /**
   * Say several plain messages in the member's room, one directly behind the other: as `post` for each of them, for the cost
   * of one, and all of those that are taken end in the same way.
   * @param bodies at most RUN_MESSAGES_MAX are looked at. Must not be written to any more; where they are views of one buffer,
   *   and make up half of it, they are kept as they are
   * @param settle hears once how those ended that were taken: the last one's event as it stands in the log, or why none does
   */
  postRun(
    member: Member,
    bodies: readonly Uint8Array[],
    settle: (result: RoomEvent | CoreError) => void,
  ): PostRunResult {
    if (this.#closing !== undefined) {
      return { taken: 0, refusal: new CoreError('SERVER_CLOSING', 'Cannot post: the server is shutting down') };
    }
    return this.#posts.postRun(member, bodies, settle);
  }

  /**
   * Let a member go; when it is the host of a hosted room, the room closes. Takes effect at once for the member: its token
   * opens nothing and its reader reads no more.
   */
  leave(member: Member, reason: RemovalReason = 'left'): void {
    if (member.state === 'left') return;
    const { room } = member;
    if (room.state === 'closing' || room.state === 'closed') {
      // The room's closing is on its way and takes the member with it, but it need not hear of that.
      this.#detach(member);
      return;
    }
    const wasHost = member.isHost && room.kind === 'hosted';
    this.#remove(member);
    if (wasHost) this.#closeRoom(room, member, reason);
    else this.#committer.enqueue(new LeaveOperation(member, () => this.#observers.memberRemoved(member, reason)));
  }

  /** Note that the member was heard just now. */
  touch(member: Member): void {
    member.heardMs = this.clock.monotonicMs();
  }

  /**
   * Write the room's events to an outlet from now on. A member has one reader; a new one takes the place of the old. That of
   * a member who is gone is detached from the start.
   * @param cursor sequence number after which to start; default: the head, so that only what is new is written
   */
  attach<Outlet>(member: Member, encoding: Encoding<Outlet>, outlet: Outlet, cursor?: number): Reader<Outlet> {
    this.#detach(member);
    const reader = member.room.fanout.attach(encoding, member.id, outlet, cursor ?? member.room.log.headSeq);
    // Gone before, or during the delivery just now: nobody would ever detach this reader.
    if (member.state === 'left') reader.detach();
    else member.reader = reader as Reader<unknown>;
    return reader;
  }

  /** Keep a changed profile, so that the member can be reached again after a restart. */
  saveProfile(member: Member, profile: string): void {
    if (member.profile === profile) return;
    member.profile = profile;
    if (member.state !== 'joined' || member.tokenDigest === undefined || member.isProfileQueued) return;
    member.isProfileQueued = true;
    this.#committer.enqueue(new MemberPutOperation(member));
  }

  /** Events of the member's room from `fromSeq` up, oldest first: at most `limit`, and never more than HISTORY_EVENTS_MAX. */
  async history(member: Member, fromSeq: number, limit: number): Promise<readonly RoomEvent[]> {
    return member.room.log.read(fromSeq, Math.min(limit, HISTORY_EVENTS_MAX));
  }

  /**
   * What was said in the member's room, newest first.
   * @throws {CoreError} NOT_A_MEMBER, QUERY_INVALID, RATE_LIMITED, SEARCH_UNAVAILABLE, SERVER_CLOSING
   */
  async search(member: Member, request: SearchRequest): Promise<SearchPage> {
    if (this.#closing !== undefined)
      throw new CoreError('SERVER_CLOSING', 'Cannot search: the server is shutting down');
    return this.#searches.search(member, request);
  }

  /**
   * Whether everything up to a client's cursor is still what the log says. False for another room of the same name, and
   * for a cursor into a part that a power failure took away: such a client must read anew.
   */
  async isCursorValid(room: Room, cursor: Cursor): Promise<boolean> {
    if (cursor.roomId !== room.id || !(cursor.seq >= 0 && cursor.seq <= room.log.headSeq)) return false;
    if (cursor.epoch === this.epoch || cursor.seq === 0) return true;
    // Of older epochs only the newest one's end is known; and a number given again belongs to the present epoch.
    if (cursor.epoch !== this.epoch - 1) return false;
    const [event] = await room.log.read(cursor.seq, 1);
    return event?.seq === cursor.seq && event.position <= this.#epochStartPosition;
  }

  /** Note bad input from an address. */
  fault(address: string, points = 1): void {
    this.#faults.drain(address, this.clock.monotonicMs(), points);
  }

  /** Whether an address has sent so much bad input that it is ignored for now. */
  isIgnored(address: string): boolean {
    return this.#faults.isExhausted(address, this.clock.monotonicMs());
  }

  /**
   * Drop the members that have been silent for too long, and try again what the store could not take or give. Call every
   * few seconds; the interval is the precision.
   */
  sweep(): void {
    const nowMs = this.clock.monotonicMs();
    for (const member of this.#members.values()) {
      // One that is not let in yet has nothing to say: it waits for the store.
      if (member.state !== 'joined') continue;
      if (member.timeoutMs !== undefined && nowMs - member.heardMs > member.timeoutMs) this.leave(member, 'timed-out');
      else member.reader?.retry();
      // Who is here uses their name, however long ago they came.
      if (member.deviceKey !== undefined) this.names.use(member.user, member.deviceKey);
    }
    this.#committer.retry();
  }

  /** Fulfils when all that was asked for so far is in the store and told, or has failed. */
  idle(): Promise<void> {
    return this.#committer.idle();
  }

  /** Take no more requests, finish those under way, let go of the store. Rooms and tokens stay. */
  close(): Promise<void> {
    this.#closing ??= this.#committer.idle().then(() => this.#store.close());
    return this.#closing;
  }

  #judge(entry: Entry): void {
    if (this.#closing !== undefined) throw new CoreError('SERVER_CLOSING', 'The server is shutting down');
    if (!this.#requests.take(entry.address, this.clock.monotonicMs()) || !this.#committer.hasRoom) {
      throw new CoreError('RATE_LIMITED', 'Too many requests; try again later');
    }
    validateRoomName(entry.room);
    validateUserName(entry.user);
    if (entry.deviceKey !== undefined) this.names.expectOwnedBy(entry.user, entry.deviceKey);
    this.#refuseBeyondLimit();
  }

  #expectTaking(): void {
    if (this.#closing !== undefined) throw new CoreError('SERVER_CLOSING', 'The server is shutting down');
    if (!this.#committer.hasRoom) throw new CoreError('RATE_LIMITED', 'The server is busy; try again later');
  }

  #refuseBeyondLimit(): void {
    if (this.#members.size >= this.limits.membersMax) {
      throw new CoreError('LIMIT_REACHED', `The server has ${this.#members.size} members, its limit`);
    }
  }

  async #checkPassword(entry: Entry, hash: string): Promise<void> {
    if (this.isIgnored(entry.address)) {
      throw new CoreError('RATE_LIMITED', 'Too many wrong passwords; try again later');
    }
    try {
      await this.#passwords.verify(entry.password, hash, entry.address);
    } catch (error) {
      if (error instanceof CoreError && error.code === 'PASSWORD_WRONG') this.fault(entry.address);
      throw error;
    }
  }

  async #enterNewRoom(entry: Entry, kind: RoomKind): Promise<Admission> {
    if (this.#countedRooms >= this.limits.roomsMax) {
      throw new CoreError('LIMIT_REACHED', `The server has ${this.#countedRooms} rooms, its limit`);
    }
    if (!this.#newRooms.take(entry.address, this.clock.monotonicMs())) {
      throw new CoreError('RATE_LIMITED', 'Too many new rooms; try again later');
    }
    const room = this.#openNewRoom(entry.room, kind);
    try {
      if (kind === 'hosted' && entry.password !== undefined && entry.password !== '') {
        room.passwordHash = await this.#passwords.hash(entry.password, entry.address);
      }
      return await this.#enter(room, entry, { bringsRoom: true });
    } catch (error) {
      room.state = 'closed';
      this.#forgetRoom(room);
      throw error;
    }
  }

  async #enter(room: Room, entry: Entry, { bringsRoom }: { bringsRoom: boolean }): Promise<Admission> {
    // Again, for a password takes its time.
    if (this.#closing !== undefined) throw new CoreError('SERVER_CLOSING', 'The server is shutting down');
    this.#refuseBeyondLimit();
    const token = this.#mint(entry.token);
    this.#lastMemberId += 1;
    const facts: MemberFacts = {
      id: this.#lastMemberId,
      user: entry.user,
      deviceKey: entry.deviceKey,
      tokenDigest: token === '' ? undefined : this.#secrets.digest(token),
      address: entry.address,
      profile: entry.profile ?? '',
      joinedMs: this.clock.wallMs(),
    };
    const member = this.#addMember(room, facts, 'joining', entry.timeoutMs);
    if (bringsRoom && room.kind === 'hosted') room.hostId = member.id;
    try {
      const { joinSeq, memberCount } = await new Promise<JoinResult>((resolve, reject) => {
        this.#committer.enqueue(new JoinOperation(member, bringsRoom, resolve, reject));
      });
      // Its silence begins now, however long the store took.
      this.touch(member);
      return { member, token, memberCount, joinSeq };
    } catch (error) {
      this.#remove(member);
      throw error;
    }
  }

  #mint(format: TokenFormat | undefined): string {
    if (format === undefined) return '';
    if (format.bytes < TOKEN_BYTES_MIN) throw new RangeError(`A token of ${format.bytes} bytes can be guessed`);
    let token = format.prefix;
    for (const byte of this.#secrets.randomBytes(format.bytes)) token += byte.toString(16).padStart(2, '0');
    return token;
  }

  /** Rooms that count against `roomsMax`. */
  get #countedRooms(): number {
    let count = this.#roomsByName.size;
    for (const name of this.#heldNames) if (this.#roomsByName.has(name)) count -= 1;
    return count;
  }

  #openNewRoom(name: string, kind: RoomKind): Room {
    this.#lastRoomId += 1;
    const fresh = { id: this.#lastRoomId, name, kind, createdMs: this.clock.wallMs() };
    return this.#addRoom({ ...fresh, firstSeq: 1, lastSeq: 0, lastSeqByKind: new Map() }, 'opening');
  }

  #addRoom(loaded: LoadedRoom, state: RoomState): Room {
    const room = new Room(this.#store, this.limits, loaded, state, (error) => this.#observers.fault(error));
    this.#roomsByName.set(room.name, room);
    this.#roomsByLog.set(room.log, room);
    return room;
  }

  #forgetRoom(room: Room): void {
    if (this.#roomsByName.get(room.name) === room) this.#roomsByName.delete(room.name);
    this.#roomsByLog.delete(room.log);
  }

  #addMember(room: Room, facts: MemberFacts, state: MemberState, timeoutMs: number | undefined): Member {
    const member = new Member(room, facts, {
      state,
      nowMs: this.clock.monotonicMs(),
      messages: this.limits.memberMessages,
      timeoutMs,
    });
    room.members.set(member.id, member);
    this.#members.set(member.id, member);
    if (member.tokenDigest !== undefined) this.#membersByToken.set(member.tokenDigest, member);
    return member;
  }

  #detach(member: Member): void {
    member.reader?.detach();
    member.reader = undefined;
  }

  #remove(member: Member): void {
    member.state = 'left';
    this.#detach(member);
    member.room.members.delete(member.id);
    this.#members.delete(member.id);
    if (member.tokenDigest !== undefined) this.#membersByToken.delete(member.tokenDigest);
  }

  #closeRoom(room: Room, host: Member, reason: RemovalReason): void {
    room.state = 'closing';
    // The name is free at once: whoever takes it next comes later in the same queue.
    if (this.#roomsByName.get(room.name) === room) this.#roomsByName.delete(room.name);
    this.#committer.enqueue(
      new CloseOperation(host, this.clock.wallMs(), () => {
        room.state = 'closed';
        this.#observers.memberRemoved(host, reason);
        for (const member of [...room.members.values()]) {
          // One that is refused in this same batch was never in.
          const wasIn = member.state === 'joined';
          this.#remove(member);
          if (wasIn) this.#observers.memberRemoved(member, 'room-closed');
        }
        this.#forgetRoom(room);
      }),
    );
    if (this.#heldNames.has(room.name)) {
      this.#committer.enqueue(new HoldOperation(this.#openNewRoom(room.name, 'open'), true, () => {}));
    }
  }
}
