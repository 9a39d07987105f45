import { storeFailed } from '../failure.ts';
import type { Database } from './database.ts';
import { migrations as allMigrations, type Migration } from './migrations/index.ts';

/** Written into the file's header ("CNFB"), so that another program's database is not taken for ours. */
export const APPLICATION_ID = 0x434e4642;

/** Version of the schema this program reads and writes. */
export const SCHEMA_VERSION = allMigrations.length;

/** Version of the database's schema; 0 for an empty file. */
export function schemaVersion(database: Database): number {
  return Number(database.value('PRAGMA user_version'));
}

/**
 * Bring a database up to the newest schema, each step in its own transaction together with its number.
 * @param directory its data folder, for messages
 * @throws {CoreError} STORE_FAILED when the file is another program's, or a newer confab wrote it; nothing is changed then
 */
export function migrate(database: Database, directory: string, migrations: readonly Migration[] = allMigrations): void {
  const version = schemaVersion(database);
  expectOurs(database, directory);
  if (version > migrations.length) throw newerSchema(directory, version, migrations.length);
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      if (typeof migration === 'string') database.exec(migration);
      else migration(database);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}`);
    });
  }
}

/** @throws {CoreError} STORE_FAILED when the file is neither empty nor a confab log */
export function expectOurs(database: Database, directory: string): void {
  if (database.value('PRAGMA application_id') === APPLICATION_ID) return;
  if (database.value('SELECT count(*) FROM sqlite_schema') === 0) return;
  throw storeFailed(
    `Data folder "${directory}" holds another program's database; move it away or choose another folder with --data`,
  );
}

export function newerSchema(directory: string, version: number, known: number): Error {
  return storeFailed(
    `Data folder "${directory}" was written by a newer confab (schema ${version}, this one knows ${known}); ` +
      'upgrade confab or choose another folder with --data',
  );
}
