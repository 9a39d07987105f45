import type {
  ClosedEvent,
  CloseReason,
  OwnKey,
  SearchOptions,
  SearchPage,
  SendOptions,
  SendReceipt,
  Session,
  SessionAbility,
  SessionEvent,
} from '@confab/client';

export interface FakeSessionOptions {
  readonly room?: string;
  readonly user?: string;
  readonly role?: 'host' | 'member';
  readonly isConfirming?: boolean;
  readonly messageBytesMax?: number;
  readonly abilities?: readonly SessionAbility[];
}

/** A session whose server is the test: it records what is sent, and says what the test makes it say. */
export class FakeSession implements Session {
  readonly abilities: ReadonlySet<SessionAbility>;
  /** What was searched for, and what `search` gives. */
  readonly searched: { readonly query: string; readonly before: number | undefined }[] = [];
  found: SearchPage = { messages: [], before: undefined, unsearched: 0 };
  /** What `rooms` and `users` give. */
  readonly known = { rooms: ['lobby'], users: ['Ann'] };
  readonly scheme = 'fake';
  room: string;
  readonly user: string;
  readonly role: 'host' | 'member';
  readonly host = undefined;
  outbox: Session['outbox'];
  link: Session['link'];
  readonly localAddress = '127.0.0.1:50000';
  readonly messageBytesMax: number;
  readonly isConfirming: boolean;
  readonly closed: Promise<ClosedEvent>;
  /** What was sent, in order, whatever became of it. */
  readonly sent: string[] = [];
  leaveCount = 0;
  /** What becomes of a message; replace it to hold back or refuse. */
  answer: (text: string) => Promise<SendReceipt>;
  status: Session['status'] = 'open';
  isReachable = true;
  readonly #events: SessionEvent[] = [];
  #wake: () => void = () => {};
  #resolveClosed!: (event: ClosedEvent) => void;

  constructor(options: FakeSessionOptions = {}) {
    this.room = options.room ?? 'lobby';
    this.user = options.user ?? 'Ann';
    this.role = options.role ?? 'member';
    this.isConfirming = options.isConfirming ?? true;
    this.messageBytesMax = options.messageBytesMax ?? 4096;
    this.abilities = new Set(options.abilities);
    this.answer = async (text) => this.accept(text);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  async join(room: string): Promise<void> {
    this.room = room;
  }

  async rooms(): Promise<string[]> {
    return this.known.rooms;
  }

  async users(): Promise<string[]> {
    return this.known.users;
  }

  /** Changes are recorded as what was asked for, such as `edit 3 hi`, and treated as messages are. */
  edit(seq: number, text: string): Promise<SendReceipt> {
    return this.#change('edit', seq, text, () => this.emit({ type: 'edit', ...this.#own(seq), text }));
  }

  withdraw(seq: number): Promise<SendReceipt> {
    return this.#change('withdraw', seq, '', () => this.emit({ type: 'withdrawal', ...this.#own(seq) }));
  }

  react(seq: number, text: string): Promise<SendReceipt> {
    return this.#change('react', seq, text, () => this.emit({ type: 'reaction', ...this.#own(seq), text }));
  }

  keyList: OwnKey[] = [];

  async keys(): Promise<OwnKey[]> {
    return this.keyList;
  }

  async addKey(key: string): Promise<OwnKey[]> {
    this.keyList = [...this.keyList, { key, addedMs: 0, usedMs: 0, isThisDevice: false }];
    return this.keyList;
  }

  async removeKey(key: string): Promise<OwnKey[]> {
    this.keyList = this.keyList.filter((own) => own.key !== key);
    return this.keyList;
  }

  typing(isTyping: boolean): void {
    this.sent.push(`typing ${isTyping}`);
  }

  #own(target: number) {
    return { user: this.user, target, isOwn: true };
  }

  async #change(what: string, seq: number, text: string, emit: () => void): Promise<SendReceipt> {
    this.sent.push(`${what} ${seq} ${text}`.trim());
    if (!this.abilities.has('edit')) throw new Error(`Cannot ${what}: ${this.scheme}:// has no way to`);
    emit();
    return { status: 'accepted' };
  }

  async search(query: string, { before }: SearchOptions = {}): Promise<SearchPage> {
    this.searched.push({ query, before });
    return this.found;
  }

  /** What a confirming wire does with a message: it comes back as an event. */
  accept(text: string): SendReceipt {
    if (!this.isConfirming) return { status: 'sent' };
    this.emit({ type: 'message', user: this.user, text, isOwn: true });
    return { status: 'accepted' };
  }

  emit(event: SessionEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  say(user: string, text: string): void {
    this.emit({ type: 'message', user, text, isOwn: false });
  }

  end(reason: CloseReason, text: string): void {
    if (this.status === 'closed') return;
    this.status = 'closed';
    const event: ClosedEvent = { type: 'closed', reason, text };
    this.emit(event);
    this.#resolveClosed(event);
  }

  send(text: string, _options?: SendOptions): Promise<SendReceipt> {
    this.sent.push(text);
    return this.answer(text);
  }

  async leave(): Promise<void> {
    this.leaveCount += 1;
    this.end('left', 'You have left the room');
  }

  /** Events that nobody has read yet. */
  get unreadCount(): number {
    return this.#events.length;
  }

  async *events(): AsyncGenerator<SessionEvent, undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        yield event;
        if (event.type === 'closed') return;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}
