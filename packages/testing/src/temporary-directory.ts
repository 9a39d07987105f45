import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterwards, type WithCleanUp } from './clean-up.ts';

export interface Closable {
  /** Harmless when it is closed already. */
  close(): unknown;
}

export interface TemporaryDirectory {
  readonly path: string;
  /** Has this closed after the test, before the directory goes; the newest first. Returns what it was given. */
  closing<Resource extends Closable>(resource: Resource): Resource;
}

/** A process that was killed may write its last while the directory goes. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 } as const;

/** An empty directory for one test, removed after it. */
export function temporaryDirectory(context: WithCleanUp): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'confab-'));
  afterwards(context, () => rm(path, REMOVAL));
  return {
    path,
    closing: (resource) => {
      afterwards(context, () => resource.close());
      return resource;
    },
  };
}
