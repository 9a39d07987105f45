import { decodeEvent, type Joined, type LinkCursor, type LinkOwnEventBefore } from '@confab/wire/link';
import { EventKind } from '../../event-kind.ts';
import type { MessageEvent, SessionEvent } from '../../session.ts';

/** What a room needs of its session. */
export interface RoomHost {
  readonly user: string;
  /** Whether the own name was proved. */
  readonly isVerified: boolean;
  emit(event: SessionEvent): void;
  /** An own post is in the log: its body, undefined when it is not known. */
  seen(post: number, seq: number): Uint8Array | undefined;
}

/** Who is behind an event, and where it stands. */
type Said = Pick<MessageEvent, 'user' | 'isOwn' | 'isVerified' | 'isHistory' | 'seq'>;

const decoder = new TextDecoder();

/** A room as this client has it: how far its log was read, and what it said, as events. Survives its channels. */
export class LinkRoom {
  readonly #host: RoomHost;
  /** Up to this number it was said before we came. */
  readonly #historyTo: number;
  #joined: Joined;
  /** The own event that the channel carried last. */
  #lastOwn: LinkOwnEventBefore | undefined;
  #next: number;
  password: string;

  constructor(host: RoomHost, joined: Joined, password: string) {
    this.#host = host;
    this.#joined = joined;
    this.#next = joined.first;
    this.#historyTo = joined.head;
    this.password = password;
  }

  get name(): string {
    return this.#joined.room;
  }

  get channel(): number {
    return this.#joined.channel;
  }

  get joined(): Joined {
    return this.#joined;
  }

  /** Number of the event that is to come. */
  get next(): number {
    return this.#next;
  }

  get cursor(): LinkCursor {
    return { epoch: this.#joined.epoch, roomId: this.#joined.roomId, next: this.#next };
  }

  /** Joined once more, after the server has forgotten the session. */
  reopened(joined: Joined): void {
    this.#joined = joined;
    this.#lastOwn = undefined;
    if (joined.isResynchronised) {
      const text = 'The room could not be read on from where it was left: messages may be missing here';
      this.#host.emit({ type: 'notice', text });
    } else if (joined.first > this.#next) {
      this.#host.emit({ type: 'missed', count: joined.first - this.#next });
    }
    this.#next = joined.first;
  }

  skipped(first: number, last: number): void {
    this.#next = last + 1;
    this.#host.emit({ type: 'missed', count: last - first + 1 });
  }

  /** @throws {CodecError} it is no event */
  receive(seq: number, record: Uint8Array): void {
    // Before anything else: whatever is done about this event, it is not to come again.
    this.#next = seq + 1;
    const event = decodeEvent(record, this.#lastOwn);
    if ('outbox' in event) {
      this.#lastOwn = event;
      const body = this.#host.seen(event.outbox, seq);
      const { user, isVerified } = this.#host;
      if (body !== undefined) this.#tell(event.kind, { user, isOwn: true, isVerified, seq }, event.target, body);
      return;
    }
    const { kind, user, body, isVerified, target } = event;
    const isOwnJoin = kind === EventKind.JOIN && user === this.#host.user && seq === this.#historyTo;
    const more = seq <= this.#historyTo && !isOwnJoin ? { seq, isHistory: true } : { seq };
    this.#tell(kind, { user, isOwn: false, isVerified, ...more }, target, body);
  }

  #tell(kind: number, said: Said, target: number | undefined, body: Uint8Array): void {
    const { emit } = this.#host;
    const { user, isOwn: _isOwn, isVerified: _isVerified, ...place } = said;
    switch (kind) {
      case EventKind.MESSAGE:
        emit({ type: 'message', ...said, text: decoder.decode(body) });
        break;
      case EventKind.EDIT:
        if (target !== undefined) emit({ type: 'edit', ...said, target, text: decoder.decode(body) });
        break;
      case EventKind.DELETE:
        if (target !== undefined) emit({ type: 'withdrawal', ...said, target });
        break;
      case EventKind.REACTION:
        if (target !== undefined) emit({ type: 'reaction', ...said, target, text: decoder.decode(body) });
        break;
      case EventKind.JOIN:
        emit({ type: 'notice', text: `${user} joined`, member: { user, change: 'joined' }, ...place });
        break;
      case EventKind.LEAVE:
        emit({ type: 'notice', text: `${user} left`, member: { user, change: 'left' }, ...place });
        break;
      case EventKind.NOTICE:
        emit({ type: 'notice', text: decoder.decode(body), ...place });
        break;
      default:
      // The end of the room is told by its LEFT; kinds from 32 up are for applications.
    }
  }
}
