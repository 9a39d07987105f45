import type { BridgeClient } from '@confab/client';
import { renderMessage } from '../conversation/render.ts';
import { codeOf, reasonOf } from '../failure.ts';
import { excerpt, sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';
import { renderBridgeEvent, renderHeld, stateText } from './bridge-events.ts';
import { type BridgeLine, bridgeLineHelp, parseBridgeLine } from './bridge-line.ts';

/** What of a client the command uses. */
export type DialogueClient = Pick<
  BridgeClient,
  | 'register'
  | 'bridge'
  | 'chat'
  | 'send'
  | 'quit'
  | 'close'
  | 'events'
  | 'state'
  | 'id'
  | 'peerId'
  | 'mode'
  | 'localAddress'
  | 'serverAddress'
>;

export interface DialogueOptions {
  readonly client: DialogueClient;
  readonly screen: Screen;
  /** Aborted by an interrupt. */
  readonly signal: AbortSignal;
  readonly id: string | undefined;
}

/** How lines ended: by /quit, at the end of input, or, in a script, because a command failed. */
export type LinesEnd = 'quit' | 'end-of-input' | 'failed';

/**
 * What is typed and what happens, in `confab bridge`. People's lines go out at once; a script's one after the other, and its
 * `/chat` waits until a conversation is open, whoever finds whom.
 */
export class BridgeDialogue {
  readonly #client: DialogueClient;
  readonly #screen: Screen;
  readonly #signal: AbortSignal;
  readonly #pending = new Set<Promise<void>>();
  #id: string | undefined;
  #failureCount = 0;
  readonly #chatBegun = Promise.withResolvers<void>();
  readonly #chatEnded = Promise.withResolvers<'peer-left' | 'lost'>();

  constructor({ client, screen, signal, id }: DialogueOptions) {
    this.#client = client;
    this.#screen = screen;
    this.#signal = signal;
    this.#id = id;
    this.#prompt();
  }

  /** Lines that did not go out, or were not confirmed. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** Fulfils when a conversation has ended that we did not end. */
  get chatEnded(): Promise<'peer-left' | 'lost'> {
    return this.#chatEnded.promise;
  }

  /** Fulfils when every line is settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Until the client is closed or nobody reads any more. */
  async showEvents(): Promise<void> {
    for await (const event of this.#client.events()) {
      switch (event.type) {
        case 'state':
          if (this.#screen.isInteractive) await this.#screen.printStatus(`· ${stateText(event.state)}`);
          break;
        case 'held':
          await this.#screen.printStatus(renderHeld(event.count));
          break;
        case 'missed':
          await this.#screen.printStatus(`! ${event.count} events were missed`);
          break;
        case 'closed':
          return;
        default:
          // Of their own leaving only people at a terminal need to be told.
          if (event.type === 'ended' && event.reason === 'left' && !this.#screen.isInteractive) break;
          if (!(await this.#screen.print(renderBridgeEvent(event)))) return;
          if (event.type === 'chat') this.#chatBegun.resolve();
          if (event.type === 'ended' && event.reason !== 'left') this.#chatEnded.resolve(event.reason);
      }
    }
  }

  /** `--chat`: all that leads to a conversation. */
  async connect(): Promise<boolean> {
    const isFound =
      (await this.#obey({ kind: 'register' })) && (await this.#obey({ kind: 'bridge', wanted: undefined }));
    if (!isFound) return false;
    // At a terminal, waiting to be found keeps nobody from typing.
    return this.#screen.isInteractive && this.#client.state !== 'found' ? true : this.#obey({ kind: 'chat' });
  }

  async readLines(): Promise<LinesEnd> {
    for (;;) {
      const text = await this.#screen.nextLine();
      if (text === undefined) return 'end-of-input';
      const line = parseBridgeLine(text);
      if (line.kind === 'quit') return 'quit';
      const isDone = await this.#obey(line);
      if (!isDone && !this.#screen.isInteractive) return 'failed';
    }
  }

  /** @returns Whether it was done; if not, why not has been said. */
  async #obey(line: BridgeLine): Promise<boolean> {
    if (line.kind !== 'say') await this.settled();
    try {
      await this.#do(line);
      return true;
    } catch (error) {
      if (!this.#signal.aborted) await this.#screen.printStatus(`! ${reasonOf(error)}`);
      return false;
    }
  }

  async #do(line: BridgeLine): Promise<void> {
    const client = this.#client;
    const signal = this.#signal;
    switch (line.kind) {
      case 'say':
        await this.#say(line.text);
        return;
      case 'id':
        if (line.id === '') throw new Error('/id needs a name: /id NAME');
        this.#id = line.id;
        this.#prompt();
        return;
      case 'register':
        if (this.#id === undefined) throw new Error('Nobody knows you yet: give yourself an id first, with /id NAME');
        await client.register(this.#id, { signal });
        await this.#screen.printStatus(`Registered as ${sanitizeName(this.#id)}, own address ${client.localAddress}`);
        return;
      case 'bridge': {
        const found = await client.bridge(line.wanted, { signal });
        if (found !== undefined) {
          await this.#screen.printStatus(
            `Found ${sanitizeName(found.clientId)} at ${sanitizeName(found.ip)}:${found.port}`,
          );
        }
        return;
      }
      case 'chat':
        if (client.state === 'found') await client.chat({ signal });
        else if (client.state === 'waiting' && !this.#screen.isInteractive) await this.#untilChat();
        else if (client.state !== 'chatting') throw new Error('There is nobody to talk to: /bridge finds somebody');
        return;
      case 'leave':
        await client.quit();
        return;
      case 'status':
        await this.#screen.printStatus(this.#status());
        return;
      case 'help':
        await this.#screen.printStatus(bridgeLineHelp);
        return;
      case 'unknown-command':
        throw new Error(`There is no ${line.command}; /help lists the commands, //text says "/text"`);
      default:
    }
  }

  /** Until somebody has found us. */
  async #untilChat(): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(this.#signal.reason);
    this.#signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#chatBegun.promise, promise]);
    } finally {
      this.#signal.removeEventListener('abort', abort);
    }
  }

  async #say(text: string): Promise<void> {
    const sending = this.#send(text).finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
    if (!this.#screen.isInteractive) await sending;
  }

  /** Never rejects. */
  async #send(text: string): Promise<void> {
    try {
      await this.#client.send(text, { signal: this.#signal });
      if (!this.#screen.isInteractive) await this.#screen.print(renderMessage(this.#client.id, text));
    } catch (error) {
      this.#failureCount += 1;
      const code = codeOf(error);
      const isUncertain = code === 'SEND_UNCERTAIN';
      const isBack = !isUncertain && this.#screen.restoreLine(text);
      const reason = code === 'SESSION_CLOSED' ? 'you are not talking to anybody' : reasonOf(error);
      const which = isBack ? '' : `: "${excerpt(text)}"`;
      await this.#screen.printStatus(
        `! ${isUncertain ? '' : 'Not sent: '}${reason.replace(/^Cannot send: /, '')}${which}`,
      );
    }
  }

  #status(): string {
    const { mode, serverAddress, localAddress, state, peerId } = this.#client;
    const name = this.#id === undefined ? 'no id yet' : sanitizeName(this.#id);
    const place = `${mode === 'tcp' ? 'TCP' : 'UDP'} mode at ${serverAddress}, own address ${localAddress}`;
    const whom = peerId === undefined ? '' : ` to ${sanitizeName(peerId)}`;
    return `${place}; ${name}; ${stateText(state)}${whom}`;
  }

  #prompt(): void {
    if (this.#screen.isInteractive) this.#screen.setPrompt(`${this.#id === undefined ? '' : sanitizeName(this.#id)}> `);
  }
}
