export { ConfigError, type ConfigErrorCode } from './errors.ts';
export { type ConfigSources, type FlagSetting, type LoadedConfig, loadConfig } from './load.ts';
export {
  type Config,
  type ConfigFile,
  configSchema,
  listSettings,
  type Setting,
  toConfig,
} from './schema.ts';
