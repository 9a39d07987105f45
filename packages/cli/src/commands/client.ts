import type { Session } from '@confab/client';
import { converse, type Ending } from '../conversation/conversation.ts';
import { Interruption } from '../conversation/interruption.ts';
import { renderPhase } from '../conversation/phases.ts';
import { ExitCode, signalExitCodes } from '../exit-codes.ts';
import { codeOf, reasonOf } from '../failure.ts';
import type { Io } from '../io.ts';
import { hybridRoomUrl, hybridServer } from '../room-url.ts';
import { clientSettings, connectSettings } from '../settings.ts';
import { openScreen } from '../terminal/open-screen.ts';
import { ask, askLine, askPort, plainAnswer } from '../terminal/questions.ts';
import { sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';
import { type Connect, readPassword } from './chat.ts';

const HOST = '127.0.0.1';
const TCP_PORT = 9090;

const MENU = ['1. Create Room', '2. Join Room', '3. Exit'].join('\n');

export interface ClientOptions {
  readonly config?: string;
  readonly host?: string;
  readonly tcpPort?: number;
  readonly udpPort?: number;
  readonly create?: string;
  readonly join?: string;
  readonly user?: string;
  readonly askPassword?: boolean;
  readonly passwordFile?: string;
}

interface Server {
  readonly host: string;
  readonly tcpPort: number;
  readonly udpPort: number;
}

/** What an empty answer means. */
interface Defaults {
  readonly server: { readonly host: string; readonly tcpPort: number; readonly udpPort?: number };
  readonly user: string | undefined;
}

type Choice = 'create' | 'join';

/** What was chosen in the menu. */
interface Entry {
  readonly choice: Choice;
  readonly room: string;
  readonly user: string;
  readonly password: string | undefined;
}

/** `confab client`: asks where to, shows the menu, and chats. Flags answer questions beforehand. */
export async function runClient(io: Io, options: ClientOptions, connect: Connect): Promise<ExitCode> {
  const settings = clientSettings(io, options.config);
  const defaults: Defaults = {
    server: hybridServer(settings.url) ?? { host: HOST, tcpPort: TCP_PORT },
    user: settings.user === '' ? undefined : settings.user,
  };
  const connectConfigured: Connect = (url, more) => connect(url, { ...connectSettings(settings), ...more });
  const screen = openScreen(io);
  const interruption = new Interruption(io, screen);
  try {
    // A question under way ends when the screen is closed, so that an interrupt looks like the end of input.
    interruption.signal.addEventListener('abort', () => screen.close(), { once: true });
    return await visit(io, { options, defaults }, connectConfigured, screen, interruption);
  } finally {
    interruption.stop();
    screen.close();
  }
}

async function visit(
  io: Io,
  { options, defaults }: { options: ClientOptions; defaults: Defaults },
  connect: Connect,
  screen: Screen,
  interruption: Interruption,
): Promise<ExitCode> {
  const server = await askServer(screen, options, defaults.server);
  let hasFailed = false;
  // A preset answer is given once: if it is refused, the menu asks.
  let preset: ClientOptions = options;
  while (server !== undefined) {
    const entry = await askEntry(io, screen, preset, {
      user: defaults.user,
      isPasswordAsked: options.askPassword === true,
    });
    if (entry === undefined || entry === 'exit') {
      if (entry === 'exit') return ExitCode.OK;
      break;
    }
    preset = {};
    const session = await enter(screen, interruption, server, entry, connect);
    if (session !== undefined) return clientExitCode(await converse({ session, screen, interruption }), screen);
    if (interruption.interrupt !== undefined) break;
    hasFailed = true;
  }
  const { interrupt } = interruption;
  if (interrupt === 'SIGHUP' || interrupt === 'SIGTERM') return signalExitCodes[interrupt];
  if (interrupt === 'SIGINT' && !screen.isInteractive) return ExitCode.INTERRUPTED;
  // Somebody at a terminal has seen what failed; a script has to be told.
  return hasFailed && !screen.isInteractive ? ExitCode.FAILED : ExitCode.OK;
}

async function askServer(
  screen: Screen,
  options: ClientOptions,
  fallback: Defaults['server'],
): Promise<Server | undefined> {
  const host = options.host ?? (await ask(screen, 'Server address', { fallback: fallback.host }));
  if (host === undefined) return undefined;
  const tcpPort = options.tcpPort ?? (await askPort(screen, 'TCP port', fallback.tcpPort));
  if (tcpPort === undefined) return undefined;
  // The pair that is configured belongs together; any other one is next to each other.
  const isConfigured = tcpPort === fallback.tcpPort && fallback.udpPort !== undefined;
  const udpFallback = isConfigured ? fallback.udpPort : Math.min(tcpPort + 1, 65_535);
  const udpPort = options.udpPort ?? (await askPort(screen, 'UDP port', udpFallback));
  return udpPort === undefined ? undefined : { host, tcpPort, udpPort };
}

async function askEntry(
  io: Io,
  screen: Screen,
  preset: ClientOptions,
  { user: userFallback, isPasswordAsked }: { user: string | undefined; isPasswordAsked: boolean },
): Promise<Entry | 'exit' | undefined> {
  const presetRoom = preset.create ?? preset.join;
  const choice = presetRoom === undefined ? await askMenu(screen) : preset.create === undefined ? 'join' : 'create';
  if (choice === undefined || choice === 'exit') return choice;
  const room = presetRoom ?? (await ask(screen, 'Room name'));
  if (room === undefined) return undefined;
  const user = preset.user ?? (await ask(screen, 'User name', userFallback ? { fallback: userFallback } : {}));
  if (user === undefined) return undefined;
  const given = readPassword(io.env, preset.passwordFile);
  const password =
    given ?? (isPasswordAsked ? await ask(screen, 'Password', { fallback: '', isSecret: true }) : undefined);
  return { choice, room, user, password: password || undefined };
}

async function askMenu(screen: Screen): Promise<Choice | 'exit' | undefined> {
  for (;;) {
    await screen.print(MENU);
    const line = await askLine(screen, 'Choose 1, 2 or 3: ');
    if (line === undefined) return undefined;
    switch (plainAnswer(line).toLowerCase()) {
      case '1':
        return 'create';
      case '2':
        return 'join';
      case '3':
      case 'exit':
      case 'quit':
      case 'q':
        return 'exit';
      default:
        await screen.printStatus('Please type 1, 2 or 3.');
    }
  }
}

/** Connect and show the phases; a refusal is told, and the menu comes again. */
async function enter(
  screen: Screen,
  interruption: Interruption,
  server: Server,
  entry: Entry,
  connect: Connect,
): Promise<Session | undefined> {
  const { choice, room, user, password } = entry;
  const shown: Promise<unknown>[] = [];
  try {
    const session = await connect(hybridRoomUrl({ ...server, room }), {
      user,
      password,
      entry: choice,
      signal: interruption.signal,
      onPhase: (phase) => {
        const text = renderPhase(phase);
        if (text !== undefined) shown.push(screen.print(text));
      },
    });
    await Promise.all(shown);
    await screen.print(
      `UDP: in room "${sanitizeName(session.room)}" as ${sanitizeName(session.user)} (${session.role}), ` +
        `own address ${session.localAddress}`,
    );
    await screen.print('Type to chat; exit, quit, q or Ctrl+C leaves.');
    return session;
  } catch (error) {
    if (interruption.interrupt === undefined) await screen.printStatus(`! ${failureText(error)}`);
    return undefined;
  }
}

function failureText(error: unknown): string {
  const code = codeOf(error);
  const isUnreachable = code === 'CONNECT_FAILED' || code === 'CONNECT_TIMEOUT';
  return reasonOf(error) + (isUnreachable ? ' (to try another server, start again)' : '');
}

function clientExitCode({ closed, interrupt, failureCount }: Ending, screen: Screen): ExitCode {
  if (interrupt === 'SIGHUP' || interrupt === 'SIGTERM') return signalExitCodes[interrupt];
  if (interrupt === 'SIGINT' && !screen.isInteractive) return ExitCode.INTERRUPTED;
  if (closed.reason === 'lost') {
    void screen.printStatus(`! ${closed.text}`);
    return ExitCode.FAILED;
  }
  void screen.print(
    closed.reason === 'room-closed' ? 'The room is closed. Goodbye.' : 'You have left the room. Goodbye.',
  );
  return failureCount > 0 && !screen.isInteractive ? ExitCode.NOT_SENT : ExitCode.OK;
}
