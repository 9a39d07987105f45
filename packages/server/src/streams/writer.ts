import type { Socket } from 'node:net';

/** Writes to stream sockets. What goes to one socket goes in order, also with what is written to the socket itself. */
export interface StreamWriter {
  /** What to call `write` with for this socket, as long as it lives. */
  descriptorOf(socket: Socket): number;
  /**
   * As `socket.write`, of a socket that is writable. False: it is full, and says 'drain' when it no longer is.
   * @param bytes must not be written to any more; the same bytes for many sockets, one after the other, are the cheapest
   */
  write(socket: Socket, descriptor: number, bytes: Uint8Array): boolean;
}

/** Of a socket that only `node:net` can write to. */
export const NO_DESCRIPTOR = -1;

/** Writes by `node:net`. */
export const plainWriter: StreamWriter = {
  descriptorOf: () => NO_DESCRIPTOR,
  write: (socket, _descriptor, bytes) => socket.write(bytes),
};
