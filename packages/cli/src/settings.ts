import type { ConnectOptions } from '@confab/client';
import { type Config, type FlagSetting, loadConfig } from '@confab/config';
import { UsageError } from './failure.ts';
import type { Io } from './io.ts';

/** The flags that stand for settings, as `serve` and `config print` have them. */
export interface SettingOptions {
  readonly config?: string;
  readonly host?: string;
  readonly data?: string;
  readonly tcpPort?: string;
  readonly udpPort?: string;
  readonly set?: readonly string[];
  readonly logLevel?: string;
}

/** @throws {UsageError} for a `--set` that is not KEY=VALUE */
export function flagSettings(options: SettingOptions): FlagSetting[] {
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

/**
 * What the configuration says about our own clients: its file, if one is named, and the environment.
 * @throws {ConfigError} CONFIG_INVALID
 */
export function clientSettings(io: Io, file: string | undefined): Config['client'] {
  return loadConfig({ file, environment: io.env }).config.client;
}

/** These settings as `connect` takes them. */
export function connectSettings(settings: Config['client']): Partial<ConnectOptions> {
  const { connectTimeoutMs, sendTimeoutMs, baseDelayMs, maxRetries, eventsMax } = settings;
  return { connectTimeoutMs, sendTimeoutMs, baseDelayMs, maxRetries, eventsMax };
}
