import { closeSync, openSync } from 'node:fs';
import { renderProblem } from '@confab/config';
import {
  type Config,
  ConfigError,
  type ConfigSources,
  type Endpoint,
  type FlagSetting,
  type LoadedConfig,
  loadConfig,
  openLog,
  type RunningServer,
  type ServerLog,
  startServer,
} from '@confab/server';
import { type EndingSignal, ExitCode, endingSignals } from '../exit-codes.ts';
import { codeOf, reasonOf, UsageError } from '../failure.ts';
import { type Io, write } from '../io.ts';
import { hostPort, hybridRoomUrl, joinableHost, linkRoomUrl } from '../room-url.ts';
import { flagSettings, type SettingOptions } from '../settings.ts';
import { openScreen } from '../terminal/open-screen.ts';
import { ask, askPort } from '../terminal/questions.ts';
import { renderTable } from '../terminal/table.ts';
import { version } from '../version.ts';

/** Where people without a name of their own for this machine begin. */
const INTERACTIVE_HOST = 'localhost';

export interface ServeOptions extends SettingOptions {
  readonly interactive?: boolean;
}

/** `confab serve`: run the server until a signal. */
export async function runServe(io: Io, options: ServeOptions): Promise<ExitCode> {
  let sources: ConfigSources;
  let config: Config;
  try {
    const configured = await configure(io, options);
    if (configured === undefined) return ExitCode.INTERRUPTED;
    sources = configured;
    config = loadConfig(sources).config;
  } catch (error) {
    return fail(io, error);
  }
  let server: RunningServer | undefined;
  // From here on, so that a signal stops a server properly that is only just starting.
  const signals = listenForSignals(io, () => {
    if (server !== undefined) void reload(server, sources);
  });
  let log: ServerLog | undefined;
  try {
    const { stderr } = io;
    log = await openLog(config.log, { write: (line: string) => stderr.write(line), isTTY: stderr.isTTY === true });
    server = await startServer(config, log.log);
  } catch (error) {
    signals.forget();
    await log?.close();
    return fail(io, error);
  }
  // Whoever reads this may have gone (a closed pipe): the server is there for its members, not for its output.
  await write(io.stdout, `${startText(server.endpoints, config)}\n`);
  const signal = await Promise.race([signals.stop, server.failed]);
  if (typeof signal !== 'string' && config.log.file !== '') log.log.fatal(`${signal.message}; this server stops`);
  await server.stop();
  await log.close();
  signals.forget();
  if (typeof signal !== 'string') {
    await write(io.stderr, `confab: ${signal.message}; this server has stopped (${signal.code})\n`);
    return ExitCode.FAILED;
  }
  // Behind the ^C that a terminal shows.
  const begin = signal === 'SIGINT' && io.stdout.isTTY === true ? '\n' : '';
  await write(io.stdout, `${begin}${stopText(config)}\n`);
  return ExitCode.OK;
}

async function fail(io: Io, error: unknown): Promise<ExitCode> {
  await write(io.stderr, `confab: ${reasonOf(error)}\n`);
  return error instanceof UsageError || codeOf(error) === 'CONFIG_INVALID' ? ExitCode.USAGE : ExitCode.FAILED;
}

/** Read the configuration again and say in the log what came of it. What is wrong with it leaves everything as it was. */
async function reload(server: RunningServer, sources: ConfigSources): Promise<void> {
  const { log } = server;
  try {
    const { applied, needsRestart } = await server.reload(loadConfig(sources).config);
    log.info({ applied, needsRestart }, 'reload: configuration read again');
    for (const key of needsRestart) log.warn({ key }, `reload: ${key} cannot change without a restart`);
  } catch (error) {
    const lines = error instanceof ConfigError ? error.problems.map(renderProblem) : [reasonOf(error)];
    for (const line of lines) log.error(`reload: ${line}`);
    log.error('reload: all settings stay as they were');
  }
}

/** File, environment, flags and answers, which fit the schema; undefined: interrupted while asking. */
async function configure(io: Io, options: ServeOptions): Promise<ConfigSources | undefined> {
  const flags = flagSettings(options);
  const sources = { file: options.config, environment: io.env };
  const loaded = loadConfig({ ...sources, flags });
  if (options.interactive !== true) return { ...sources, flags };
  const answers = await askSettings(io, options, loaded);
  return answers === undefined ? undefined : { ...sources, flags: [...flags, ...answers] };
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
    ...linkText(endpoints),
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

/** How to join encrypted, and what people compare when they were given no pin. */
function linkText(endpoints: readonly Endpoint[]): string[] {
  const tls = endpoints.find(({ fingerprint }) => fingerprint !== undefined);
  if (tls?.fingerprint === undefined) return [];
  const { address, port, fingerprint } = tls;
  const url = linkRoomUrl({ host: joinableHost(address), port, room: 'lobby', pin: fingerprint });
  return [`Join encrypted: npx confab chat ${quoted(url)} --user NAME`, `Fingerprint: ${fingerprint}`];
}

/** For pasting into a shell, to which `?` and `[` are patterns. */
function quoted(url: string): string {
  return /[?[\]]/.test(url) ? `'${url}'` : url;
}

function stopText(config: Config): string {
  return config.store.kind === 'memory' ? 'Stopped' : `Stopped; rooms and tokens are kept in ${config.data}`;
}

/**
 * `stop` fulfils with the first signal that ends; an interrupt after that ends the process at once. SIGHUP asks for the
 * configuration to be read again, unless it means what it says: that the terminal is gone. Nothing is asked of or shown on the
 * terminal of a program that `nohup` started, so that one does not notice.
 */
function listenForSignals(io: Io, onReload: () => void): { stop: Promise<EndingSignal>; forget: () => void } {
  const { promise: stop, resolve } = Promise.withResolvers<EndingSignal>();
  const isAtTerminal = [io.stdin, io.stdout, io.stderr].some(({ isTTY }) => isTTY === true);
  const hadTerminal = isAtTerminal && hasTerminal();
  let isStopping = false;
  const hear = (signal: EndingSignal): void => {
    if (signal === 'SIGHUP' && (!hadTerminal || hasTerminal())) {
      if (!isStopping) onReload();
      return;
    }
    if (isStopping && signal === 'SIGINT') io.exit(ExitCode.INTERRUPTED);
    isStopping = true;
    resolve(signal);
  };
  const listeners = endingSignals.map((signal) => io.onSignal(signal, () => hear(signal)));
  return {
    stop,
    forget: () => {
      for (const stopListening of listeners) stopListening();
    },
  };
}

/** Whether the process has a controlling terminal that is still there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
