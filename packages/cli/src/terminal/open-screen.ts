import type { Io } from '../io.ts';
import { LineScreen } from './line-screen.ts';
import { PipedScreen } from './piped-screen.ts';
import type { Screen } from './screen.ts';

/** A screen to edit lines on where there is one, else plain lines. */
export function openScreen(io: Io): Screen {
  const { stdin, stdout, env } = io;
  const isTerminal = stdin.isTTY === true && stdout.isTTY === true && env.TERM !== 'dumb';
  return isTerminal ? new LineScreen(io) : new PipedScreen(io);
}
