export * from './memory.ts';
export { type LoggedRoom, type LogReader, openLogReader } from './sqlite/log-reader.ts';
export type { Synchronous } from './sqlite/options.ts';
export { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from './sqlite/store.ts';
