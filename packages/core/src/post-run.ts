import type { Batch, Operation } from './committer.ts';
import type { CoreError } from './errors.ts';
import { EventKind, type RoomEvent } from './event.ts';
import type { Member } from './member.ts';

/** Plain messages of one member on their way into its room's log, one directly behind the other. */
export class PostRunOperation implements Operation {
  readonly weight: number;
  readonly #member: Member;
  readonly #bodies: readonly Uint8Array[];
  readonly #settle: (result: RoomEvent | CoreError) => void;
  #last: RoomEvent | undefined;

  /** @param bodies at least one */
  constructor(member: Member, bodies: readonly Uint8Array[], settle: (result: RoomEvent | CoreError) => void) {
    this.weight = bodies.length;
    this.#member = member;
    this.#bodies = compact(bodies);
    this.#settle = settle;
  }

  seal(batch: Batch): void {
    const { id, user, isVerified, room } = this.#member;
    for (const body of this.#bodies) {
      const draft = { kind: EventKind.MESSAGE, author: id, user, isVerified: isVerified || undefined, body };
      this.#last = batch.append(room.log, draft);
    }
  }

  committed(): void {
    this.#settle(this.#last!);
  }

  failed(error: CoreError): 'drop' {
    this.#settle(error);
    return 'drop';
  }
}

/**
 * Bodies that keep no more memory than twice their own: events stay for long, and a short view of a large buffer would keep
 * all of it.
 */
function compact(bodies: readonly Uint8Array[]): readonly Uint8Array[] {
  const { buffer } = bodies[0]!;
  let total = 0;
  let isShared = true;
  for (const body of bodies) {
    total += body.length;
    isShared &&= body.buffer === buffer;
  }
  if (isShared && 2 * total >= buffer.byteLength) return bodies;
  if (bodies.length === 1) return [new Uint8Array(bodies[0]!)];
  const own = new Uint8Array(total);
  let at = 0;
  return bodies.map((body) => {
    own.set(body, at);
    at += body.length;
    return own.subarray(at - body.length, at);
  });
}
