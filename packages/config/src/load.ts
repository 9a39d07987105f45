import { readFileSync } from 'node:fs';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { ConfigError } from './errors.ts';
import { type Config, configSchema, listSettings, type Setting, toConfig } from './schema.ts';

/** Where settings come from; a later source wins: defaults, file, environment, flags. */
export interface ConfigSources {
  /** Path of a TOML file, or of a JSON file when it ends in `.json`. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Settings by dotted path, such as `hybrid.tcp_port`, with their values as text, and the flag to name in an error. */
  readonly flags?: readonly FlagSetting[];
}

export interface FlagSetting {
  readonly path: string;
  readonly value: string;
  readonly flag: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** For each setting that is not at its default: which source set it, by dotted path. */
  readonly origins: ReadonlyMap<string, string>;
}

type Tree = { [key: string]: unknown };

/**
 * Put the settings of all sources together and hold them against the schema.
 * @throws {ConfigError} CONFIG_INVALID, naming the source, the setting, and what is allowed
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const settings = new Map(listSettings().map((setting) => [setting.path.join('.'), setting]));
  const origins = new Map<string, string>();
  const merged: Tree = {};

  if (sources.file !== undefined) {
    const { file } = sources;
    overlay(merged, readConfigFile(file), [], (path) => origins.set(path, file));
  }
  const environment = sources.environment ?? {};
  for (const setting of settings.values()) {
    const text = environment[setting.variable];
    if (text === undefined) continue;
    assign(merged, setting.path, typedValue(setting, text));
    origins.set(setting.path.join('.'), setting.variable);
  }
  for (const { path, value, flag } of sources.flags ?? []) {
    const setting = settings.get(path);
    if (setting === undefined) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `${flag}: unknown setting "${path}"${suggestion(path, [...settings.keys()])}`,
      );
    }
    assign(merged, setting.path, typedValue(setting, value));
    origins.set(path, flag);
  }

  const result = configSchema.safeParse(merged);
  if (!result.success) throw invalid(result.error.issues[0]!, merged, origins, sources.file);
  return { config: toConfig(result.data), origins };
}

function readConfigFile(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (cause as Error).message;
    throw new ConfigError('CONFIG_INVALID', `Cannot read configuration file "${file}": ${reason}`, { cause });
  }
  try {
    const parsed: unknown = file.endsWith('.json') ? JSON.parse(text) : parseToml(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Tree;
    throw new SyntaxError('the top level is not a table of settings');
  } catch (cause) {
    const where = cause instanceof TomlError ? `:${cause.line}:${cause.column}` : '';
    const reason = (cause as Error).message.split('\n')[0];
    throw new ConfigError('CONFIG_INVALID', `Cannot parse configuration file "${file}"${where}: ${reason}`, { cause });
  }
}

/** Text from a variable or flag as the setting's type; text that does not fit stays text, for the schema to refuse. */
function typedValue(setting: Setting, text: string): unknown {
  if (setting.type === 'number') return /^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text;
  if (setting.type === 'boolean') {
    if (/^(true|yes|on|1)$/i.test(text)) return true;
    if (/^(false|no|off|0)$/i.test(text)) return false;
  }
  return text;
}

function assign(tree: Tree, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const key of path.slice(0, -1)) {
    const child = node[key];
    if (typeof child === 'object' && child !== null) node = child as Tree;
    else {
      const fresh: Tree = {};
      node[key] = fresh;
      node = fresh;
    }
  }
  node[path.at(-1)!] = value;
}

function overlay(target: Tree, source: Tree, path: readonly string[], note: (path: string) => void): void {
  for (const [key, value] of Object.entries(source)) {
    const here = [...path, key];
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const child: Tree = {};
      Object.defineProperty(target, key, { value: child, enumerable: true, configurable: true, writable: true });
      overlay(child, value as Tree, here, note);
    } else {
      Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
      note(here.join('.'));
    }
  }
}

function invalid(
  issue: z.core.$ZodIssue,
  merged: Tree,
  origins: ReadonlyMap<string, string>,
  file: string | undefined,
): ConfigError {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const key = [...issue.path, issue.keys[0]!].join('.');
    const known = listSettings().flatMap((setting) =>
      setting.path.map((_, end) => setting.path.slice(0, end + 1).join('.')),
    );
    return new ConfigError(
      'CONFIG_INVALID',
      `${file}: unknown setting "${key}"${suggestion(key, [...new Set(known)])}`,
    );
  }
  const origin = origins.get(path) ?? file ?? 'configuration';
  const given = issue.path.reduce<unknown>((node, key) => (node as Tree | undefined)?.[String(key)], merged);
  return new ConfigError(
    'CONFIG_INVALID',
    `${origin}: invalid value ${JSON.stringify(given)} for ${path}: ${issue.message.replace(/^Invalid (input|option): /, '')}`,
  );
}

function suggestion(word: string, known: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = Math.max(3, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? '' : `; did you mean "${best}"?`;
}

/** Levenshtein distance. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const substitution = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current[column] = Math.min(previous[column]! + 1, current[column - 1]! + 1, substitution);
    }
    previous = current;
  }
  return previous[to.length]!;
}
