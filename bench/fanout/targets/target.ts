import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../process.ts';
import type { Address, LoadWire } from '../wire.ts';

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

/** Ours; what one core can do at all; what people would otherwise choose. */
export type TargetKind = 'confab' | 'floor' | 'peer';

export interface Running extends Address {
  stop(): Promise<void>;
}

/** A server that can be measured. */
export interface Target {
  readonly name: string;
  readonly kind: TargetKind;
  readonly wire: LoadWire;
  /** Why it cannot be measured here; undefined: it can. */
  missing?(): string | undefined;
  start(core: string | undefined): Promise<Running>;
}

/** Fulfils when the program accepts connections. */
export async function listening(program: Program, port: number): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    if (program.hasExited) throw new Error(`A server did not start:\n${program.output}`);
    if (await accepts(port)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`A server does not listen after ${START_TIMEOUT_MS / 1000} s:\n${program.output}`);
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
