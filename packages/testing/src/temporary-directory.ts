import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A test, as far as clean-up goes: a `TestContext` or a `SuiteContext` of node:test. */
export interface WithCleanUp {
  after(hook: () => void | Promise<void>): void;
}

export interface Closable {
  /** Harmless when it is closed already. */
  close(): void | Promise<void>;
}

export interface TemporaryDirectory {
  readonly path: string;
  /** Has this closed after the test, before the directory goes; the newest first. Returns what it was given. */
  closing<Resource extends Closable>(resource: Resource): Resource;
}

/** An empty directory for one test, removed after it. */
export function temporaryDirectory(context: WithCleanUp): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'confab-'));
  const resources: Closable[] = [];
  context.after(async () => {
    for (const resource of resources.toReversed()) await resource.close();
    rmSync(path, { recursive: true, force: true });
  });
  return {
    path,
    closing: (resource) => {
      resources.push(resource);
      return resource;
    },
  };
}
