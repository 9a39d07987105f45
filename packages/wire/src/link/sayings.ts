import type { LinkPath } from './api.ts';
import type { Cursors } from './cursors.ts';
import type { FrameWriter } from './frame-writer.ts';
import { LINK_TEXT_BYTES_MAX } from './limits.ts';
import type { PathControl } from './path-control.ts';

/** PONGs that wait to be sent; with more the newest are not answered. */
const PONGS_MAX = 4;
/** A character of UTF-16 takes at most three bytes of UTF-8. */
const TEXT_LENGTH_MAX = Math.floor(LINK_TEXT_BYTES_MAX / 3);
const NOTHING = new Uint8Array(0);

export interface SayingsOptions {
  readonly paths: PathControl;
  readonly cursors: Cursors;
  /** Ephemerals that wait; the oldest are dropped. */
  readonly ephemeralsMax: number;
}

/** What is said besides records and acknowledgements of packets: CLOSE, PATH, PING and PONG, CURSOR, what is ephemeral. */
export class Sayings {
  readonly #options: SayingsOptions;
  readonly #pongs: Record<LinkPath, Uint8Array[]> = { tcp: [], udp: [] };
  #ephemerals: { readonly channel: number; readonly kind: number; readonly body: Uint8Array }[] = [];
  #isPingOwed = false;
  #closing: { readonly code: number; readonly text: string } | undefined;
  #isClosingSaid: Record<LinkPath, boolean> = { tcp: false, udp: false };

  constructor(options: SayingsOptions) {
    this.#options = options;
  }

  /** The session is over: nothing is said but that, and not even that to a peer that has said it. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  close(code: number, text: string, isByPeer: boolean): void {
    this.#closing = { code, text: text.slice(0, TEXT_LENGTH_MAX).toWellFormed() };
    this.#isClosingSaid = { tcp: isByPeer, udp: isByPeer };
  }

  pong(data: Uint8Array, via: LinkPath): void {
    if (this.#pongs[via].length < PONGS_MAX) this.#pongs[via].push(data.slice());
  }

  /** On the connection. */
  ping(): void {
    this.#isPingOwed = true;
  }

  ephemeral(channel: number, kind: number, body: Uint8Array): void {
    this.#ephemerals.push({ channel, kind, body });
    if (this.#ephemerals.length > this.#options.ephemeralsMax) this.#ephemerals.shift();
  }

  /** Whether something is reason enough to write on the connection. */
  isWaitingForStream(nowMs: number): boolean {
    if (this.#closing !== undefined) return !this.#isClosingSaid.tcp;
    const { paths, cursors } = this.#options;
    return (
      this.#isPingOwed ||
      this.#pongs.tcp.length > 0 ||
      paths.isStreamSaying ||
      (cursors.dueMs !== undefined && cursors.dueMs <= nowMs) ||
      (paths.current === 'tcp' && this.#ephemerals.length > 0)
    );
  }

  writeStream(writer: FrameWriter): void {
    if (this.#writeClose(writer, 'tcp')) return;
    const { paths, cursors } = this.#options;
    const said = paths.takeStreamSaying();
    if (said !== undefined) writer.path(said.path, said.generation, said.reason);
    this.#writePongs(writer, 'tcp');
    if (this.#isPingOwed) writer.ping(NOTHING);
    this.#isPingOwed = false;
    if (cursors.dueMs !== undefined) cursors.write(writer);
    if (paths.current === 'tcp') this.#writeEphemerals(writer);
  }

  /** Whether something is reason enough for a packet. */
  isWaitingForDatagram(nowMs: number): boolean {
    if (this.#closing !== undefined) return !this.#isClosingSaid.udp;
    const { paths, cursors } = this.#options;
    return (
      this.#pongs.udp.length > 0 ||
      (!paths.isStreamUp && cursors.dueMs !== undefined && cursors.dueMs <= nowMs) ||
      (paths.current === 'udp' && this.#ephemerals.length > 0)
    );
  }

  writeDatagram(writer: FrameWriter): void {
    if (this.#writeClose(writer, 'udp')) return;
    const { paths, cursors } = this.#options;
    this.#writePongs(writer, 'udp');
    if (!paths.isStreamUp && cursors.dueMs !== undefined) cursors.write(writer);
    if (paths.current === 'udp') this.#writeEphemerals(writer);
  }

  /** @returns whether the session is over, so that nothing else is to be written */
  #writeClose(writer: FrameWriter, via: LinkPath): boolean {
    if (this.#closing === undefined) return false;
    if (!this.#isClosingSaid[via]) writer.close(this.#closing.code, this.#closing.text);
    this.#isClosingSaid[via] = true;
    return true;
  }

  #writePongs(writer: FrameWriter, via: LinkPath): void {
    for (const data of this.#pongs[via]) writer.pong(data);
    this.#pongs[via].length = 0;
  }

  /** Whatever does not fit now is forgotten. */
  #writeEphemerals(writer: FrameWriter): void {
    for (const { channel, kind, body } of this.#ephemerals) writer.ephemeral(channel, kind, body);
    this.#ephemerals = [];
  }
}
