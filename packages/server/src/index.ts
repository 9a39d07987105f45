export {
  type Config,
  ConfigError,
  type ConfigSources,
  configSchema,
  type FlagSetting,
  type LoadedConfig,
  listSettings,
  loadConfig,
  type Setting,
  toConfig,
} from '@confab/config';
export { hostPort } from './address.ts';
export { ServerError, type ServerErrorCode } from './errors.ts';
export type { Endpoint } from './gateways/gateway.ts';
export { createLogger, type LogSink } from './log/logger.ts';
export { openLog, type ServerLog } from './log/open-log.ts';
export type { Reloaded } from './reload.ts';
export { type RunningServer, startServer } from './server.ts';
export { freeName } from './store/sqlite/free-name.ts';
export { type LoggedRoom, type LogReader, openLogReader } from './store/sqlite/log-reader.ts';
