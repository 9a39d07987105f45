import { readFileSync } from 'node:fs';
import { parse as parseToml, TomlError } from 'smol-toml';
import { ConfigError } from './errors.ts';
import { locateJsonFault, locateKeys, type Position } from './positions.ts';

export type Tree = { [key: string]: unknown };

/** A configuration file, parsed. */
export interface ParsedFile {
  readonly tree: Tree;
  /** Where each key stands, by dotted path. */
  readonly positions: ReadonlyMap<string, Position>;
}

/**
 * Read a TOML file, or a JSON file when it ends in `.json`.
 * @throws {ConfigError} CONFIG_INVALID when it cannot be read or is not in that format
 */
export function readConfigFile(file: string): ParsedFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (cause as Error).message;
    throw new ConfigError([{ source: file, text: `cannot read configuration file: ${reason}` }], { cause });
  }
  const format = file.endsWith('.json') ? 'json' : 'toml';
  let tree: unknown;
  try {
    // A byte order mark, as some editors put it there, is no part of either format.
    tree = format === 'json' ? JSON.parse(text.replace(/^\ufeff/, '')) : parseToml(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    const place: Position | undefined = cause instanceof TomlError ? cause : locateJsonFault(text);
    const reason = (cause as Error).message.split('\n')[0]!;
    const problem = { source: file, line: place?.line, column: place?.column };
    throw new ConfigError([{ ...problem, text: `cannot parse configuration file: ${reason}` }], { cause });
  }
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    throw new ConfigError([
      { source: file, text: 'cannot parse configuration file: the top level is not a table of settings' },
    ]);
  }
  return { tree: tree as Tree, positions: locateKeys(text, format) };
}
