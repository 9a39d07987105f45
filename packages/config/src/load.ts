import type { z } from 'zod';
import { ConfigError, type ConfigProblem } from './errors.ts';
import type { Position } from './positions.ts';
import { readConfigFile, type Tree } from './read-file.ts';
import { type Config, configSchema, listSettings, type Setting, toConfig } from './schema.ts';
import { suggestion } from './suggestion.ts';

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

/** Which source set a setting. */
export interface Origin {
  readonly kind: 'file' | 'variable' | 'flag';
  /** The file's path, the variable's or the flag's name. */
  readonly name: string;
  /** Where in the file. */
  readonly position?: Position | undefined;
}

/** A setting with the value that holds. */
export interface EffectiveSetting {
  readonly setting: Setting;
  readonly value: unknown;
  /** Undefined: the default. */
  readonly origin: Origin | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** For each setting that some source sets: which one, by dotted path. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** All settings, in the order of the schema. */
  readonly settings: readonly EffectiveSetting[];
}

/**
 * Put the settings of all sources together and hold them against the schema.
 * @throws {ConfigError} CONFIG_INVALID with all that is wrong: for each problem the source, the setting, and what is allowed
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const settings = new Map(listSettings().map((setting) => [setting.path.join('.'), setting]));
  const origins = new Map<string, Origin>();
  const problems: ConfigProblem[] = [];
  const merged: Tree = {};
  let positions: ReadonlyMap<string, Position> = new Map();

  if (sources.file !== undefined) {
    const name = sources.file;
    const parsed = readConfigFile(name);
    positions = parsed.positions;
    overlay(merged, parsed.tree, [], (path) => {
      origins.set(path, { kind: 'file', name, position: positions.get(path) });
    });
  }
  const environment = sources.environment ?? {};
  for (const [path, setting] of settings) {
    const text = environment[setting.variable];
    if (text === undefined) continue;
    assign(merged, setting.path, typedValue(setting, text));
    origins.set(path, { kind: 'variable', name: setting.variable });
  }
  for (const { path, value, flag } of sources.flags ?? []) {
    const setting = settings.get(path);
    if (setting === undefined) {
      const text = `unknown setting "${path}"${suggestion(path, settings.keys())}`;
      problems.push({ source: flag, key: path, text });
      continue;
    }
    assign(merged, setting.path, typedValue(setting, value));
    origins.set(path, { kind: 'flag', name: flag });
  }

  const result = configSchema.safeParse(merged);
  if (!result.success) {
    const context = { file: sources.file ?? 'configuration', merged, origins, positions, settings };
    problems.push(...result.error.issues.flatMap((issue) => problemsOf(issue, context)).sort(byPlace));
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return {
    config: toConfig(result.data),
    origins,
    settings: [...settings].map(([path, setting]) => ({
      setting,
      value: at(result.data, setting.path),
      origin: origins.get(path),
    })),
  };
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

function at(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Tree | undefined)?.[String(key)], tree);
}

interface ProblemContext {
  /** What to name when no source says more. */
  readonly file: string;
  readonly merged: Tree;
  readonly origins: ReadonlyMap<string, Origin>;
  readonly positions: ReadonlyMap<string, Position>;
  readonly settings: ReadonlyMap<string, Setting>;
}

function problemsOf(issue: z.core.$ZodIssue, context: ProblemContext): ConfigProblem[] {
  const { file, merged, origins, positions, settings } = context;
  if (issue.code === 'unrecognized_keys') {
    // Tables are known names, too: `[hybird]` is nearest to `[hybrid]`.
    const known = new Set(
      [...settings.values()].flatMap(({ path }) => path.map((_, end) => path.slice(0, end + 1).join('.'))),
    );
    return issue.keys.map((last) => {
      const key = [...issue.path, last].join('.');
      // Variables and flags are made from the schema, so it can only be the file.
      return { source: file, ...positions.get(key), key, text: `unknown setting "${key}"${suggestion(key, known)}` };
    });
  }
  const key = issue.path.join('.');
  const origin = origins.get(key);
  const place = origin === undefined ? positions.get(key) : origin.position;
  const allowed = settings.get(key)?.allowed ?? 'a table of settings';
  const given = JSON.stringify(at(merged, issue.path));
  return [
    { source: origin?.name ?? file, ...place, key, text: `invalid value ${given} for ${key}: allowed is ${allowed}` },
  ];
}

/** As one reads the file; what has no place in it comes first. */
function byPlace(left: ConfigProblem, right: ConfigProblem): number {
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}
