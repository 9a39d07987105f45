import {
  type Config,
  createLogger,
  type Endpoint,
  type FlagSetting,
  type LoadedConfig,
  loadConfig,
  type RunningServer,
  startServer,
} from '@confab/server';
import { type EndingSignal, ExitCode, endingSignals } from '../exit-codes.ts';
import { codeOf, reasonOf, UsageError } from '../failure.ts';
import { type Io, write } from '../io.ts';
import { hostPort, hybridRoomUrl, joinableHost } from '../room-url.ts';
import { openScreen } from '../terminal/open-screen.ts';
import { ask, askPort } from '../terminal/questions.ts';
import { renderTable } from '../terminal/table.ts';
import { version } from '../version.ts';

/** Where people without a name of their own for this machine begin. */
const INTERACTIVE_HOST = 'localhost';

export interface ServeOptions {
  readonly config?: string;
  readonly host?: string;
  readonly data?: string;
  readonly tcpPort?: string;
  readonly udpPort?: string;
  readonly set?: readonly string[];
  readonly logLevel?: string;
  readonly interactive?: boolean;
}

/** `confab serve`: run the server until a signal. */
export async function runServe(io: Io, options: ServeOptions): Promise<ExitCode> {
  let config: Config;
  try {
    const loaded = await configure(io, options);
    if (loaded === undefined) return ExitCode.INTERRUPTED;
    config = loaded.config;
  } catch (error) {
    return fail(io, error);
  }
  // From here on, so that a signal stops a server properly that is only just starting.
  const stopSignal = listenForStop(io);
  let server: RunningServer;
  try {
    const { stderr } = io;
    const sink = { write: (line: string) => stderr.write(line), isTTY: stderr.isTTY === true };
    server = await startServer(config, createLogger(config.log, sink));
  } catch (error) {
    stopSignal.forget();
    return fail(io, error);
  }
  // Whoever reads this may have gone (a closed pipe): the server is there for its members, not for its output.
  await write(io.stdout, `${startText(server.endpoints, config)}\n`);
  const signal = await stopSignal.received;
  await server.stop();
  stopSignal.forget();
  // Behind the ^C that a terminal shows.
  const begin = signal === 'SIGINT' && io.stdout.isTTY === true ? '\n' : '';
  await write(io.stdout, `${begin}${stopText(config)}\n`);
  return ExitCode.OK;
}

async function fail(io: Io, error: unknown): Promise<ExitCode> {
  await write(io.stderr, `confab: ${reasonOf(error)}\n`);
  return error instanceof UsageError || codeOf(error) === 'CONFIG_INVALID' ? ExitCode.USAGE : ExitCode.FAILED;
}

/** File, environment, flags and answers held against the one schema; undefined: interrupted while asking. */
async function configure(io: Io, options: ServeOptions): Promise<LoadedConfig | undefined> {
  const flags = flagSettings(options);
  const sources = { file: options.config, environment: io.env };
  const loaded = loadConfig({ ...sources, flags });
  if (options.interactive !== true) return loaded;
  const answers = await askSettings(io, options, loaded);
  return answers === undefined ? undefined : loadConfig({ ...sources, flags: [...flags, ...answers] });
}

function flagSettings(options: ServeOptions): FlagSetting[] {
  const flags: FlagSetting[] = [];
  const add = (flag: string, path: string, value: string | undefined): void => {
    if (value !== undefined) flags.push({ flag, path, value });
  };
  for (const assignment of options.set ?? []) {
    const equals = assignment.indexOf('=');
    if (equals < 1) throw new UsageError(`--set ${assignment}: not of the form KEY=VALUE, such as hybrid.notices=true`);
    add('--set', assignment.slice(0, equals).trim(), assignment.slice(equals + 1));
  }
  add('--host', 'host', options.host);
  add('--data', 'data', options.data);
  add('--tcp-port', 'hybrid.tcp_port', options.tcpPort);
  add('--udp-port', 'hybrid.udp_port', options.udpPort);
  add('--log-level', 'log.level', options.logLevel);
  return flags;
}

/** Ask for what no flag says. At the end of input the defaults hold, as with empty answers. */
async function askSettings(
  io: Io,
  options: ServeOptions,
  { config, origins }: LoadedConfig,
): Promise<FlagSetting[] | undefined> {
  const screen = openScreen(io);
  let isInterrupted = false;
  screen.onInterrupt(() => {
    isInterrupted = true;
    screen.close();
  });
  const answers: FlagSetting[] = [];
  const add = (path: string, value: string | number): void => {
    answers.push({ flag: 'answer', path, value: String(value) });
  };
  try {
    if (options.host === undefined) {
      const fallback = origins.has('host') ? config.host : INTERACTIVE_HOST;
      add('host', (await ask(screen, 'Host name', { fallback })) ?? fallback);
    }
    if (options.tcpPort === undefined) {
      const fallback = config.hybrid.tcpPort;
      add('hybrid.tcp_port', (await askPort(screen, 'TCP port', fallback)) ?? fallback);
    }
    if (options.udpPort === undefined) {
      const fallback = config.hybrid.udpPort;
      add('hybrid.udp_port', (await askPort(screen, 'UDP port', fallback)) ?? fallback);
    }
  } finally {
    screen.close();
  }
  return isInterrupted ? undefined : answers;
}

function startText(endpoints: readonly Endpoint[], config: Config): string {
  const rows = endpoints
    .toSorted((left, right) => Number(left.isAlternate) - Number(right.isAlternate))
    .map(({ wire, protocol, address, port, purpose, isAlternate }) => [
      `  ${wire}`,
      protocol,
      hostPort(address, port),
      isAlternate ? `${purpose}, second port` : purpose,
    ]);
  const join = joinUrl(endpoints);
  return [
    `Confab ${version}`,
    `Data folder: ${config.store.kind === 'memory' ? 'none, all is lost at the end (store.kind = memory)' : config.data}`,
    renderTable([['  WIRE', 'PROTOCOL', 'ADDRESS', 'PURPOSE'], ...rows]),
    ...(join === undefined ? [] : [`Join from another terminal: npx confab chat ${quoted(join)} --user NAME`]),
    'Press Ctrl+C to stop.',
  ].join('\n');
}

function joinUrl(endpoints: readonly Endpoint[]): string | undefined {
  const main = endpoints.filter(({ scheme, isAlternate }) => scheme === 'ucrp' && !isAlternate);
  const tcp = main.find(({ protocol }) => protocol === 'tcp');
  const udp = main.find(({ protocol }) => protocol === 'udp');
  if (tcp === undefined || udp === undefined) return undefined;
  return hybridRoomUrl({ host: joinableHost(tcp.address), tcpPort: tcp.port, udpPort: udp.port, room: 'lobby' });
}

/** For pasting into a shell, to which `?` and `[` are patterns. */
function quoted(url: string): string {
  return /[?[\]]/.test(url) ? `'${url}'` : url;
}

function stopText(config: Config): string {
  return config.store.kind === 'memory' ? 'Stopped' : `Stopped; rooms and tokens are kept in ${config.data}`;
}

/** `received` fulfils with the first signal. An interrupt after that ends the process at once. */
function listenForStop(io: Io): { received: Promise<EndingSignal>; forget: () => void } {
  const { promise: received, resolve } = Promise.withResolvers<EndingSignal>();
  let isStopping = false;
  const hear = (signal: EndingSignal): void => {
    if (isStopping && signal === 'SIGINT') io.exit(ExitCode.INTERRUPTED);
    isStopping = true;
    resolve(signal);
  };
  const listeners = endingSignals.map((signal) => io.onSignal(signal, () => hear(signal)));
  return {
    received,
    forget: () => {
      for (const stopListening of listeners) stopListening();
    },
  };
}
