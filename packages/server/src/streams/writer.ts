import type { Socket } from 'node:net';

/** Writes to stream sockets. What goes to one socket goes in order, also with what is written to the socket itself. */
export interface StreamWriter {
  /**
   * Take on a connected socket.
   * @returns its lane, by which the writer knows it until `close`; NO_LANE: it can only be written to one by one
   */
  open(socket: Socket): number;
  /** The socket is gone, and whoever wrote to it will do so no more: the lane may be another one's from now on. */
  close(socket: Socket, lane: number): void;
  /**
   * As `socket.write`, of a socket that is writable. False: it is full, and says 'drain' when it no longer is.
   * @param bytes must not be written to any more; the same bytes for many sockets, one after the other, are the cheapest
   */
  write(socket: Socket, lane: number, bytes: Uint8Array): boolean;
  /** Do this, and put all that it writes to the socket into one write. */
  together(socket: Socket, lane: number, task: () => void): void;
  /** Do this, and put what it gathers, for however many crowds of sockets, into as few system calls as there can be. */
  gathering(task: () => void): void;
  /**
   * The same bytes are to be written to many sockets: those that can be are now told by `add`, and `settle` ends it. Nothing else
   * is done until then.
   * @param bytes must not be written to any more
   * @param gathered hears how it went: before `settle` returns; within `gathering`, when that ends. What is written to one of these
   *   sockets until then, or done to it, comes behind
   * @returns whether the writer can do that
   */
  gather(bytes: Uint8Array, sockets: number, gathered: Gathered): boolean;
  /** What was given to `gather` goes to this one, too. False: it does not, for something may be waiting there; `write` to it. */
  add(lane: number): boolean;
  settle(): void;
}

/** Hears how what was gathered has gone out. */
export interface Gathered {
  /**
   * The socket that was added as this one, from 0, took only so many bytes: the rest must now be written to the socket itself, if it
   * can still be written to.
   */
  fellShort(index: number, taken: number): void;
  /** All of it has gone out, as far as it was taken. */
  settled(): void;
}

/** Of a socket that only `node:net` can write to. */
export const NO_LANE = -1;

/** Writes by `node:net`. */
export const plainWriter: StreamWriter = {
  open: () => NO_LANE,
  close: () => {},
  write: (socket, _lane, bytes) => socket.write(bytes),
  together: (socket, _lane, task) => corked(socket, task),
  gathering: (task) => task(),
  gather: () => false,
  add: () => false,
  settle: () => {},
};

/** Do this while the socket keeps what is written to it. */
export function corked(socket: Socket, task: () => void): void {
  socket.cork();
  try {
    task();
  } finally {
    socket.uncork();
  }
}
