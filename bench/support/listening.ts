import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

/** A server that was started as a process. */
export interface StartedServer {
  readonly hasExited: boolean;
  /** The end of what it printed. */
  readonly output: string;
}

/**
 * Fulfils when the server accepts connections on this port of 127.0.0.1.
 * @throws {Error} it has ended, or does not within 20 s
 */
export async function listening(server: StartedServer, port: number): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    if (server.hasExited) throw new Error(`A server did not start:\n${server.output}`);
    if (await accepts(port)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`A server does not listen after ${START_TIMEOUT_MS / 1000} s:\n${server.output}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const settle = (isOpen: boolean) => (): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', settle(true)).once('error', settle(false));
  });
}
