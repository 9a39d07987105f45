import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { BridgeOptions } from './commands/bridge.ts';
import type { ChatOptions } from './commands/chat.ts';
import type { ClientOptions } from './commands/client.ts';
import type { ConfigPrintOptions } from './commands/config.ts';
import type { DoctorOptions } from './commands/doctor.ts';
import type { LogOptions } from './commands/log.ts';
import type { ServeOptions } from './commands/serve.ts';
import type { TraceOptions } from './commands/trace.ts';
import { ExitCode } from './exit-codes.ts';
import { codeOf, reasonOf, UsageError } from './failure.ts';
import {
  bridgeHelp,
  chatHelp,
  clientHelp,
  configCheckHelp,
  configHelp,
  configPrintHelp,
  configSampleHelp,
  doctorHelp,
  keyHelp,
  logHelp,
  programHelp,
  serveHelp,
  traceHelp,
} from './help.ts';
import type { Io } from './io.ts';
import { addNamesCommands } from './names-commands.ts';
import { notEmpty } from './not-empty.ts';
import { parsePort } from './terminal/questions.ts';
import { version } from './version.ts';

/** Run `confab` with these arguments. Fulfils with its exit code. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let code: number = ExitCode.OK;
  const program = createProgram(io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Help and version end this way too, with code 0; what commander has to say, it has said.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    const isUsage = error instanceof UsageError || codeOf(error) === 'CONFIG_INVALID';
    const details = isUsage || io.env.CONFAB_DEBUG === undefined ? '' : `\n${(error as Error).stack}`;
    io.stderr.write(`confab: ${reasonOf(error)}${details}\n`);
    return isUsage ? ExitCode.USAGE : ExitCode.FAILED;
  }
}

function createProgram(io: Io, finish: (code: ExitCode) => void): Command {
  const program = new Command('confab')
    .description('A chat messenger: a server, and clients for the terminal')
    .version(`confab ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, writeErr) => writeErr(text.replace(/^error: /, 'confab: ')),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    })
    .addHelpText('after', programHelp);

  const serve = program.command('serve').description('run a server');
  withSettingFlags(serve)
    .option('-i, --interactive', 'ask for host name and ports')
    .addHelpText('after', serveHelp)
    .action(async (options: ServeOptions) => {
      const { runServe } = await import('./commands/serve.ts');
      finish(await runServe(io, options));
    });

  program
    .command('client')
    .description('chat, with a menu')
    .option('-c, --config <file>', clientConfig)
    .option('--host <host>', 'name or address of the server', notEmpty)
    .option('--tcp-port <port>', 'its TCP port', port)
    .option('--udp-port <port>', 'its UDP port', port)
    .addOption(
      new Option('--create <room>', 'create this room, without the menu').argParser(notEmpty).conflicts('join'),
    )
    .addOption(new Option('--join <room>', 'join this room, without the menu').argParser(notEmpty))
    .option('-u, --user <name>', 'name to be known by', notEmpty)
    .option('--ask-password', "ask for the room's password")
    .option('--password-file <file>', "file that holds the room's password")
    .addHelpText('after', clientHelp)
    .action(async (options: ClientOptions) => {
      const [{ runClient }, { connect }] = await Promise.all([
        import('./commands/client.ts'),
        import('@confab/client'),
      ]);
      finish(await runClient(io, options, connect));
    });

  program
    .command('chat')
    .description('chat without questions; for scripts and pipes too')
    .argument('[url]', 'where to, such as ucrp://127.0.0.1:9090/lobby (default: client.url)', notEmpty)
    .option('-c, --config <file>', clientConfig)
    .option('-u, --user <name>', 'name to be known by (default: client.user, or your name on this machine)', notEmpty)
    .option('--password-file <file>', "file that holds the room's password (or set CONFAB_PASSWORD)")
    .addOption(new Option('--create', 'the room must not exist yet').conflicts('join'))
    .addOption(new Option('--join', 'the room must exist'))
    .option('--listen', 'stay after the end of input')
    .addOption(
      new Option('--path <path>', 'confab:// only: which way it goes (default: as the URL says, or auto)').choices([
        'auto',
        'udp',
        'tcp',
      ]),
    )
    .addHelpText('after', chatHelp)
    .action(async (url: string | undefined, options: ChatOptions) => {
      const [{ runChat }, { connect }] = await Promise.all([import('./commands/chat.ts'), import('@confab/client')]);
      finish(await runChat(io, url, options, connect));
    });

  program
    .command('bridge')
    .description('find somebody through a rendezvous and talk to them directly')
    .argument('<url>', 'the rendezvous, such as bridge://127.0.0.1:7000', notEmpty)
    .option('-c, --config <file>', clientConfig)
    .option('--id <id>', 'id to be known by (default: client.user)', notEmpty)
    .option('--listen <ip:port>', 'where others find you (default: the address that leads to the server, any port)')
    .option('--chat', 'register, bridge and chat at once')
    .option('--stay', 'stay after the end of input until the conversation ends')
    .addOption(
      new Option('--path <path>', 'how to reach other Confab clients')
        .choices(['any', 'direct', 'relay'])
        .default('any'),
    )
    .addOption(new Option('--sealed', 'talk to nobody without encryption').conflicts('plain'))
    .addOption(new Option('--plain', 'speak as other programs do: without encryption and relay'))
    .option('--free', 'do not wait for the answers of programs that take turns')
    .addHelpText('after', bridgeHelp)
    .action(async (url: string, options: BridgeOptions) => {
      const [{ runBridge }, { openBridge }] = await Promise.all([
        import('./commands/bridge.ts'),
        import('@confab/client'),
      ]);
      finish(await runBridge(io, url, options, openBridge));
    });

  program
    .command('doctor')
    .description('test the way to a server, and say what to open')
    .argument('<url>', 'the server, such as confab://chat.example.org', notEmpty)
    .option('-u, --user <name>', 'name to be known by, with the device key (default: a guest)', notEmpty)
    .option('--timeout <ms>', 'for each step that waits for the network (default: 5000)', milliseconds)
    .option('--json', 'one JSON object')
    .addHelpText('after', doctorHelp)
    .action(async (url: string, options: DoctorOptions) => {
      const [{ runDoctor }, { diagnose }] = await Promise.all([
        import('./commands/doctor.ts'),
        import('@confab/client'),
      ]);
      finish(await runDoctor(io, url, options, diagnose));
    });

  program
    .command('log')
    .description('show what a data folder holds, offline or beside a running server')
    .argument('[room]', 'show the events of this room; without one, list the rooms')
    .option('--data <dir>', 'the data folder (default: ./data)')
    .option('-c, --config <file>', 'configuration that names the data folder')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', logHelp)
    .action(async (room: string | undefined, options: LogOptions) => {
      const { runLog } = await import('./commands/log.ts');
      finish(await runLog(io, room, options));
    });

  program
    .command('trace')
    .description('watch what passes the wires of a server on this machine')
    .option('-c, --config <file>', 'configuration that names the port')
    .option('-p, --port <port>', 'where the server shows it (default: trace.tcp_port, 9099)', port)
    .option('--wire <wire>', 'only this wire; may be repeated', collect)
    .option('--peer <peer>', 'only this peer, as IP or IP:PORT', notEmpty)
    .option('--hex', 'all bytes of each field')
    .option('--no-color', 'no colours at a terminal')
    .addHelpText('after', traceHelp)
    .action(async (options: TraceOptions) => {
      const { runTrace } = await import('./commands/trace.ts');
      finish(await runTrace(io, options));
    });

  program
    .command('key')
    .description("show this device's key, which proves names on confab://")
    .addHelpText('after', keyHelp)
    .action(async () => {
      const [{ runKey }, { loadDeviceKey }] = await Promise.all([
        import('./commands/key.ts'),
        import('@confab/client'),
      ]);
      finish(await runKey(io, loadDeviceKey));
    });

  addNamesCommands(program, io, finish);
  addConfigCommands(program, io, finish);
  return program;
}

function addConfigCommands(program: Command, io: Io, finish: (code: ExitCode) => void): void {
  const config = program
    .command('config')
    .description('check a configuration, print the one that holds, or begin one')
    .helpCommand('help [command]', 'print help of a command')
    .addHelpText('after', configHelp);

  config
    .command('check')
    .description('find all that is wrong with a configuration file, or say what it changes')
    .argument('<file>', 'the file, TOML (or JSON when it ends in .json)')
    .addHelpText('after', configCheckHelp)
    .action(async (file: string) => {
      const { runConfigCheck } = await import('./commands/config.ts');
      finish(await runConfigCheck(io, file));
    });

  withSettingFlags(config.command('print').description('print the settings that hold and where each one came from'))
    .option('--json', 'one JSON object')
    .addHelpText('after', configPrintHelp)
    .action(async (options: ConfigPrintOptions) => {
      const { runConfigPrint } = await import('./commands/config.ts');
      finish(await runConfigPrint(io, options));
    });

  config
    .command('sample')
    .description('print a configuration file with every setting, its default and its meaning')
    .addHelpText('after', configSampleHelp)
    .action(async () => {
      const { runConfigSample } = await import('./commands/config.ts');
      finish(await runConfigSample(io));
    });
}

const clientConfig = 'settings, of which clients use [client]; TOML (or JSON when it ends in .json)';

/** The flags that stand for settings of the server. */
function withSettingFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'settings, TOML (or JSON when it ends in .json)')
    .option('--host <host>', 'address or name to listen on (default: 127.0.0.1)')
    .option('--data <dir>', 'folder that keeps rooms and messages (default: ./data)')
    .option('--tcp-port <port>', 'TCRP: making and joining rooms; 0: any free one (default: 9090)')
    .option('--udp-port <port>', 'UCRP: the chat; 0: any free one (default: 9091)')
    .option('--set <key=value>', 'any setting by its name in the configuration; may be repeated', collect)
    .option('--log-level <level>', 'least that is logged: trace, debug, info, warn, error, silent (default: info)');
}

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function port(value: string): number {
  const parsed = parsePort(value);
  if (parsed === undefined) throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return parsed;
}

function milliseconds(value: string): number {
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 1 || parsed > 600_000) {
    throw new InvalidArgumentError('A time is a whole number of milliseconds from 1 to 600000.');
  }
  return parsed;
}
