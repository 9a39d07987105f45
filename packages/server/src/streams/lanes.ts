import type { Socket } from 'node:net';
import { NO_LANE } from './writer.ts';

/** In place of a descriptor: there is none, or it must not be written to directly. */
export const NO_DESCRIPTOR = -1;
/** In its place in the table: something is about to be written there. */
const TAKEN = -2;

const LANES_AT_FIRST = 64;

/**
 * The sockets that are written to directly, and of each whether nothing waits to be written there: in one table of numbers,
 * so that asking it of a thousand sockets for each message touches none of them.
 *
 * What is asked of a socket once is kept up by the socket itself, whoever uses it: written to, ended or destroyed, it loses
 * its place in the table before anything else happens; and if somebody has taken it, to write to it a little later, that is
 * done first.
 */
export class Lanes {
  /** By lane: the descriptor of one that nothing waits for, else NO_DESCRIPTOR or TAKEN. */
  #free = new Int32Array(LANES_AT_FIRST).fill(NO_DESCRIPTOR);
  /** By lane: the descriptor, as long as it is the socket's own. */
  readonly #descriptors: number[] = [];
  readonly #vacant: number[] = [];
  readonly #giveBackAll: () => void;

  /** @param giveBackAll write what is to be written to those that were taken, and give them back: one of them is wanted */
  constructor(giveBackAll: () => void) {
    this.#giveBackAll = giveBackAll;
  }

  open(socket: Socket, descriptor: number): number {
    const lane = this.#vacant.pop() ?? this.#descriptors.length;
    this.#descriptors[lane] = descriptor;
    if (lane >= this.#free.length) this.#grow();
    this.#free[lane] = NO_DESCRIPTOR;
    const watched: WatchedSocket = socket;
    watched[LANES] = this;
    watched[LANE] = lane;
    watched.write = writeWatched;
    watched.end = endWatched;
    watched._destroy = destroyWatched;
    this.look(socket, lane);
    return lane;
  }

  /** Repeated calls, with NO_LANE by then, do nothing. */
  close(socket: Socket, lane: number): void {
    if (lane === NO_LANE) return;
    this.forget(lane);
    this.#vacant.push(lane);
    const watched: WatchedSocket = socket;
    watched[LANE] = NO_LANE;
  }

  /** The descriptor of one that nothing waits for and nobody has taken, else a number below 0. */
  free(lane: number): number {
    return this.#free[lane] ?? NO_DESCRIPTOR;
  }

  /** As `free`, and it is not free any more until it is given back: what is to be written there is about to be. */
  take(lane: number): number {
    const descriptor = this.#free[lane] ?? NO_DESCRIPTOR;
    if (descriptor >= 0) this.#free[lane] = TAKEN;
    return descriptor;
  }

  /** It was written to. @param isFree whether it took all of that */
  giveBack(lane: number, isFree: boolean): void {
    this.#free[lane] = isFree ? this.#descriptors[lane]! : NO_DESCRIPTOR;
  }

  /** Something may wait there from now on. */
  hold(lane: number): void {
    if (lane === NO_LANE) return;
    if (this.#free[lane] === TAKEN) this.#giveBackAll();
    this.#free[lane] = NO_DESCRIPTOR;
  }

  /** See whether something does wait there. @returns its descriptor if not, else NO_DESCRIPTOR */
  look(socket: Socket, lane: number): number {
    if (lane === NO_LANE) return NO_DESCRIPTOR;
    if (this.#free[lane] === TAKEN) this.#giveBackAll();
    const isFree = socket.writableLength === 0 && socket.writableCorked === 0 && socket.writable && !socket.destroyed;
    const descriptor = isFree ? this.#descriptors[lane]! : NO_DESCRIPTOR;
    this.#free[lane] = descriptor;
    return descriptor;
  }

  /** The descriptor is about to be closed, and then may be that of another file. */
  forget(lane: number): void {
    if (lane === NO_LANE) return;
    this.hold(lane);
    this.#descriptors[lane] = NO_DESCRIPTOR;
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#free.length).fill(NO_DESCRIPTOR);
    larger.set(this.#free);
    this.#free = larger;
  }
}

/* What a socket knows of its lane, and methods that all watched sockets share: a server holds many. */

const LANES = Symbol('lanes');
const LANE = Symbol('lane');

interface WatchedSocket extends Socket {
  [LANES]?: Lanes;
  [LANE]?: number;
}

type Prototype = Record<'write' | 'end' | '_destroy', (this: Socket, ...values: unknown[]) => unknown>;

function writeWatched(this: WatchedSocket, ...values: unknown[]): boolean {
  this[LANES]!.hold(this[LANE]!);
  return prototypeOf(this).write.apply(this, values) as boolean;
}

function endWatched(this: WatchedSocket, ...values: unknown[]): WatchedSocket {
  this[LANES]!.hold(this[LANE]!);
  return prototypeOf(this).end.apply(this, values) as WatchedSocket;
}

function destroyWatched(this: WatchedSocket, ...values: unknown[]): void {
  this[LANES]!.forget(this[LANE]!);
  prototypeOf(this)._destroy.apply(this, values);
}

function prototypeOf(socket: Socket): Prototype {
  return Object.getPrototypeOf(socket) as Prototype;
}
