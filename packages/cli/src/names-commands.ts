import type { Command } from 'commander';
import type { NamesOptions } from './commands/names.ts';
import type { ExitCode } from './exit-codes.ts';
import { namesFreeHelp, namesHelp } from './help.ts';
import type { Io } from './io.ts';
import { notEmpty } from './not-empty.ts';

/** `confab names` and what is below it. */
export function addNamesCommands(program: Command, io: Io, finish: (code: ExitCode) => void): void {
  const names = program
    .command('names')
    .description('which user names belong to device keys, offline or beside a running server')
    .option('--data <dir>', 'the data folder (default: ./data)')
    .option('-c, --config <file>', 'configuration that names the data folder')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', namesHelp)
    .action(async (options: NamesOptions) => {
      const { runNames } = await import('./commands/names.ts');
      finish(await runNames(io, options));
    });

  names
    .command('free')
    .description('take a user name from its device keys; the server must not be running')
    .argument('<name>', 'the user name', notEmpty)
    .option('--key <key>', 'take it from this device key only', notEmpty)
    .addHelpText('after', namesFreeHelp)
    .action(async (name: string, options: NamesOptions, command: Command) => {
      const { runFreeName } = await import('./commands/names.ts');
      finish(await runFreeName(io, name, { ...command.optsWithGlobals<NamesOptions>(), ...options }));
    });
}
