import { Admissions } from './admissions.ts';
import { Committer, type Publishing } from './committer.ts';
import type { Encoding } from './encoding.ts';
import { CoreError } from './errors.ts';
import type { RoomEvent } from './event.ts';
import { copyLimits, type Limits, overwriteLimits } from './limits.ts';
import type { Member } from './member.ts';
import { NameOwners } from './name-owners.ts';
import { validateRoomName } from './names.ts';
import { type HubObserver, Observers, type RemovalReason } from './observers.ts';
import { CloseOperation, HoldOperation, LeaveOperation, MemberPutOperation } from './operations.ts';
import type { Clock, Schedule, Secrets } from './ports.ts';
import { Posts } from './posts.ts';
import type { Reader } from './reader.ts';
import type { Admission, Cursor, Entry, Post, PostRunResult } from './requests.ts';
import type { Room } from './room.ts';
import { Roster } from './roster.ts';
import type { SearchIndex, SearchPage } from './search/port.ts';
import { Searches, type SearchRequest } from './search/searches.ts';
import type { LoadedState, RoomKind, Store } from './store.ts';

export interface HubOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly schedule: Schedule;
  readonly limits: Limits;
  /** Finds what was said; undefined: nobody can search. The hub does not close it. */
  readonly searchIndex?: SearchIndex | undefined;
  /** Everything that a commit brought is handed to its readers within one call of it. */
  readonly publishing?: Publishing | undefined;
}

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
  readonly #committer: Committer;
  readonly #roster: Roster;
  readonly #admissions: Admissions;
  readonly #posts: Posts;
  readonly #searches: Searches;
  readonly #observers = new Observers();
  #closing: Promise<void> | undefined;

  /** Read what the store holds and go on from there. */
  static async open(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options, await options.store.load());
    // Known by connections that the last run took with it: they have left, and the rooms they hosted close.
    for (const member of [...hub.members()]) if (member.tokenDigest === undefined) hub.leave(member);
    return hub;
  }

  private constructor(options: HubOptions, loaded: LoadedState) {
    const { store, clock, secrets, schedule, publishing } = options;
    const limits = copyLimits(options.limits);
    this.limits = limits;
    this.clock = clock;
    this.epoch = loaded.epoch;
    this.#epochStartPosition = loaded.epochStartPosition;
    this.#store = store;
    this.#secrets = secrets;
    this.#roster = new Roster({ store, clock, limits, loaded, onFault: (error) => this.#observers.fault(error) });
    this.#committer = new Committer({
      store,
      clock,
      schedule,
      publish: (log, events) => {
        log.publish(events);
        const room = this.#roster.roomOfLog(log);
        if (room === undefined) return;
        room.fanout.publish(events);
        this.#observers.published(room.name, events);
      },
      publishing,
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
    this.#admissions = new Admissions({
      limits,
      clock,
      secrets,
      committer: this.#committer,
      roster: this.#roster,
      names: this.names,
      isClosing: () => this.#closing !== undefined,
    });
    this.#posts = new Posts({ limits, clock, committer: this.#committer });
    this.#searches = new Searches({
      limits,
      clock,
      index: options.searchIndex,
      onSearched: (tookMs) => this.#observers.searched(tookMs),
    });
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
    this.#admissions.changeAddressesMax(limits.addressesMax);
    this.names.changeAddressesMax(limits.addressesMax);
    this.#searches.changeAddressesMax(limits.addressesMax);
  }

  /** Position of the newest event of all rooms. */
  get position(): number {
    return this.#committer.position;
  }

  get roomCount(): number {
    return this.#roster.roomCount;
  }

  get memberCount(): number {
    return this.#roster.memberCount;
  }

  /** Everybody in every room; after a start, those whom the store remembered. */
  members(): IterableIterator<Member> {
    return this.#roster.members();
  }

  /** Names of the rooms that can be joined, in the order they were made. */
  roomNames(): string[] {
    return this.#roster.openRoomNames();
  }

  findRoom(name: string): Room | undefined {
    const room = this.#roster.roomNamed(name);
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
    this.#roster.hold(name);
    const known = this.#roster.roomNamed(name);
    if (known !== undefined) return known.kind;
    await new Promise<void>((resolve, reject) => {
      const room = this.#roster.openRoom(name, 'open');
      this.#committer.enqueue(
        new HoldOperation(room, false, (error) => {
          if (error === undefined) {
            resolve();
            return;
          }
          this.#roster.forgetRoom(room);
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
  create(entry: Entry): Promise<Admission> {
    return this.#admissions.create(entry);
  }

  /**
   * Enter a room. With `makeOpen`, a room that does not exist is made as an open one.
   * @throws {CoreError} ROOM_NOT_FOUND, ROOM_FULL, ROOM_CLOSED, PASSWORD_WRONG, and what `create` throws
   */
  join(entry: Entry, options: { makeOpen?: boolean } = {}): Promise<Admission> {
    return this.#admissions.join(entry, options.makeOpen === true);
  }

  /**
   * The member that a token belongs to, if it is that of a member of this room.
   * @param address when given, the token opens only from the IP address it was issued to
   */
  authenticate(token: string, roomName: string, address: string | undefined): Member | undefined {
    // What is looked up is the digest, so that the time it takes tells nothing about tokens that exist.
    const member = this.#roster.memberByToken(this.#secrets.digest(token));
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
      member.detach();
      return;
    }
    const wasHost = member.isHost && room.kind === 'hosted';
    this.#roster.removeMember(member);
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
    member.detach();
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
    this.#admissions.fault(address, points);
  }

  /** Whether an address has sent so much bad input that it is ignored for now. */
  isIgnored(address: string): boolean {
    return this.#admissions.isIgnored(address);
  }

  /**
   * Drop the members that have been silent for too long, and try again what the store could not take or give. Call every
   * few seconds; the interval is the precision.
   */
  sweep(): void {
    const nowMs = this.clock.monotonicMs();
    for (const member of this.#roster.members()) {
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

  #expectTaking(): void {
    if (this.#closing !== undefined) throw new CoreError('SERVER_CLOSING', 'The server is shutting down');
    if (!this.#committer.hasRoom) throw new CoreError('RATE_LIMITED', 'The server is busy; try again later');
  }

  #closeRoom(room: Room, host: Member, reason: RemovalReason): void {
    room.state = 'closing';
    // The name is free at once: whoever takes it next comes later in the same queue.
    this.#roster.freeName(room);
    this.#committer.enqueue(
      new CloseOperation(host, this.clock.wallMs(), () => {
        room.state = 'closed';
        this.#observers.memberRemoved(host, reason);
        for (const member of [...room.members.values()]) {
          // One that is refused in this same batch was never in.
          const wasIn = member.state === 'joined';
          this.#roster.removeMember(member);
          if (wasIn) this.#observers.memberRemoved(member, 'room-closed');
        }
        this.#roster.forgetRoom(room);
      }),
    );
    if (this.#roster.isHeld(room.name)) {
      this.#committer.enqueue(new HoldOperation(this.#roster.openRoom(room.name, 'open'), true, () => {}));
    }
  }
}
