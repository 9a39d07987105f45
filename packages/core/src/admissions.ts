import type { Committer } from './committer.ts';
import { CoreError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { NameOwners } from './name-owners.ts';
import { validateRoomName, validateUserName } from './names.ts';
import { JoinOperation, type JoinResult } from './operations.ts';
import { Passwords } from './passwords.ts';
import type { Clock, Secrets } from './ports.ts';
import type { Admission, Entry, TokenFormat } from './requests.ts';
import type { Room } from './room.ts';
import type { Roster } from './roster.ts';
import type { RoomKind } from './store.ts';
import { KeyedBuckets } from './token-bucket.ts';

/** Fewest random bytes of a token. */
export const TOKEN_BYTES_MIN = 16;

export interface AdmissionsOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly committer: Committer;
  readonly roster: Roster;
  readonly names: NameOwners;
  /** Whether the server takes no more requests. */
  readonly isClosing: () => boolean;
}

/** Who may make a room or enter one, from where how often, and with what password. */
export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #passwords: Passwords;
  readonly #requests: KeyedBuckets;
  readonly #newRooms: KeyedBuckets;
  readonly #faults: KeyedBuckets;

  constructor(options: AdmissionsOptions) {
    const { limits, secrets } = options;
    this.#options = options;
    this.#passwords = new Passwords(secrets, limits);
    this.#requests = new KeyedBuckets(limits.addressRequests, limits.addressesMax);
    this.#newRooms = new KeyedBuckets(limits.addressRooms, limits.addressesMax);
    this.#faults = new KeyedBuckets(limits.addressFaults, limits.addressesMax);
  }

  changeAddressesMax(addressesMax: number): void {
    for (const buckets of [this.#requests, this.#newRooms, this.#faults]) buckets.changeKeysMax(addressesMax);
  }

  /** See `Hub.create`. */
  async create(entry: Entry): Promise<Admission> {
    this.#judge(entry);
    if (this.#options.roster.roomNamed(entry.room) !== undefined) {
      throw new CoreError('ROOM_EXISTS', `Cannot create room ${JSON.stringify(entry.room)}: it exists`);
    }
    return this.#enterNewRoom(entry, 'hosted');
  }

  /** See `Hub.join`. */
  async join(entry: Entry, makeOpen: boolean): Promise<Admission> {
    const { limits, roster } = this.#options;
    this.#judge(entry);
    const room = roster.roomNamed(entry.room);
    // A hosted room that is being made has no password hash yet, so nobody may be let in.
    if (room === undefined || (room.state === 'opening' && room.kind === 'hosted')) {
      if (room === undefined && makeOpen) return this.#enterNewRoom(entry, 'open');
      throw new CoreError('ROOM_NOT_FOUND', `Cannot join room ${JSON.stringify(entry.room)}: it does not exist`);
    }
    if (room.passwordHash !== undefined) await this.#checkPassword(entry, room.passwordHash);
    if (room.state === 'closing' || room.state === 'closed') {
      throw new CoreError('ROOM_CLOSED', `Cannot join room ${JSON.stringify(entry.room)}: it was closed`);
    }
    if (room.members.size >= limits.roomMembersMax) {
      throw new CoreError(
        'ROOM_FULL',
        `Cannot join room ${JSON.stringify(entry.room)}: ${room.members.size} members, the limit is ${limits.roomMembersMax}`,
      );
    }
    return this.#enter(room, entry, { bringsRoom: false });
  }

  /** Note bad input from an address. */
  fault(address: string, points = 1): void {
    this.#faults.drain(address, this.#options.clock.monotonicMs(), points);
  }

  /** Whether an address has sent so much bad input that it is ignored for now. */
  isIgnored(address: string): boolean {
    return this.#faults.isExhausted(address, this.#options.clock.monotonicMs());
  }

  #judge(entry: Entry): void {
    const { clock, committer, isClosing, names } = this.#options;
    if (isClosing()) throw new CoreError('SERVER_CLOSING', 'The server is shutting down');
    if (!this.#requests.take(entry.address, clock.monotonicMs()) || !committer.hasRoom) {
      throw new CoreError('RATE_LIMITED', 'Too many requests; try again later');
    }
    validateRoomName(entry.room);
    validateUserName(entry.user);
    if (entry.deviceKey !== undefined) names.expectOwnedBy(entry.user, entry.deviceKey);
    this.#refuseBeyondLimit();
  }

  #refuseBeyondLimit(): void {
    const { limits, roster } = this.#options;
    if (roster.memberCount >= limits.membersMax) {
      throw new CoreError('LIMIT_REACHED', `The server has ${roster.memberCount} members, its limit`);
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
    const { clock, limits, roster } = this.#options;
    if (roster.countedRooms >= limits.roomsMax) {
      throw new CoreError('LIMIT_REACHED', `The server has ${roster.countedRooms} rooms, its limit`);
    }
    if (!this.#newRooms.take(entry.address, clock.monotonicMs())) {
      throw new CoreError('RATE_LIMITED', 'Too many new rooms; try again later');
    }
    const room = roster.openRoom(entry.room, kind);
    try {
      if (kind === 'hosted' && entry.password !== undefined && entry.password !== '') {
        room.passwordHash = await this.#passwords.hash(entry.password, entry.address);
      }
      return await this.#enter(room, entry, { bringsRoom: true });
    } catch (error) {
      room.state = 'closed';
      roster.forgetRoom(room);
      throw error;
    }
  }

  async #enter(room: Room, entry: Entry, { bringsRoom }: { bringsRoom: boolean }): Promise<Admission> {
    const { clock, committer, isClosing, roster, secrets } = this.#options;
    // Again, for a password takes its time.
    if (isClosing()) throw new CoreError('SERVER_CLOSING', 'The server is shutting down');
    this.#refuseBeyondLimit();
    const token = this.#mint(entry.token);
    const facts = {
      user: entry.user,
      deviceKey: entry.deviceKey,
      tokenDigest: token === '' ? undefined : secrets.digest(token),
      address: entry.address,
      profile: entry.profile ?? '',
      joinedMs: clock.wallMs(),
    };
    const member = roster.addMember(room, facts, entry.timeoutMs);
    if (bringsRoom && room.kind === 'hosted') room.hostId = member.id;
    try {
      const { joinSeq, memberCount } = await new Promise<JoinResult>((resolve, reject) => {
        committer.enqueue(new JoinOperation(member, bringsRoom, resolve, reject));
      });
      // Its silence begins now, however long the store took.
      member.heardMs = clock.monotonicMs();
      return { member, token, memberCount, joinSeq };
    } catch (error) {
      roster.removeMember(member);
      throw error;
    }
  }

  #mint(format: TokenFormat | undefined): string {
    if (format === undefined) return '';
    if (format.bytes < TOKEN_BYTES_MIN) throw new RangeError(`A token of ${format.bytes} bytes can be guessed`);
    let token = format.prefix;
    for (const byte of this.#options.secrets.randomBytes(format.bytes)) token += byte.toString(16).padStart(2, '0');
    return token;
  }
}
