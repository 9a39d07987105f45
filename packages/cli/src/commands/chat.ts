import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectOptions, PathMode, Session } from '@confab/client';
import { converse, type Ending } from '../conversation/conversation.ts';
import { type Interrupt, Interruption } from '../conversation/interruption.ts';
import { ExitCode, signalExitCodes } from '../exit-codes.ts';
import { codeOf, reasonOf, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { clientSettings, connectSettings } from '../settings.ts';
import { openScreen } from '../terminal/open-screen.ts';
import { sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';

/** Opens sessions: `connect` of @confab/client, or a test's own. */
export type Connect = (url: string, options: ConnectOptions) => Promise<Session>;

const EXAMPLE_URL = 'ucrp://127.0.0.1:9090/lobby';

export interface ChatOptions {
  readonly config?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly create?: boolean;
  readonly join?: boolean;
  readonly listen?: boolean;
  readonly path?: PathMode;
}

/** `confab chat [URL]`: into a room without questions, for people and for pipes. */
export async function runChat(
  io: Io,
  givenUrl: string | undefined,
  options: ChatOptions,
  connect: Connect,
): Promise<ExitCode> {
  const settings = clientSettings(io, options.config);
  const url = givenUrl ?? settings.url;
  if (url === '') throw new UsageError(`No URL: give one, such as ${EXAMPLE_URL}, or set client.url`);
  const user = options.user ?? (settings.user || systemUserName(io.env));
  const password = readPassword(io.env, options.passwordFile);
  const entry = options.create === true ? 'create' : options.join === true ? 'join' : 'join-or-create';
  const screen = openScreen(io);
  const interruption = new Interruption(io, screen);
  try {
    const session = await connect(url, {
      ...connectSettings(settings),
      user,
      password,
      entry,
      signal: interruption.signal,
      link: {
        path: options.path,
        startOffline: true,
        onFirstUse: (fingerprint) => void screen.printStatus(firstUse(fingerprint)),
      },
    });
    await screen.printStatus(welcome(session, screen));
    return chatExitCode(
      await converse({ session, screen, interruption, isListening: options.listen === true }),
      screen,
    );
  } catch (error) {
    if (interruption.interrupt !== undefined) return interruptExitCode(interruption.interrupt, false);
    await screen.printStatus(`confab: ${reasonOf(error)}`);
    return codeOf(error) === 'URL_INVALID' ? ExitCode.USAGE : ExitCode.FAILED;
  } finally {
    interruption.stop();
    screen.close();
  }
}

function chatExitCode({ closed, interrupt, failureCount }: Ending, screen: Screen): ExitCode {
  if (interrupt !== undefined) return interruptExitCode(interrupt, screen.isInteractive);
  if (closed.reason === 'room-closed') return ExitCode.ROOM_CLOSED;
  if (closed.reason === 'lost') {
    void screen.printStatus(`confab: ${closed.text}`);
    return ExitCode.FAILED;
  }
  return failureCount > 0 ? ExitCode.NOT_SENT : ExitCode.OK;
}

/** For somebody at a terminal Ctrl+C is the usual way out, and no failure. */
export function interruptExitCode(interrupt: Interrupt, isInteractive: boolean): ExitCode {
  if (interrupt === 'ctrl-c') return isInteractive ? ExitCode.OK : ExitCode.INTERRUPTED;
  if (interrupt === 'SIGINT' && isInteractive) return ExitCode.OK;
  return signalExitCodes[interrupt];
}

function welcome(session: Session, screen: Screen): string {
  const { room, user, role, localAddress } = session;
  if (!session.isReachable)
    return `Not in "${sanitizeName(room)}" yet; what you say is kept, and sent when the server is there`;
  const hint = screen.isInteractive ? '; /help for help, Ctrl+C to leave' : '';
  // Some platforms do not tell (WebSocket).
  const address = localAddress === '' ? '' : `, own address ${localAddress}`;
  return `Joined "${sanitizeName(room)}" as ${sanitizeName(user)} (${role})${address}${hint}`;
}

function firstUse(fingerprint: string): string {
  return `! This server is new to you; its fingerprint is ${fingerprint}: compare it with what "confab serve" prints there`;
}

function systemUserName(env: Io['env']): string {
  try {
    return userInfo().username;
  } catch {
    // An account without an entry in the user database, as containers have them.
    const name = env.USER ?? env.LOGNAME;
    if (name) return name;
    throw new UsageError('Cannot tell who you are: the system knows no name for this account; give one with --user');
  }
}

/** The password's file wins over the variable; its last line end does not count. */
export function readPassword(env: Io['env'], file: string | undefined): string | undefined {
  if (file === undefined) return env.CONFAB_PASSWORD || undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`Cannot read password file "${file}": ${reasonOf(error)}`, { cause: error });
  }
}
