import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ChatOptions } from './commands/chat.ts';
import type { ClientOptions } from './commands/client.ts';
import type { LogOptions } from './commands/log.ts';
import type { ServeOptions } from './commands/serve.ts';
import { ExitCode } from './exit-codes.ts';
import { reasonOf, UsageError } from './failure.ts';
import { chatHelp, clientHelp, logHelp, programHelp, serveHelp } from './help.ts';
import type { Io } from './io.ts';
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
    const isUsage = error instanceof UsageError;
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

  program
    .command('serve')
    .description('run a server')
    .option('-c, --config <file>', 'settings, TOML (or JSON when it ends in .json)')
    .option('--host <host>', 'address or name to listen on (default: 127.0.0.1)')
    .option('--data <dir>', 'folder that keeps rooms and messages (default: ./data)')
    .option('--tcp-port <port>', 'TCRP: making and joining rooms; 0: any free one (default: 9090)')
    .option('--udp-port <port>', 'UCRP: the chat; 0: any free one (default: 9091)')
    .option('--set <key=value>', 'any setting by its name in the configuration; may be repeated', collect)
    .option('--log-level <level>', 'least that is logged: trace, debug, info, warn, error, silent (default: info)')
    .option('-i, --interactive', 'ask for host name and ports')
    .addHelpText('after', serveHelp)
    .action(async (options: ServeOptions) => {
      const { runServe } = await import('./commands/serve.ts');
      finish(await runServe(io, options));
    });

  program
    .command('client')
    .description('chat, with a menu')
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
    .argument('<url>', 'where to, such as ucrp://127.0.0.1:9090/lobby', notEmpty)
    .option('-u, --user <name>', 'name to be known by (default: your name on this machine)', notEmpty)
    .option('--password-file <file>', "file that holds the room's password (or set CONFAB_PASSWORD)")
    .addOption(new Option('--create', 'the room must not exist yet').conflicts('join'))
    .addOption(new Option('--join', 'the room must exist'))
    .option('--listen', 'stay after the end of input')
    .addHelpText('after', chatHelp)
    .action(async (url: string, options: ChatOptions) => {
      const [{ runChat }, { connect }] = await Promise.all([import('./commands/chat.ts'), import('@confab/client')]);
      finish(await runChat(io, url, options, connect));
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

  return program;
}

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function port(value: string): number {
  const parsed = parsePort(value);
  if (parsed === undefined) throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return parsed;
}

function notEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}
