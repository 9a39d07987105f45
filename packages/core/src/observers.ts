import type { CoreError } from './errors.ts';
import type { RoomEvent } from './event.ts';
import type { Member } from './member.ts';

/** Why a member is no longer in its room. */
export type RemovalReason = 'left' | 'timed-out' | 'room-closed';

export interface HubObserver {
  /** A member is gone, for whatever reason; called once per member, after the room was told. */
  memberRemoved?(member: Member, reason: RemovalReason): void;
  /** A batch is in the store and published: so many events, of which the oldest waited so long since it was asked for. */
  committed?(events: number, waitedMs: number): void;
  /** These events of a room, in their order, are in the store and were handed to its readers. Must not wait. */
  published?(roomName: string, events: readonly RoomEvent[]): void;
  /** A search was answered, after so long. */
  searched?(tookMs: number): void;
  /** A fault of our own that was contained. */
  fault?(error: unknown): void;
  /** Somebody else writes to the same log: nothing can be written any more, and the process had better end. Called once. */
  fenced?(error: CoreError): void;
}

/** Those who are told of what happens. None of them can stop the others from being told, or what happens. */
export class Observers {
  readonly #all = new Set<HubObserver>();
  /** Those of them who want every event; mostly nobody, and then publishing costs nothing more. */
  readonly #listeners = new Set<HubObserver>();

  /** Tell an observer, until the function that is returned is called. */
  add(observer: HubObserver): () => void {
    this.#all.add(observer);
    if (observer.published !== undefined) this.#listeners.add(observer);
    return () => {
      this.#all.delete(observer);
      this.#listeners.delete(observer);
    };
  }

  memberRemoved(member: Member, reason: RemovalReason): void {
    this.#tell((observer) => observer.memberRemoved?.(member, reason));
  }

  published(roomName: string, events: readonly RoomEvent[]): void {
    if (this.#listeners.size > 0) this.#tell((observer) => observer.published?.(roomName, events), this.#listeners);
  }

  committed(events: number, waitedMs: number): void {
    this.#tell((observer) => observer.committed?.(events, waitedMs));
  }

  searched(tookMs: number): void {
    this.#tell((observer) => observer.searched?.(tookMs));
  }

  fenced(error: CoreError): void {
    this.#tell((observer) => observer.fenced?.(error));
  }

  /** A fault that was contained. */
  fault(error: unknown): void {
    for (const observer of this.#all) {
      try {
        observer.fault?.(error);
      } catch {
        // There is nobody left to tell.
      }
    }
  }

  #tell(tell: (observer: HubObserver) => void, observers: ReadonlySet<HubObserver> = this.#all): void {
    for (const observer of observers) {
      try {
        tell(observer);
      } catch (error) {
        this.fault(error);
      }
    }
  }
}
