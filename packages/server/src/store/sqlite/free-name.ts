import { claimDataFolder, explained } from './data-folder.ts';
import { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { BUSY_TIMEOUT_MS } from './options.ts';
import { writeSql } from './statements.ts';

/**
 * Take a user name from its device keys, or from one of them, in a data folder that no server has open: a server keeps the
 * names in memory and would not hear of it.
 * @returns how many keys have lost it
 * @throws {CoreError} STORE_FAILED when the folder is in use or cannot be used
 */
export function freeName(directory: string, user: string, deviceKey?: string): number {
  const folder = claimDataFolder(directory);
  try {
    return explained(directory, () => {
      const database = new Database(folder.file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
      try {
        migrate(database, directory);
        const { changes } =
          deviceKey === undefined
            ? database.prepare(writeSql.deleteName).run(user)
            : database.prepare(writeSql.deleteNameKey).run(user, deviceKey);
        return Number(changes);
      } finally {
        database.close();
      }
    });
  } finally {
    folder.release();
  }
}
