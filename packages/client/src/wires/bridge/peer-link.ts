import { CodecError } from '@confab/wire';
import {
  decodeSealedMessage,
  encodeSealedMessage,
  SEALED_PROOF_BYTES,
  type SealedFrame,
  type SealedMessage,
} from '@confab/wire/bridge';
import { LineExchange, type LineExchangeTimes } from './line-exchange.ts';
import type { Sealer } from './sealer.ts';

export type PathKind = 'direct' | 'relay';

/** All in ms. */
export interface PeerLinkTimes extends LineExchangeTimes {
  /** Between challenges on a path that is being tried. */
  readonly probeMs: number;
  /** How long only direct paths are tried. */
  readonly directMs: number;
  /** How long any path is tried before giving up. */
  readonly openMs: number;
  /** Between challenges on direct paths while the relay is used. */
  readonly retryMs: number;
  /** Between challenges on the path in use: keeps it open. */
  readonly keepAliveMs: number;
  /** Silence after which the path in use is doubted. */
  readonly quietMs: number;
  /** Silence after which the other one is gone. */
  readonly deadMs: number;
}

export const peerLinkTimes: PeerLinkTimes = {
  probeMs: 250,
  directMs: 3000,
  openMs: 15_000,
  retryMs: 5000,
  keepAliveMs: 10_000,
  quietMs: 15_000,
  deadMs: 45_000,
  resendMs: 500,
  resendMsMax: 4000,
};

export type PeerLinkEvent =
  /** A path is proved: lines go over it from now on. The first such event opens the conversation. */
  | { readonly type: 'path'; readonly path: string; readonly kind: PathKind }
  /** No direct path works: the relay is wanted. Said once. */
  | { readonly type: 'relay-wanted' }
  | { readonly type: 'line'; readonly text: string }
  | { readonly type: 'acked'; readonly ids: readonly number[] }
  /** The end: the other one left, is gone, or could never be reached. */
  | { readonly type: 'closed'; readonly reason: 'bye' | 'lost' | 'no-path' };

interface Path {
  readonly id: string;
  readonly kind: PathKind;
  /** What comes back if it works. */
  readonly proof: Uint8Array;
  probeAtMs: number;
  heardMs: number;
}

/** Paths that are known at the same time; addresses the other one was heard from are among them. */
const PATHS_MAX = 8;

/**
 * Two Confab clients and the paths between them. No socket, no clock: frames and time go in, frames and events come out.
 *
 * Every path is challenged until the answer proves that it works both ways; the first proved direct path is used, and only
 * when none is within `directMs` the relay, until a direct one is proved after all. Lines go over the path in use and are
 * sent again, over whichever path is then in use, until they are acknowledged. Frames are taken from any path, for they are
 * authenticated.
 */
export class PeerLink {
  readonly #sealer: Sealer;
  readonly #times: PeerLinkTimes;
  readonly #randomBytes: (count: number) => Uint8Array;
  readonly #startMs: number;
  readonly #paths = new Map<string, Path>();
  readonly #lines: LineExchange;
  readonly #frames: { path: string; bytes: Uint8Array }[] = [];
  readonly #events: PeerLinkEvent[] = [];
  /** Lines that came before the link was open on our side. */
  #early: PeerLinkEvent[] | undefined = [];
  #active: Path | undefined;
  #heardMs: number;
  #isRelayWanted = false;
  #isClosed = false;

  constructor(
    nowMs: number,
    sealer: Sealer,
    randomBytes: (count: number) => Uint8Array,
    times: PeerLinkTimes = peerLinkTimes,
  ) {
    this.#sealer = sealer;
    this.#randomBytes = randomBytes;
    this.#times = times;
    this.#startMs = nowMs;
    this.#heardMs = nowMs;
    this.#lines = new LineExchange(times);
  }

  get isOpen(): boolean {
    return this.#early === undefined && !this.#isClosed;
  }

  get unackedCount(): number {
    return this.#lines.unackedCount;
  }

  /** Try a path. */
  addPath(nowMs: number, id: string, kind: PathKind): void {
    if (this.#isClosed || this.#paths.has(id) || this.#paths.size >= PATHS_MAX) return;
    const proof = this.#randomBytes(SEALED_PROOF_BYTES);
    this.#paths.set(id, { id, kind, proof, probeAtMs: nowMs, heardMs: nowMs });
    this.onTimeout(nowMs);
  }

  /** A path is gone. */
  removePath(nowMs: number, id: string): void {
    const path = this.#paths.get(id);
    if (path === undefined) return;
    this.#paths.delete(id);
    if (path === this.#active) this.#doubt(nowMs);
  }

  /** @returns Whether the frame was genuine and new. */
  receive(nowMs: number, pathId: string, kind: PathKind, frame: SealedFrame): boolean {
    if (this.#isClosed) return false;
    const bytes = this.#sealer.open(frame);
    if (bytes === undefined) return false;
    this.#heardMs = nowMs;
    this.addPath(nowMs, pathId, kind);
    const path = this.#paths.get(pathId);
    if (path !== undefined) path.heardMs = nowMs;
    let message: SealedMessage;
    try {
      message = decodeSealedMessage(bytes);
    } catch (error) {
      // Of a later version, perhaps: genuine, and not understood.
      if (error instanceof CodecError) return true;
      throw error;
    }
    this.#take(nowMs, pathId, message);
    this.onTimeout(nowMs);
    return true;
  }

  /** Say a line. Returns the number under which it will be acknowledged. */
  send(nowMs: number, text: string): number {
    const id = this.#lines.add(nowMs, text);
    this.#sendDue(nowMs);
    return id;
  }

  /** Say goodbye, as far as the other one can be reached. */
  close(): void {
    if (this.#isClosed) return;
    // Twice, since nobody acknowledges it.
    if (this.#active !== undefined) for (let copy = 0; copy < 2; copy += 1) this.#say(this.#active.id, { type: 'bye' });
    this.#isClosed = true;
  }

  /** Early or repeated calls are harmless. */
  onTimeout(nowMs: number): void {
    if (this.#isClosed) return;
    const { openMs, directMs, deadMs, quietMs } = this.#times;
    if (this.isOpen ? nowMs >= this.#heardMs + deadMs : nowMs >= this.#startMs + openMs) {
      this.#end(this.isOpen ? 'lost' : 'no-path');
      return;
    }
    if (this.#active !== undefined && nowMs >= this.#active.heardMs + quietMs) this.#doubt(nowMs);
    if (this.#active === undefined && nowMs >= this.#startMs + directMs) this.#wantRelay();
    for (const path of this.#paths.values()) {
      if (path.probeAtMs > nowMs) continue;
      this.#say(path.id, { type: 'challenge', proof: path.proof });
      path.probeAtMs = nowMs + this.#probeGapMs(path);
    }
    this.#sendDue(nowMs);
  }

  /** When `onTimeout` wants to be called, on the same clock. */
  nextTimeoutMs(): number | undefined {
    if (this.#isClosed) return undefined;
    const { openMs, directMs, deadMs, quietMs } = this.#times;
    const due = [...this.#paths.values()].map(({ probeAtMs }) => probeAtMs);
    due.push(this.isOpen ? this.#heardMs + deadMs : this.#startMs + openMs);
    if (this.#active !== undefined) due.push(this.#active.heardMs + quietMs, this.#lines.nextDueMs() ?? Infinity);
    else if (!this.#isRelayWanted) due.push(this.#startMs + directMs);
    return Math.min(...due);
  }

  pollFrame(): { readonly path: string; readonly bytes: Uint8Array } | undefined {
    return this.#frames.shift();
  }

  pollEvent(): PeerLinkEvent | undefined {
    return this.#events.shift();
  }

  #take(nowMs: number, pathId: string, message: SealedMessage): void {
    switch (message.type) {
      case 'challenge':
        this.#say(pathId, { type: 'response', proof: message.proof });
        return;
      case 'response':
        this.#prove(nowMs, message.proof);
        return;
      case 'line':
        for (const text of this.#lines.receive(message.id, message.text)) this.#tell({ type: 'line', text });
        this.#say((this.#active ?? { id: pathId }).id, { type: 'ack', id: this.#lines.receivedId });
        return;
      case 'ack': {
        const ids = this.#lines.acknowledge(message.id);
        if (ids.length > 0) this.#tell({ type: 'acked', ids });
        return;
      }
      case 'bye':
        this.#end('bye');
    }
  }

  #prove(nowMs: number, proof: Uint8Array): void {
    for (const path of this.#paths.values()) {
      if (!equal(path.proof, proof)) continue;
      path.heardMs = nowMs;
      path.probeAtMs = nowMs + this.#probeGapMs(path);
      if (this.#active === undefined || (this.#active.kind === 'relay' && path.kind === 'direct')) {
        this.#use(nowMs, path);
      }
    }
  }

  #use(nowMs: number, path: Path): void {
    this.#active = path;
    this.#isRelayWanted = path.kind === 'relay';
    this.#events.push({ type: 'path', path: path.id, kind: path.kind });
    for (const other of this.#paths.values()) other.probeAtMs = nowMs + this.#probeGapMs(other);
    if (this.#early !== undefined) {
      this.#events.push(...this.#early);
      this.#early = undefined;
    }
    this.#lines.hurry(nowMs);
  }

  /** The path in use may not work any more: prove it, or another, anew. */
  #doubt(nowMs: number): void {
    this.#active = undefined;
    this.#isRelayWanted = false;
    for (const path of this.#paths.values()) {
      path.probeAtMs = nowMs;
    }
    this.#wantRelay();
  }

  #wantRelay(): void {
    if (this.#isRelayWanted || this.#isClosed) return;
    this.#isRelayWanted = true;
    this.#events.push({ type: 'relay-wanted' });
  }

  #probeGapMs(path: Path): number {
    const { probeMs, retryMs, keepAliveMs } = this.#times;
    if (this.#active === undefined) return probeMs;
    if (path === this.#active) return keepAliveMs;
    return this.#active.kind === 'relay' && path.kind === 'direct' ? retryMs : Infinity;
  }

  #sendDue(nowMs: number): void {
    const path = this.#active;
    if (path === undefined || this.#isClosed) return;
    for (const { id, text } of this.#lines.takeDue(nowMs)) this.#say(path.id, { type: 'line', id, text });
  }

  #say(path: string, message: SealedMessage): void {
    this.#frames.push({ path, bytes: this.#sealer.seal(encodeSealedMessage(message)) });
  }

  #tell(event: PeerLinkEvent): void {
    (this.#early ?? this.#events).push(event);
  }

  #end(reason: 'bye' | 'lost' | 'no-path'): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#early !== undefined) this.#events.push(...this.#early);
    this.#events.push({ type: 'closed', reason });
  }
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
