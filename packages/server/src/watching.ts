import { resolve } from 'node:path';
import type { Config } from '@confab/config';
import type { Hub } from '@confab/core';
import type { Logger } from 'pino';
import { systemClock } from './adapters/clock.ts';
import { ServerError } from './errors.ts';
import { ConversationLog } from './log/conversation-log.ts';
import type { Tap } from './tap.ts';
import { TraceListener } from './trace/listener.ts';

export interface WatchingOptions {
  readonly hub: Hub;
  readonly tap: Tap;
  readonly log: Logger;
}

/** What watches the server at work and can be turned on and off while it runs: the conversation log and the trace. */
export class Watching {
  readonly #options: WatchingOptions;
  #conversation: ConversationLog | undefined;
  #conversationPath = '';
  #trace: TraceListener | undefined;
  #tracePort: number | undefined;

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  /** Port of the trace, while it is on. */
  get tracePort(): number | undefined {
    return this.#trace?.port;
  }

  /**
   * Watch as configured from now on. Everything is as it was when this throws.
   * @throws {ServerError} LOG_UNWRITABLE, PORT_BUSY, PORT_FORBIDDEN, LISTEN_FAILED
   */
  async configure({ log, trace }: Pick<Config, 'log' | 'trace'>): Promise<void> {
    const isNewConversation = log.conversation !== this.#conversationPath;
    const tracePort = trace.enabled ? trace.tcpPort : undefined;
    const isNewTrace = tracePort !== this.#tracePort;
    const conversation = isNewConversation ? await this.#openConversation(log) : this.#conversation;
    let listener = this.#trace;
    try {
      if (isNewTrace) listener = await this.#openTrace(tracePort, trace.secrets);
    } catch (error) {
      if (isNewConversation) await conversation?.close();
      throw error;
    }
    const outdated = [
      isNewConversation ? this.#conversation?.close() : undefined,
      isNewTrace ? this.#trace?.close() : undefined,
    ];
    this.#conversation = conversation;
    this.#conversationPath = log.conversation;
    this.#trace = listener;
    this.#tracePort = tracePort;
    this.#trace?.showSecrets(trace.secrets);
    await Promise.all(outdated);
  }

  async close(): Promise<void> {
    await this.#trace?.close();
    await this.#conversation?.close();
  }

  async #openConversation(config: Config['log']): Promise<ConversationLog | undefined> {
    if (config.conversation === '') return undefined;
    if (config.file !== '' && resolve(config.conversation) === resolve(config.file)) {
      throw new ServerError(
        'LOG_UNWRITABLE',
        'Cannot write log.file and log.conversation to the same file; set one of them to another',
      );
    }
    return ConversationLog.open(config, this.#options.hub, this.#options.log);
  }

  async #openTrace(tcpPort: number | undefined, secrets: boolean): Promise<TraceListener | undefined> {
    if (tcpPort === undefined) return undefined;
    const { tap, log } = this.#options;
    const listener = await TraceListener.open({ tap, port: tcpPort, secrets, wallMs: () => systemClock.wallMs() });
    const how = secrets ? 'with tokens and passwords' : 'with tokens and passwords masked';
    log.warn({ port: listener.port }, `trace: programs on this machine can watch the plaintext wires, ${how}`);
    return listener;
  }
}
