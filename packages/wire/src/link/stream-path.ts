import type { CodecError } from '../errors.ts';
import type { ChannelSender } from './channel-sender.ts';
import { FrameWriter } from './frame-writer.ts';
import type { FrameVisitor } from './frames.ts';
import { LINK_FRAME_BYTES_MAX, LINK_RECORD_BYTES_MAX } from './limits.ts';
import type { OutgoingRecord } from './outgoing-record.ts';
import { FrameStreamDecoder } from './stream-decoder.ts';

/** What is written at once: the caller's bound, but never less than the longest record. */
const WRITE_BYTES_MIN = LINK_RECORD_BYTES_MAX + 64;
const WRITE_BYTES_MAX = 131_072;
/** Nothing of it outlives the call that fills it, so all sessions share it. */
const scratch = new Uint8Array(WRITE_BYTES_MAX);

export interface StreamExtras {
  readonly isWaiting: (nowMs: number) => boolean;
  readonly write: (nowMs: number, writer: FrameWriter) => void;
}

/** Frames on the TLS connection, one connection after the other. Keeps the list of the channels that have something for it. */
export class StreamPath {
  readonly #extras: StreamExtras;
  readonly #frameBytesMax: number;
  readonly #writer = new FrameWriter(false);
  readonly #ready: ChannelSender[] = [];
  readonly #listed = new Set<ChannelSender>();
  #decoder: FrameStreamDecoder | undefined;
  #isUp = false;
  /** When something last came, and since when something is due. */
  #heardMs = 0;
  #dueSinceMs: number | undefined;
  #pingedMs = 0;

  constructor(frameBytesMax: number, extras: StreamExtras) {
    this.#frameBytesMax = Math.min(frameBytesMax, LINK_FRAME_BYTES_MAX);
    this.#extras = extras;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get heardMs(): number {
    return this.#heardMs;
  }

  opened(nowMs: number): void {
    this.#isUp = true;
    this.#decoder = new FrameStreamDecoder({ frameBytesMax: this.#frameBytesMax });
    this.#heardMs = nowMs;
    this.#dueSinceMs = undefined;
  }

  closed(): void {
    this.#isUp = false;
    this.#decoder = undefined;
    this.#dueSinceMs = undefined;
    this.unlistAll();
  }

  /** @returns the error that ended the stream */
  received(nowMs: number, bytes: Uint8Array, visitor: FrameVisitor): CodecError | undefined {
    this.#heardMs = nowMs;
    this.#dueSinceMs = undefined;
    return this.#decoder?.read(bytes, visitor);
  }

  /** The channel has, or may have, records for the connection. */
  list(sender: ChannelSender): void {
    if (this.#listed.has(sender)) return;
    this.#listed.add(sender);
    this.#ready.push(sender);
  }

  unlistAll(): void {
    this.#listed.clear();
    this.#ready.length = 0;
  }

  /** Something goes out that the peer answers or acknowledges. */
  expect(nowMs: number): void {
    this.#dueSinceMs ??= nowMs;
  }

  /** For how long something has been due and nothing come, ms. */
  get dueSinceMs(): number | undefined {
    return this.#dueSinceMs;
  }

  /** When a PING is due on a quiet connection. */
  pingDueMs(keepaliveMs: number): number | undefined {
    return this.#isUp ? Math.max(this.#heardMs, this.#pingedMs) + keepaliveMs : undefined;
  }

  pinged(nowMs: number): void {
    this.#pingedMs = nowMs;
    this.expect(nowMs);
  }

  /** @param carriesRecords records take this path, alone or as well */
  poll(nowMs: number, bytesMax: number, carriesRecords: boolean): Uint8Array | undefined {
    if (!this.#isUp) return undefined;
    if (!this.#extras.isWaiting(nowMs) && (!carriesRecords || this.#ready.length === 0)) return undefined;
    const writer = this.#writer;
    writer.begin(scratch, 0, Math.min(Math.max(bytesMax, WRITE_BYTES_MIN), scratch.length));
    this.#extras.write(nowMs, writer);
    if (carriesRecords) this.#writeRecords(nowMs, writer, bytesMax);
    const length = writer.finish();
    return length === 0 ? undefined : scratch.slice(0, length);
  }

  #writeRecords(nowMs: number, writer: FrameWriter, bytesMax: number): void {
    const ready = this.#ready;
    while (ready.length > 0 && writer.length < bytesMax) {
      const sender = ready[0]!;
      const record = sender.nextForStream();
      if (record === undefined) {
        this.#listed.delete(sender);
        ready.shift();
        continue;
      }
      if (!writeWhole(writer, record)) return;
      sender.tookForStream();
      this.expect(nowMs);
      if (ready.length > 1) ready.push(ready.shift()!);
    }
  }
}

function writeWhole(writer: FrameWriter, record: OutgoingRecord): boolean {
  const { owner, number, body, run } = record;
  if (run !== undefined) return writer.run(run, record.runFrom, record.runTo);
  if (body === undefined) return writer.skip(owner.channel, number, record.last);
  return writer.record(owner.channel, number, body);
}
