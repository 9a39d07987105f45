import type { Batch, Operation } from './committer.ts';
import { CoreError } from './errors.ts';
import { EventKind, type RoomEvent } from './event.ts';
import type { Draft } from './log.ts';
import type { Member } from './member.ts';
import type { Room } from './room.ts';

const EMPTY = new Uint8Array(0);
/** Repetitions of one pending post that hear how it ended: a client may repeat for ever, and each one costs memory. */
const REPEATS_MAX = 64;

type Settle = (result: RoomEvent | CoreError) => void;

/** The part of a post that this operation needs. */
export interface PostFacts {
  readonly body: Uint8Array;
  readonly kind?: number;
  readonly clientId?: string | undefined;
  readonly target?: number | undefined;
  readonly condition?: Draft['condition'];
  readonly persisted?: (() => void) | undefined;
  readonly settle?: Settle | undefined;
}

/** An event about a member itself. */
function aboutMember(member: Member, kind: number): Draft {
  return { kind, author: member.id, user: member.user, isVerified: member.isVerified || undefined, body: EMPTY };
}

/** The bytes in a buffer of their own: a short view would keep a whole receive buffer in memory as long as the event. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** One message (or edit, reaction …) on its way into its room's log. */
export class PostOperation implements Operation {
  readonly #member: Member;
  readonly #draft: Draft;
  readonly #settle: Settle | undefined;
  readonly #persisted: (() => void) | undefined;
  #alsoSettle: Settle[] | undefined;
  #event: RoomEvent | undefined;

  constructor(member: Member, post: PostFacts) {
    this.#member = member;
    this.#settle = post.settle;
    this.#persisted = post.persisted;
    this.#draft = {
      kind: post.kind ?? EventKind.MESSAGE,
      author: member.id,
      user: member.user,
      isVerified: member.isVerified || undefined,
      body: ownBytes(post.body),
      clientId: post.clientId,
      target: post.target,
      condition: post.condition,
    };
  }

  /** The same post came again before this one was settled. False when that happened too often to remember one more. */
  alsoSettle(settle: Settle | undefined): boolean {
    if (settle === undefined) return true;
    this.#alsoSettle ??= [];
    if (this.#alsoSettle.length >= REPEATS_MAX) return false;
    this.#alsoSettle.push(settle);
    return true;
  }

  seal(batch: Batch): void {
    const { log } = this.#member.room;
    const { condition } = this.#draft;
    if (condition !== undefined && !log.meets(condition)) {
      throw new CoreError(
        'CONDITION_FAILED',
        `Cannot post: the newest event of kind ${condition.kind} is not number ${condition.seq}`,
      );
    }
    this.#event = batch.append(log, this.#draft);
  }

  persisted(): void {
    this.#persisted?.();
  }

  committed(): void {
    this.#end(this.#event!);
  }

  repeated(event: RoomEvent): void {
    this.#end(event);
  }

  failed(error: CoreError): 'drop' {
    this.#end(error);
    return 'drop';
  }

  #end(result: RoomEvent | CoreError): void {
    if (this.#draft.clientId !== undefined) this.#member.room.pendingPosts.delete(this.#draft.clientId);
    try {
      this.#settle?.(result);
    } finally {
      if (this.#alsoSettle !== undefined) for (const settle of this.#alsoSettle) settle(result);
    }
  }
}

/** What a member learns of the room that it is let into. */
export interface JoinResult {
  readonly joinSeq: number;
  /** Members of the room at that moment, the new one among them. */
  readonly memberCount: number;
}

/** An open room that nobody has joined, so that its name is taken. */
export class HoldOperation implements Operation {
  readonly #room: Room;
  readonly #done: (error?: CoreError) => void;
  readonly #isRetried: boolean;

  /**
   * @param isRetried whether a failure is tried again; else `done` hears of it and the room is closed
   */
  constructor(room: Room, isRetried: boolean, done: (error?: CoreError) => void) {
    this.#room = room;
    this.#isRetried = isRetried;
    this.#done = done;
  }

  seal(batch: Batch): void {
    batch.add({ type: 'room-put', room: this.#room.toStored() });
  }

  committed(): void {
    if (this.#room.state === 'opening') this.#room.state = 'open';
    this.#done();
  }

  failed(error: CoreError): 'again' | 'drop' {
    if (this.#isRetried) return 'again';
    // At once, for those who asked to join meanwhile and are next in the queue.
    this.#room.state = 'closed';
    this.#done(error);
    return 'drop';
  }
}

/** A member comes in; the first one of a room that is being made brings the room with it. */
export class JoinOperation implements Operation {
  readonly #member: Member;
  readonly #bringsRoom: boolean;
  readonly #resolve: (result: JoinResult) => void;
  readonly #reject: (error: CoreError) => void;
  #joinSeq = 0;

  constructor(
    member: Member,
    bringsRoom: boolean,
    resolve: (result: JoinResult) => void,
    reject: (error: CoreError) => void,
  ) {
    this.#member = member;
    this.#bringsRoom = bringsRoom;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  seal(batch: Batch): void {
    const { room } = this.#member;
    if (room.state === 'closing' || room.state === 'closed') {
      throw new CoreError('ROOM_CLOSED', `Cannot join room ${JSON.stringify(room.name)}: it was closed`);
    }
    if (this.#bringsRoom) batch.add({ type: 'room-put', room: room.toStored() });
    batch.add({ type: 'member-put', member: this.#member.toStored() });
    this.#joinSeq = batch.append(room.log, aboutMember(this.#member, EventKind.JOIN)).seq;
    this.#member.isInLog = true;
  }

  committed(): void {
    const { room } = this.#member;
    if (room.state === 'opening') room.state = 'open';
    if (this.#member.state === 'joining') this.#member.state = 'joined';
    this.#resolve({ joinSeq: this.#joinSeq, memberCount: room.memberCount });
  }

  failed(error: CoreError): 'drop' {
    this.#member.isInLog = false;
    // At once, for those who asked to join meanwhile and are next in the queue: without its room-put there is no room.
    if (this.#bringsRoom) this.#member.room.state = 'closed';
    this.#reject(error);
    return 'drop';
  }
}

/** A member went out. It is gone whatever the disk says, so a failure is tried again. */
export class LeaveOperation implements Operation {
  readonly #member: Member;
  readonly #done: () => void;

  constructor(member: Member, done: () => void) {
    this.#member = member;
    this.#done = done;
  }

  seal(batch: Batch): void {
    if (!this.#member.isInLog) return;
    batch.append(this.#member.room.log, aboutMember(this.#member, EventKind.LEAVE));
    batch.add({ type: 'member-delete', memberId: this.#member.id });
  }

  committed(): void {
    this.#done();
  }

  failed(): 'again' {
    return 'again';
  }
}

/** The host of a hosted room went out: the room ends. Tried again like a leave. */
export class CloseOperation implements Operation {
  readonly #host: Member;
  readonly #done: () => void;
  readonly #timeMs: number;

  constructor(host: Member, timeMs: number, done: () => void) {
    this.#host = host;
    this.#timeMs = timeMs;
    this.#done = done;
  }

  seal(batch: Batch): void {
    const { room } = this.#host;
    if (!this.#host.isInLog) return;
    batch.append(room.log, aboutMember(this.#host, EventKind.LEAVE));
    batch.append(room.log, aboutMember(this.#host, EventKind.CLOSE));
    batch.add({ type: 'room-close', roomId: room.id, timeMs: this.#timeMs });
  }

  committed(): void {
    this.#done();
  }

  failed(): 'again' {
    return 'again';
  }
}

/** A member's profile changed. */
export class MemberPutOperation implements Operation {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  seal(batch: Batch): void {
    this.#member.isProfileQueued = false;
    // The end of the room may stand before this in the queue, or in the same batch; a row put after it would stay for ever.
    if (this.#member.state !== 'joined' || this.#member.room.state !== 'open') return;
    batch.add({ type: 'member-put', member: this.#member.toStored() });
  }

  committed(): void {}

  /** A profile that was not kept costs the member one more registration after a restart, no more. */
  failed(): 'drop' {
    this.#member.isProfileQueued = false;
    return 'drop';
  }
}
