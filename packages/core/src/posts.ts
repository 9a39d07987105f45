import type { Committer } from './committer.ts';
import { CoreError } from './errors.ts';
import { EventKind, type RoomEvent } from './event.ts';
import type { Limits } from './limits.ts';
import type { Member } from './member.ts';
import { PostOperation } from './operations.ts';
import type { Clock } from './ports.ts';
import { needsTarget, postFault, targetFault } from './post-rules.ts';
import { PostRunOperation } from './post-run.ts';
import type { Post, PostRunResult } from './requests.ts';

/** Messages that are taken at a time, see `Hub.postRun`: bounds what one operation adds to a batch. */
export const RUN_MESSAGES_MAX = 1024;

export interface PostsOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly committer: Committer;
}

/** What members say, on its way into the logs: who may say what, how long, how often, and each of it once. */
export class Posts {
  readonly #options: PostsOptions;
  /** Posts whose target is being looked up in the store. */
  #lookups = 0;

  constructor(options: PostsOptions) {
    this.#options = options;
  }

  /** As {@link Hub.post}, of a server that is not closing. */
  post(member: Member, post: Post): CoreError | undefined {
    const { limits, clock, committer } = this.#options;
    const fault = this.#judge(member, post);
    if (fault !== undefined) return fault;
    const { room } = member;
    const { clientId, kind = EventKind.MESSAGE } = post;
    if (clientId !== undefined) {
      const known = room.log.findByClientId(clientId);
      if (known !== undefined) {
        post.settle?.(known);
        return undefined;
      }
      const pending = room.pendingPosts.get(clientId);
      if (pending !== undefined) {
        if (pending.alsoSettle(post.settle)) return undefined;
        return new CoreError('RATE_LIMITED', 'Cannot post: repeated too often; wait for the result');
      }
    }
    if (!member.bucket.take(clock.monotonicMs())) {
      return tooFast();
    }
    if (!committer.hasRoom || this.#lookups >= limits.commitQueueMax) {
      return busy();
    }
    const target = needsTarget(kind) ? this.#read(member, post.target!) : undefined;
    if (target !== undefined && !(target instanceof Promise)) {
      const wrongTarget = targetFault(kind, member, target[0]);
      if (wrongTarget !== undefined) return wrongTarget;
    }
    const operation = new PostOperation(member, post);
    if (clientId !== undefined) room.pendingPosts.set(clientId, operation);
    if (target instanceof Promise) this.#enqueueLater(operation, member, kind, target);
    else committer.enqueue(operation);
    return undefined;
  }

  /** As {@link Hub.postRun}, of a server that is not closing. */
  postRun(
    member: Member,
    bodies: readonly Uint8Array[],
    settle: (result: RoomEvent | CoreError) => void,
  ): PostRunResult {
    const { limits, clock, committer } = this.#options;
    const gone = goneFault(member);
    if (gone !== undefined) return { taken: 0, refusal: gone };
    const count = Math.min(bodies.length, RUN_MESSAGES_MAX);
    let fitting = 0;
    while (fitting < count && bodies[fitting]!.byteLength <= limits.messageBytesMax) fitting += 1;
    const wanted = Math.min(fitting, committer.room);
    const taken = member.bucket.takeUpTo(clock.monotonicMs(), wanted);
    if (taken > 0) {
      const run = taken === bodies.length ? bodies : bodies.slice(0, taken);
      committer.enqueue(new PostRunOperation(member, run, settle));
    }
    if (taken === count) return { taken, refusal: undefined };
    if (taken === fitting) return { taken, refusal: tooLong(bodies[taken]!.byteLength, limits.messageBytesMax) };
    return { taken, refusal: taken < wanted ? tooFast() : busy() };
  }

  #judge(member: Member, post: Post): CoreError | undefined {
    const { messageBytesMax } = this.#options.limits;
    const gone = goneFault(member);
    if (gone !== undefined) return gone;
    const { byteLength } = post.body;
    if (byteLength > messageBytesMax) return tooLong(byteLength, messageBytesMax);
    const fault = postFault(post);
    return fault === undefined ? undefined : new CoreError('POST_INVALID', `Cannot post: ${fault}`);
  }

  /** The event of this number, if there is one that anybody may see. */
  #read({ room: { log } }: Member, seq: number): readonly RoomEvent[] | Promise<readonly RoomEvent[]> {
    return seq < log.firstSeq ? [] : log.read(seq, 1);
  }

  /** Of what memory no longer holds the store must tell whose it is; what the member says meanwhile may come before. */
  #enqueueLater(operation: PostOperation, member: Member, kind: number, target: Promise<readonly RoomEvent[]>): void {
    this.#lookups += 1;
    target
      .then(
        ([event]) => goneFault(member) ?? targetFault(kind, member, event),
        (cause: unknown) => new CoreError('STORE_FAILED', 'Cannot post: the store could not be read', { cause }),
      )
      .then((fault) => {
        this.#lookups -= 1;
        if (fault === undefined) this.#options.committer.enqueue(operation);
        else operation.failed(fault);
      });
  }
}

function tooLong(byteLength: number, max: number): CoreError {
  return new CoreError('MESSAGE_TOO_LONG', `Cannot post: ${byteLength} bytes exceed ${max}`);
}

function tooFast(): CoreError {
  return new CoreError('RATE_LIMITED', 'Cannot post: too many messages; slow down');
}

function busy(): CoreError {
  return new CoreError('RATE_LIMITED', 'Cannot post: the server is busy; try again');
}

function goneFault({ state, room }: Member): CoreError | undefined {
  if (state !== 'joined') return new CoreError('NOT_A_MEMBER', 'Cannot post: not a member of the room');
  if (room.state !== 'open') return new CoreError('ROOM_CLOSED', 'Cannot post: the room was closed');
  return undefined;
}
