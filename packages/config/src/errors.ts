import { ChatError } from '@confab/wire';

/** What can be wrong with a configuration. Listed with cause and remedy in docs/errors.md. */
export type ConfigErrorCode = 'CONFIG_INVALID';

/** The message is one line that names the source, the setting and what is allowed. */
export class ConfigError extends ChatError<ConfigErrorCode> {}
