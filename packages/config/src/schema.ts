import { z } from 'zod';
import { allowedValues } from './allowed.ts';
import { limitsSection } from './sections/limits.ts';
import { linkSection } from './sections/link.ts';
import { clientSection, logSection, traceSection } from './sections/log.ts';
import { netSection } from './sections/net.ts';
import { searchSection } from './sections/search.ts';
import { storeSection } from './sections/store.ts';
import {
  bridgeSection,
  httpSection,
  hybridSection,
  jsonDatagramsSection,
  jsonLinesSection,
  olderWiresSection,
  stage1Section,
} from './sections/wires.ts';

/**
 * Every setting: the one schema that configuration files, `CONFAB_…` variables and flags are held against, for the server
 * and for our own clients. A variable's name is the path in capitals (`hybrid.tcp_port` is `CONFAB_HYBRID_TCP_PORT`).
 */
export const configSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('address or name to listen on'),
  data: z.string().min(1).default('./data').describe('folder of the embedded store'),
  store: storeSection,
  search: searchSection,
  net: netSection,
  hybrid: hybridSection,
  stage1: stage1Section,
  json_lines: jsonLinesSection,
  json_datagrams: jsonDatagramsSection,
  bridge: bridgeSection,
  http: httpSection,
  link: linkSection,
  older_wires: olderWiresSection,
  limits: limitsSection,
  log: logSection,
  trace: traceSection,
  client: clientSection,
});

export type ConfigFile = z.infer<typeof configSchema>;

type CamelCase<Key> = Key extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Key;
type CamelKeys<Value> = Value extends object
  ? { readonly [Key in keyof Value as CamelCase<Key & string>]: CamelKeys<Value[Key]> }
  : Value;

/** The settings as the program names them: `hybrid.tcp_port` is `config.hybrid.tcpPort`. */
export type Config = CamelKeys<ConfigFile>;

/** Rename the keys of a parsed configuration for use in the program. */
export function toConfig(file: ConfigFile): Config {
  return camelKeys(file) as Config;
}

function camelKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelKeys(inner),
    ]),
  );
}

/** One setting that holds a value, not further settings. */
export interface Setting {
  /** Names from the top, such as `['hybrid', 'tcp_port']`. */
  readonly path: readonly string[];
  readonly type: 'string' | 'number' | 'boolean';
  readonly description: string;
  /** What it may be, in words. */
  readonly allowed: string;
  readonly fallback: unknown;
  /** The environment variable that sets it. */
  readonly variable: string;
}

/** All settings, in the order of the schema. */
export function listSettings(): Setting[] {
  const defaults = configSchema.parse({});
  return collect(configSchema, [], defaults);
}

function collect(schema: z.ZodType, path: readonly string[], fallback: unknown): Setting[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, child]) =>
      collect(child as z.ZodType, [...path, key], (fallback as Record<string, unknown>)[key]),
    );
  }
  const type = inner instanceof z.ZodNumber ? 'number' : inner instanceof z.ZodBoolean ? 'boolean' : 'string';
  const variable = `CONFAB_${path.join('_').toUpperCase()}`;
  return [{ path, type, description: schema.description ?? '', allowed: allowedValues(inner), fallback, variable }];
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap() as z.ZodType;
  return inner;
}
