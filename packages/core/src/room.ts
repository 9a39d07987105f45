import { Fanout } from './fanout.ts';
import type { Limits } from './limits.ts';
import { RoomLog } from './log.ts';
import type { Member } from './member.ts';
import type { PostOperation } from './operations.ts';
import type { LoadedRoom, RoomKind, Store, StoredRoom } from './store.ts';

/**
 * *opening*: its name is taken, the store does not have it yet. *open*. *closing*: takes no more members or messages; its
 * end is on its way to the store. *closed*: its members were told and are gone.
 */
export type RoomState = 'opening' | 'open' | 'closing' | 'closed';

/** A place in which members share one log. */
export class Room {
  readonly id: number;
  readonly name: string;
  readonly kind: RoomKind;
  readonly createdMs: number;
  readonly log: RoomLog;
  readonly fanout: Fanout;
  /** Everybody who is in or about to be let in, by member id. */
  readonly members = new Map<number, Member>();
  /** Posts that are not settled yet, by client id. */
  readonly pendingPosts = new Map<string, PostOperation>();
  /** Members who are in: what people are told. Kept by {@link Member.state}. */
  memberCount = 0;
  passwordHash: string | undefined;
  hostId: number | undefined;
  state: RoomState;

  constructor(store: Store, limits: Limits, loaded: LoadedRoom, state: RoomState, onFault: (error: unknown) => void) {
    this.id = loaded.id;
    this.name = loaded.name;
    this.kind = loaded.kind;
    this.createdMs = loaded.createdMs;
    this.passwordHash = loaded.passwordHash;
    this.hostId = loaded.hostId;
    this.state = state;
    this.log = new RoomLog(store, limits, loaded);
    this.fanout = new Fanout(this.log, loaded.name, limits, onFault);
  }

  /** Name of the host of a hosted room; empty when there is none. */
  get hostName(): string {
    return this.hostId === undefined ? '' : (this.members.get(this.hostId)?.user ?? '');
  }

  toStored(): StoredRoom {
    const { id, name, kind, passwordHash, hostId, createdMs } = this;
    return { id, name, kind, passwordHash, hostId, createdMs };
  }
}
