import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '@confab/config';
import { type Admission, CoreError, type Hub } from '@confab/core';
import { CodecError, type Decoded } from '@confab/wire';
import {
  decodeTcrpRequest,
  dialectOf,
  encodeTcrpFrame,
  encodeTcrpGrant,
  encodeTcrpVerdict,
  type TcrpFrame,
  type TcrpGrant,
  TcrpOperation,
  type TcrpRequest,
  TcrpRequestDecoder,
  TcrpState,
  type TcrpVerdict,
  TcrpVerdicts,
} from '@confab/wire/tcrp';
import { encodeUcrpProfile } from '@confab/wire/ucrp';
import type { Logger } from 'pino';
import type { WireStats } from '../../stats.ts';
import type { Tap } from '../../tap.ts';
import { verdicts } from './verdicts.ts';

/** Silence after which a name-first request, which carries no length, is taken as whole. ms */
const NAME_FIRST_SILENCE_MS = 200;
/** Between the two answers where the client tells them apart by reading twice, not by their lengths. ms */
const ANSWER_GAP_MS = 50;
/** Time for the client to take its answer and close. ms */
const FAREWELL_MS = 5000;

/** `token_` and 32 hexadecimal digits; 64 hexadecimal digits. */
const tokenFormats = {
  string: { prefix: 'token_', bytes: 16 },
  object: { prefix: '', bytes: 32 },
} as const;

export interface ConnectionOptions {
  readonly socket: Socket;
  /** The peer's IP address … */
  readonly address: string;
  /** … and with its port, `ip:port`. */
  readonly peer: string;
  readonly hub: Hub;
  readonly config: Config['hybrid'];
  readonly log: Logger;
  readonly stats: WireStats;
  readonly tap: Tap;
  /** The request is whole (or never will be): the connection no longer counts as unfinished. */
  readonly onFinished: (connection: TcrpConnection) => void;
}

/**
 * One TCRP connection: one request, its answer, close. States: reading the request; being answered; closing.
 */
export class TcrpConnection {
  readonly #options: ConnectionOptions;
  readonly #decoder: TcrpRequestDecoder;
  readonly #deadline: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;
  #isReading = true;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#decoder = new TcrpRequestDecoder({ payloadBytesMax: options.config.payloadBytesMax });
    const { socket } = options;
    // Each answer must be a segment of its own: some clients read once per answer.
    socket.setNoDelay(true);
    this.#deadline = setTimeout(() => this.destroy(), options.config.requestTimeoutMs);
    socket.on('data', (chunk: Buffer) => {
      options.tap.watcher?.({ wire: 'tcrp', direction: 'in', peer: options.peer, bytes: chunk });
      this.#take(this.#decoder.push(chunk));
    });
    socket.on('end', () => this.#take(this.#decoder.end()));
    // A reset by a client that read enough is normal; whatever else happens to the socket ends only this connection.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      options.tap.end('tcrp', options.peer);
      this.#finish();
    });
  }

  /** End it without an answer. */
  destroy(): void {
    this.#options.socket.destroy();
  }

  #take({ frames, error }: Decoded<TcrpFrame>): void {
    if (!this.#isReading) return;
    clearTimeout(this.#silence);
    const frame = frames[0];
    if (frame !== undefined) {
      this.#options.stats.received += 1;
      this.#finish();
      this.#answer(frame).catch((cause: unknown) => {
        this.#options.log.error({ err: cause }, 'tcrp: request failed');
        this.destroy();
      });
    } else if (error !== undefined || this.#options.socket.readableEnded) {
      this.#options.log.debug({ address: this.#options.address, code: error?.code }, 'tcrp: unreadable request');
      this.#options.stats.drop('unreadable');
      this.destroy();
    } else if (this.#decoder.awaitsSilence) {
      this.#silence = setTimeout(() => this.#take(this.#decoder.silence()), NAME_FIRST_SILENCE_MS);
    }
  }

  /** Nothing more is expected from the peer. */
  #finish(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    clearTimeout(this.#deadline);
    clearTimeout(this.#silence);
    this.#options.onFinished(this);
  }

  async #answer(frame: TcrpFrame): Promise<void> {
    const dialect = dialectOf(frame.payload) ?? 'string';
    let request: TcrpRequest;
    let admission: Admission;
    try {
      request = decodeTcrpRequest(frame);
      admission = await this.#admit(frame, request);
    } catch (error) {
      const verdict = refusal(error);
      this.#options.stats.drop('refused');
      this.#send(frame, TcrpState.RESPONSE, encodeTcrpVerdict(dialect, verdict));
      // A string client expects a second frame, mostly without reading it.
      if (dialect === 'string') {
        await this.#pause(frame, dialect);
        this.#send(frame, TcrpState.COMPLETE, encodeTcrpGrant(dialect, frame.operation, NO_GRANT));
      }
      this.#close();
      return;
    }
    const verdict = frame.operation === TcrpOperation.CREATE ? TcrpVerdicts.CREATED : TcrpVerdicts.JOINED;
    this.#send(frame, TcrpState.RESPONSE, encodeTcrpVerdict(dialect, verdict));
    await this.#pause(frame, dialect);
    const { options } = request;
    const grant: TcrpGrant = {
      token: admission.token,
      hostUser: admission.member.room.hostName,
      participantCount: admission.memberCount,
      // Confirms what was asked for, so that the client knows that this server understood.
      ...options,
    };
    this.#send(frame, TcrpState.COMPLETE, encodeTcrpGrant(dialect, frame.operation, grant));
    this.#close();
  }

  #admit(frame: TcrpFrame, request: TcrpRequest): Promise<Admission> {
    const { hub, config, address } = this.#options;
    const chatDialect = request.options.chatDialect ?? request.dialect;
    const entry = {
      room: frame.room,
      user: request.user,
      password: request.password,
      address,
      token: tokenFormats[request.dialect],
      timeoutMs: config.memberTimeoutMs,
      profile: encodeUcrpProfile({
        dialect: chatDialect,
        notices: request.options.notices ?? config.notices,
        echo: request.options.echo ?? chatDialect === 'object',
        layout: 'compact',
      }),
    };
    return frame.operation === TcrpOperation.CREATE ? hub.create(entry) : hub.join(entry);
  }

  /** Between the answers: for the object dialect, and where no length tells them apart. */
  async #pause(frame: TcrpFrame, dialect: TcrpRequest['dialect']): Promise<void> {
    if (dialect === 'object' || frame.layout === 'name-first') await sleep(ANSWER_GAP_MS);
  }

  #send(request: TcrpFrame, state: TcrpFrame['state'], payload: Uint8Array): void {
    const { socket } = this.#options;
    if (socket.destroyed) return;
    const bytes = encodeTcrpFrame({ ...request, state, payload });
    const { stats, tap, peer } = this.#options;
    stats.sent += 1;
    stats.sentBytes += bytes.length;
    tap.watcher?.({ wire: 'tcrp', direction: 'out', peer, bytes });
    socket.write(bytes);
  }

  #close(): void {
    const { socket } = this.#options;
    socket.end();
    const farewell = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => clearTimeout(farewell));
  }
}

const NO_GRANT: TcrpGrant = { token: '', hostUser: '', participantCount: 0 };

function refusal(error: unknown): TcrpVerdict {
  if (error instanceof CoreError) return verdicts[error.code];
  if (error instanceof CodecError) return verdicts.USER_NAME_INVALID;
  throw error;
}
