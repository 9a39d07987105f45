import type { SendOptions, SendReceipt } from '../../session.ts';
import { SessionBase } from '../../session-base.ts';
import type { BridgeClient } from './client.ts';
import type { BridgeEvent } from './events.ts';

export interface BridgeSessionOptions {
  readonly client: BridgeClient;
  /** The conversation that has just begun. */
  readonly chat: BridgeEvent & { type: 'chat' };
  readonly eventsMax: number;
}

/** A conversation with one peer, as a room of two that bears the peer's name. It ends with the conversation. */
export class BridgeSession extends SessionBase {
  readonly scheme = 'bridge';
  readonly room: string;
  readonly user: string;
  readonly role = 'member';
  readonly host = undefined;
  readonly localAddress: string;
  readonly messageBytesMax: number;
  /** A sealed conversation confirms; a plain one does not. */
  readonly isConfirming: boolean;
  readonly #client: BridgeClient;

  constructor({ client, chat, eventsMax }: BridgeSessionOptions) {
    super(eventsMax);
    this.#client = client;
    this.room = chat.peerId;
    this.user = client.id;
    this.localAddress = client.localAddress;
    this.messageBytesMax = client.textBytesMax;
    this.isConfirming = chat.isSealed;
    this.queue.push({ type: 'notice', text: chatText(chat) });
    void this.#read();
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    this.requireOpen();
    const receipt = await this.#client.send(text, { signal });
    // Nobody sends our own lines back to us; a confirmed one takes its place among the others' all the same.
    if (receipt.status === 'accepted') this.queue.push({ type: 'message', user: this.user, text, isOwn: true });
    return receipt;
  }

  protected async sayFarewell(): Promise<void> {
    await this.#client.close();
  }

  protected release(): void {
    void this.#client.close();
  }

  async #read(): Promise<void> {
    for await (const event of this.#client.events()) {
      switch (event.type) {
        case 'message':
          this.queue.push({ type: 'message', user: event.user, text: event.text, isOwn: false });
          break;
        case 'missed':
          this.queue.push(event);
          break;
        case 'notice':
          this.queue.push({ type: 'notice', text: event.text });
          break;
        case 'path':
          this.queue.push({ type: 'notice', text: `The way is now ${wayText(event)}` });
          break;
        case 'held':
          this.queue.push({ type: 'notice', text: heldText(event.count) });
          break;
        case 'ended':
          if (event.reason === 'left') break;
          this.end(event.reason === 'peer-left' ? 'room-closed' : 'lost', event.text);
          return;
        default:
      }
    }
  }
}

/** What a conversation is like, for people: the way it goes, and who can read it. */
export function chatText(chat: BridgeEvent & { type: 'chat' }): string {
  const talk = `Talking to ${JSON.stringify(chat.peerId)} ${wayText(chat)}`;
  if (!chat.isSealed) return `${talk}; not encrypted`;
  return `${talk}; encrypted. Both see the same number if nobody stands between: ${chat.code}`;
}

export function heldText(count: number): string {
  return `${count} ${count === 1 ? 'line waits' : 'lines wait'} for an answer: the other program takes turns`;
}

export function wayText({ path, address }: { readonly path: 'direct' | 'relay'; readonly address: string }): string {
  return path === 'direct' ? `directly (${address})` : `through the server (${address})`;
}
