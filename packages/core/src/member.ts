import type { Rate } from './limits.ts';
import type { Reader } from './reader.ts';
import type { Room } from './room.ts';
import type { StoredMember } from './store.ts';
import { TokenBucket } from './token-bucket.ts';

/** *joining*: its place is kept, the store does not have it yet. *joined*. *left*: gone; its token opens nothing. */
export type MemberState = 'joining' | 'joined' | 'left';

/** Somebody in a room. */
export class Member {
  readonly id: number;
  readonly room: Room;
  readonly user: string;
  /** The proved key that the user name belongs to; undefined: unverified. */
  readonly deviceKey: string | undefined;
  /** IP address the membership was asked for from. */
  readonly address: string;
  /** Digest of the token; undefined for a member that is known by its connection and ends with it. */
  readonly tokenDigest: string | undefined;
  readonly joinedMs: number;
  /** Silence after which the member is dropped, ms; undefined: never. */
  timeoutMs: number | undefined;
  readonly bucket: TokenBucket;
  #state: MemberState;
  /** What the gateway needs to reach this member again after a restart. */
  profile: string;
  /** Whether the member's JOIN is in the log, or in the batch that is being written: then its LEAVE must follow. */
  isInLog: boolean;
  /** Whether the profile waits to be kept: then it is kept as it is by that time, however often it changes before. */
  isProfileQueued = false;
  /** Monotonic time at which the member was last heard, ms. */
  heardMs: number;
  /** The member's cursor in the room's log, once its gateway can reach it. */
  reader: Reader<unknown> | undefined;

  constructor(room: Room, stored: MemberFacts, options: MemberOptions) {
    this.id = stored.id;
    this.room = room;
    this.user = stored.user;
    this.deviceKey = stored.deviceKey;
    this.address = stored.address;
    this.tokenDigest = stored.tokenDigest;
    this.profile = stored.profile;
    this.joinedMs = stored.joinedMs;
    this.timeoutMs = options.timeoutMs;
    this.#state = options.state;
    if (options.state === 'joined') room.memberCount += 1;
    this.isInLog = options.state === 'joined';
    this.heardMs = options.nowMs;
    this.bucket = new TokenBucket(options.messages, options.nowMs);
  }

  get state(): MemberState {
    return this.#state;
  }

  set state(state: MemberState) {
    this.room.memberCount += Number(state === 'joined') - Number(this.#state === 'joined');
    this.#state = state;
  }

  get isHost(): boolean {
    return this.room.hostId === this.id;
  }

  /** Whether the user name belongs to a key that the member has proved. */
  get isVerified(): boolean {
    return this.deviceKey !== undefined;
  }

  /** Stop reading the log. */
  detach(): void {
    this.reader?.detach();
    this.reader = undefined;
  }

  toStored(): StoredMember {
    const { id, user, deviceKey, address, tokenDigest, profile, joinedMs } = this;
    return { id, roomId: this.room.id, user, deviceKey, tokenDigest, address, profile, joinedMs };
  }
}

export type MemberFacts = Omit<StoredMember, 'roomId'>;

export interface MemberOptions {
  readonly state: MemberState;
  readonly nowMs: number;
  readonly messages: Rate;
  readonly timeoutMs?: number | undefined;
}
