import { within } from './wait.ts';

/** What a member was shown, as far as its wire tells one thing from another. */
export type Shown =
  | { readonly kind: 'chat'; readonly user: string; readonly text: string }
  /** Something the server says: a join, a leave, the end of the room … */
  | { readonly kind: 'notice'; readonly text: string }
  /** The server refuses something to this member alone. */
  | { readonly kind: 'error'; readonly text: string };

/** What came to a member and was not asked for yet. */
export class ShownQueue {
  readonly #owner: string;
  readonly #items: Shown[] = [];
  /** All chat that ever came, as `user: text`, in order. */
  readonly chat: string[] = [];
  /** All that the server said, in order. */
  readonly notices: string[] = [];
  #wake: (() => void) | undefined;

  constructor(owner: string) {
    this.#owner = owner;
  }

  push(shown: Shown): void {
    this.#items.push(shown);
    if (shown.kind === 'chat') this.chat.push(`${shown.user}: ${shown.text}`);
    else if (shown.kind === 'notice') this.notices.push(shown.text);
    this.#wake?.();
  }

  /** Take everything up to the first that is looked for, and return that. */
  async until(isLookedFor: (shown: Shown) => boolean, what: string): Promise<Shown> {
    for (;;) {
      for (let next = this.#items.shift(); next !== undefined; next = this.#items.shift()) {
        if (isLookedFor(next)) return next;
      }
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(arrival, `${this.#owner} to be shown ${what}`);
    }
  }

  /** The next chat line; notices before it are passed over. */
  async nextChat(): Promise<string> {
    const shown = await this.until(({ kind }) => kind === 'chat', 'a chat line');
    return shown.kind === 'chat' ? `${shown.user}: ${shown.text}` : '';
  }

  async notice(text: string | RegExp): Promise<void> {
    await this.until(
      (shown) => shown.kind === 'notice' && (typeof text === 'string' ? shown.text === text : text.test(shown.text)),
      `the notice ${text}`,
    );
  }

  async error(): Promise<string> {
    return (await this.until(({ kind }) => kind === 'error', 'an error')).text;
  }
}

/** Somebody in a room, over any wire, by a client that is written from the wire's page alone. */
export interface WireMember {
  readonly user: string;
  readonly shown: ShownQueue;
  say(text: string): Promise<void>;
  /** Leave as the wire has it. */
  leave(): Promise<void>;
  /** Bytes that mean nothing on this wire, from the member's own address or connection. */
  sendJunk(bytes: Uint8Array): Promise<void>;
  /** Stop reading, where the wire is a stream, so that the server's output piles up; and go on. */
  readonly stall?: () => void;
  readonly proceed?: () => void;
  /** Let go of the sockets without a word. Harmless when that was done. */
  close(): void;
}

/** Where a server listens: ports by scheme and protocol, such as `ucrp/tcp`. */
export interface ServerPorts {
  readonly address: string;
  port(scheme: string, protocol: 'tcp' | 'udp'): number;
}

export interface JoinRequest {
  readonly room: string;
  readonly user: string;
  readonly password?: string | undefined;
}

/** A wire, or one dialect or layout of it. */
export interface WireKind {
  readonly name: string;
  /** Section of the configuration. */
  readonly section: 'hybrid' | 'stage1' | 'json_lines' | 'json_datagrams' | 'http' | 'link';
  /** Whether a member is shown its own lines. */
  readonly hasEcho: boolean;
  /** Whether members are told of joins and leaves without asking. */
  readonly hasNotices: boolean;
  /** Whether the room is chosen by the client; else all its members are in the server's one. */
  readonly hasRooms: boolean;
  /** Whether a member can leave by saying so. */
  readonly canLeave: boolean;
  readonly canCarryPassword: boolean;
  /** Bytes of text after which a line from another wire comes in pieces. */
  readonly pieceBytesMax: number;
  /** What a member is shown when its room closes; undefined: nothing is said of it. */
  readonly closing: string | undefined;
  /** Enter a room, making it if it is not there. Fulfils when the member hears what is said from now on. */
  join(server: ServerPorts, request: JoinRequest): Promise<WireMember>;
  /** What is sent to the wire's port from a new address. */
  junk(server: ServerPorts, bytes: Uint8Array): Promise<void>;
}
