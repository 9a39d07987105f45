import { searchContract, temporaryDirectory } from '@confab/testing';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { SqliteIndex } from './index.ts';

searchContract(
  'the full-text index',
  async (context) => {
    const directory = temporaryDirectory(context);
    const store = directory.closing(await openSqliteStore({ directory: directory.path }));
    const index = directory.closing(new SqliteIndex({ directory: directory.path, pageMs: 1000 }));
    return { store, index };
  },
  { storyRuns: 100 },
);
