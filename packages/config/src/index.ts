export { ConfigError, type ConfigErrorCode, type ConfigProblem, renderProblem } from './errors.ts';
export {
  type ConfigSources,
  type EffectiveSetting,
  type FlagSetting,
  type LoadedConfig,
  loadConfig,
  type Origin,
} from './load.ts';
export { configSample } from './sample.ts';
export {
  type Config,
  type ConfigFile,
  configSchema,
  listSettings,
  type Setting,
  toConfig,
} from './schema.ts';
export { unknownVariables } from './variables.ts';
