import {
  ConfigError,
  type ConfigProblem,
  configSample,
  type EffectiveSetting,
  loadConfig,
  type Origin,
  renderProblem,
  unknownVariables,
} from '@confab/config';
import { ExitCode } from '../exit-codes.ts';
import { type Io, write } from '../io.ts';
import { flagSettings, type SettingOptions } from '../settings.ts';
import { sanitizeLine } from '../terminal/sanitize.ts';
import { renderTable } from '../terminal/table.ts';

export interface ConfigPrintOptions extends SettingOptions {
  readonly json?: boolean;
}

/** `confab config check FILE`: all that is wrong with a file by itself, or what it changes. */
export async function runConfigCheck(io: Io, file: string): Promise<ExitCode> {
  try {
    const { settings } = loadConfig({ file });
    const changed = settings.filter(({ setting, value }) => value !== setting.fallback);
    const rows = changed.map(({ setting, value }) => [
      `  ${keyOf(setting.path)} = ${JSON.stringify(value)}`,
      `(default ${JSON.stringify(setting.fallback)})`,
    ]);
    const verdict = `${file}: OK, ${differences(changed.length)}`;
    await write(io.stdout, `${rows.length === 0 ? verdict : `${verdict}\n${renderTable(rows)}`}\n`);
    return ExitCode.OK;
  } catch (error) {
    if (error instanceof ConfigError) return refuse(io, error.problems);
    throw error;
  }
}

/** `confab config print`: what holds, and where each setting came from. */
export async function runConfigPrint(io: Io, options: ConfigPrintOptions): Promise<ExitCode> {
  const flags = flagSettings(options);
  let settings: readonly EffectiveSetting[];
  try {
    settings = loadConfig({ file: options.config, environment: io.env, flags }).settings;
  } catch (error) {
    if (error instanceof ConfigError) return refuse(io, error.problems);
    throw error;
  }
  for (const warning of unknownVariables(io.env)) await write(io.stderr, `confab: ${sanitizeLine(warning)}\n`);
  await write(io.stdout, options.json === true ? asJson(settings) : asToml(settings));
  return ExitCode.OK;
}

/** `confab config sample`: a file with every setting, to begin with. */
export async function runConfigSample(io: Io): Promise<ExitCode> {
  await write(io.stdout, configSample());
  return ExitCode.OK;
}

async function refuse(io: Io, problems: readonly ConfigProblem[]): Promise<ExitCode> {
  for (const problem of problems) await write(io.stderr, `confab: ${sanitizeLine(renderProblem(problem))}\n`);
  return ExitCode.USAGE;
}

function differences(count: number): string {
  if (count === 0) return 'nothing differs from the defaults';
  return count === 1 ? '1 setting differs from its default:' : `${count} settings differ from their defaults:`;
}

/** Itself a configuration file: the origins are comments. */
function asToml(settings: readonly EffectiveSetting[]): string {
  const rows = settings.map(({ setting, value, origin }) => [
    `${keyOf(setting.path)} = ${JSON.stringify(value)}`,
    `# ${originText(origin)}`,
  ]);
  return `${renderTable(rows)}\n`;
}

function asJson(settings: readonly EffectiveSetting[]): string {
  const entries = settings.map(({ setting, value, origin }) => {
    const { kind, name, position } = origin ?? { kind: 'default' };
    return [keyOf(setting.path), { value, origin: kind, name, ...position }];
  });
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}

function originText(origin: Origin | undefined): string {
  if (origin === undefined) return 'default';
  const { kind, name, position } = origin;
  const place = position === undefined ? '' : `:${position.line}:${position.column}`;
  return `${kind} ${sanitizeLine(name)}${place}`;
}

function keyOf(path: readonly string[]): string {
  return path.join('.');
}
