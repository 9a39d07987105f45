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
  /**
   * The same bytes are to be written to several sockets: each is told to `expect` them, then each is written to, as ever, and
   * `settle` ends it. So all that takes is one system call where the writer can do that.
   * @returns whether it is of use to tell them
   */
  gather(bytes: Uint8Array, sockets: number): boolean;
  /** What was given to `gather` will be written to this socket. It may go out at once. */
  expect(socket: Socket, descriptor: number): void;
  settle(): void;
}

/** Of a socket that only `node:net` can write to. */
export const NO_DESCRIPTOR = -1;

/** Writes by `node:net`. */
export const plainWriter: StreamWriter = {
  descriptorOf: () => NO_DESCRIPTOR,
  write: (socket, _descriptor, bytes) => socket.write(bytes),
  gather: () => false,
  expect: () => {},
  settle: () => {},
};
