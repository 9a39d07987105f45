import {
  type CommitResult,
  CoreError,
  type LoadedRoom,
  type LoadedState,
  type RoomEvent,
  type Store,
  type StoreChange,
  type StoredMember,
  type StoredName,
  type StoredRoom,
} from '@confab/core';

interface ScriptedRoom {
  readonly room: StoredRoom;
  readonly events: readonly RoomEvent[];
  readonly isClosed: boolean;
}

/** What survives the process. Never changed in place: a commit makes a new one. */
interface ScriptedDisk {
  readonly rooms: ReadonlyMap<number, ScriptedRoom>;
  readonly members: ReadonlyMap<number, StoredMember>;
  readonly names: readonly StoredName[];
  readonly lastPosition: number;
  readonly lastRoomId: number;
  readonly lastMemberId: number;
  readonly epoch: number;
  readonly epochStartPosition: number;
}

const emptyDisk: ScriptedDisk = {
  rooms: new Map(),
  members: new Map(),
  names: [],
  lastPosition: 0,
  lastRoomId: 0,
  lastMemberId: 0,
  epoch: 1,
  epochStartPosition: 0,
};

/**
 * A small in-memory `Store` that does what a test tells it: holds commits and reads back, fails them, answers what it is
 * told to. Left alone it is a correct store, and a strict one: a batch that breaks a rule of the port is remembered in
 * `complaints` as well as refused.
 */
export class ScriptedStore implements Store {
  /** Every batch it was asked to commit, refused ones included. */
  readonly commits: (readonly StoreChange[])[] = [];
  /** Every read: room id, first sequence number, limit. */
  readonly reads: (readonly [roomId: number, fromSeq: number, limit: number])[] = [];
  /** Rules of the port that were broken by the caller. Empty after a good test. */
  readonly complaints: string[] = [];
  /** Every commit fails with this until it is undefined again. */
  commitFailure: Error | undefined;
  /** Every read fails with this until it is undefined again. */
  readFailure: Error | undefined;
  #disk: ScriptedDisk;
  #isHoldingCommits = false;
  #isHoldingReads = false;
  #isCommitting = false;
  #isClosed = false;
  readonly #answers: (CommitResult | Error)[] = [];
  #heldCommits: (() => void)[] = [];
  #heldReads: (() => void)[] = [];

  constructor(disk: ScriptedDisk = emptyDisk) {
    this.#disk = disk;
  }

  /** Answer the next commit with this, whatever it is; it is not written. Several are given one after the other. */
  answerNext(...answers: (CommitResult | Error)[]): void {
    this.#answers.push(...answers);
  }

  /** Fail all commits from now on. */
  fail(error: Error = new CoreError('STORE_FAILED', 'The disk is full')): void {
    this.commitFailure = error;
  }

  /** Fail commits and reads no more. */
  recover(): void {
    this.commitFailure = undefined;
    this.readFailure = undefined;
  }

  /** Commits that come from now on get their answer at `release`. */
  hold(): void {
    this.#isHoldingCommits = true;
  }

  /** Commits that wait for `release`. */
  get held(): number {
    return this.#heldCommits.length;
  }

  /** Decide the commits that wait, by what the store was told up to now, and hold no more. */
  release(): void {
    this.#isHoldingCommits = false;
    const held = this.#heldCommits;
    this.#heldCommits = [];
    for (const go of held) go();
  }

  /** Decide the commits that wait, and go on holding. */
  releaseOnce(): void {
    this.release();
    this.hold();
  }

  holdReads(): void {
    this.#isHoldingReads = true;
  }

  get heldReads(): number {
    return this.#heldReads.length;
  }

  releaseReads(): void {
    this.#isHoldingReads = false;
    const held = this.#heldReads;
    this.#heldReads = [];
    for (const go of held) go();
  }

  /** The store as the next process finds it after this one was killed: what was answered is there, what waits is not. */
  reopen(): ScriptedStore {
    return new ScriptedStore(this.#disk);
  }

  /** As `reopen`, after a power failure that cost the newest `count` events of a room and began an epoch. */
  reopenCutShort(roomId: number, count: number): ScriptedStore {
    const found = this.#disk.rooms.get(roomId)!;
    const events = found.events.slice(0, found.events.length - count);
    const rooms = new Map(this.#disk.rooms).set(roomId, { ...found, events });
    const lastPosition = Math.max(
      0,
      ...[...rooms.values()].flatMap((room) => room.events.map((event) => event.position)),
    );
    const epoch = this.#disk.epoch + 1;
    return new ScriptedStore({ ...this.#disk, rooms, lastPosition, epoch, epochStartPosition: lastPosition });
  }

  /** The events of a room's log, closed rooms too. */
  events(roomId: number): readonly RoomEvent[] {
    return this.#disk.rooms.get(roomId)?.events ?? [];
  }

  /** Rows of members, by id. */
  get members(): ReadonlyMap<number, StoredMember> {
    return this.#disk.members;
  }

  /** User names and the keys they belong to. */
  get names(): readonly StoredName[] {
    return this.#disk.names;
  }

  /** Rooms that are not closed. */
  get openRooms(): StoredRoom[] {
    return [...this.#disk.rooms.values()].filter((room) => !room.isClosed).map((room) => room.room);
  }

  get roomIds(): number[] {
    return [...this.#disk.rooms.keys()];
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async load(): Promise<LoadedState> {
    const rooms: LoadedRoom[] = [];
    for (const { room, events, isClosed } of this.#disk.rooms.values()) {
      if (isClosed) continue;
      const lastSeqByKind = new Map<number, number>();
      for (const event of events) if (event.kind >= 32) lastSeqByKind.set(event.kind, event.seq);
      rooms.push({ ...room, firstSeq: events[0]?.seq ?? 1, lastSeq: events.at(-1)?.seq ?? 0, lastSeqByKind });
    }
    const { epoch, epochStartPosition, lastPosition, lastRoomId, lastMemberId, names } = this.#disk;
    const members = [...this.#disk.members.values()];
    return { epoch, epochStartPosition, lastPosition, lastRoomId, lastMemberId, rooms, members, names };
  }

  async commit(changes: readonly StoreChange[]): Promise<CommitResult> {
    this.commits.push([...changes]);
    if (this.#isCommitting) this.#complain('A commit came while another one was under way');
    if (changes.length === 0) this.#complain('An empty batch came');
    this.#isCommitting = true;
    try {
      if (this.#isHoldingCommits) await new Promise<void>((resolve) => this.#heldCommits.push(resolve));
      if (this.#isClosed) throw new CoreError('STORE_FAILED', 'The store is closed');
      const answer = this.#answers.shift();
      if (answer instanceof Error) throw answer;
      if (answer !== undefined) return answer;
      if (this.commitFailure !== undefined) throw this.commitFailure;
      return this.#write(changes);
    } finally {
      this.#isCommitting = false;
    }
  }

  async read(roomId: number, fromSeq: number, limit: number): Promise<RoomEvent[]> {
    this.reads.push([roomId, fromSeq, limit]);
    if (this.#isHoldingReads) await new Promise<void>((resolve) => this.#heldReads.push(resolve));
    if (this.readFailure !== undefined) throw this.readFailure;
    return this.events(roomId)
      .filter((event) => event.seq >= fromSeq)
      .slice(0, limit);
  }

  async close(): Promise<void> {
    if (this.#isCommitting) this.#complain('The store was closed during a commit');
    this.#isClosed = true;
  }

  #write(changes: readonly StoreChange[]): CommitResult {
    const duplicates = changes.flatMap((change, index) => {
      if (change.type !== 'event' || change.event.clientId === undefined) return [];
      const known = this.events(change.event.roomId).find((event) => event.clientId === change.event.clientId);
      return known === undefined ? [] : [{ index, event: known }];
    });
    if (duplicates.length > 0) return { status: 'duplicates', duplicates };
    let disk = this.#disk;
    for (const change of changes) disk = this.#apply(disk, change);
    this.#disk = disk;
    return { status: 'committed' };
  }

  #apply(disk: ScriptedDisk, change: StoreChange): ScriptedDisk {
    const rooms = new Map(disk.rooms);
    const members = new Map(disk.members);
    switch (change.type) {
      case 'room-put': {
        const { room } = change;
        for (const other of rooms.values()) {
          if (!other.isClosed && other.room.name === room.name && other.room.id !== room.id) {
            this.#refuse(`Two open rooms are called ${JSON.stringify(room.name)}`);
          }
        }
        rooms.set(room.id, { room, events: rooms.get(room.id)?.events ?? [], isClosed: false });
        return { ...disk, rooms, lastRoomId: Math.max(disk.lastRoomId, room.id) };
      }
      case 'room-close': {
        const found = this.#openRoom(rooms, change.roomId);
        rooms.set(change.roomId, { ...found, isClosed: true });
        for (const member of disk.members.values()) if (member.roomId === change.roomId) members.delete(member.id);
        return { ...disk, rooms, members };
      }
      case 'member-put': {
        this.#openRoom(rooms, change.member.roomId);
        members.set(change.member.id, change.member);
        return { ...disk, members, lastMemberId: Math.max(disk.lastMemberId, change.member.id) };
      }
      case 'member-delete': {
        if (!members.delete(change.memberId)) this.#refuse(`There is no member ${change.memberId} to delete`);
        return { ...disk, members };
      }
      case 'name-put': {
        const { name } = change;
        const isSame = (other: StoredName): boolean => other.user === name.user && other.deviceKey === name.deviceKey;
        if (disk.names.some(isSame)) {
          return {
            ...disk,
            names: disk.names.map((other) => (isSame(other) ? { ...other, usedMs: name.usedMs } : other)),
          };
        }
        if (name.addedBy === undefined && disk.names.some(({ user }) => user === name.user)) {
          this.#refuse(`The name ${name.user} has an owner`);
        }
        return { ...disk, names: [...disk.names, name] };
      }
      case 'name-delete': {
        const { user, deviceKey } = change;
        const isMeant = (name: StoredName): boolean =>
          name.user === user && (deviceKey === undefined || name.deviceKey === deviceKey);
        return { ...disk, names: disk.names.filter((name) => !isMeant(name)) };
      }
      case 'event': {
        const { event } = change;
        const found = this.#openRoom(rooms, event.roomId);
        if (event.seq !== found.events.length + 1) {
          throw new CoreError('STORE_FENCED', `Event ${event.seq} does not follow event ${found.events.length}`);
        }
        if (event.position <= disk.lastPosition) {
          this.#refuse(`Position ${event.position} is not above ${disk.lastPosition}`);
        }
        rooms.set(event.roomId, { ...found, events: [...found.events, event] });
        const lastMemberId = Math.max(disk.lastMemberId, event.author);
        return { ...disk, rooms, lastPosition: event.position, lastMemberId };
      }
    }
  }

  #openRoom(rooms: ReadonlyMap<number, ScriptedRoom>, roomId: number): ScriptedRoom {
    const found = rooms.get(roomId);
    if (found === undefined || found.isClosed) return this.#refuse(`There is no open room ${roomId}`);
    return found;
  }

  #complain(complaint: string): void {
    this.complaints.push(complaint);
  }

  #refuse(complaint: string): never {
    this.#complain(complaint);
    throw new CoreError('STORE_FAILED', complaint);
  }
}
