import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listSettings, loadConfig } from '@confab/config';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');
  const rows = new Map(
    [...page.matchAll(/^\| `([\w.]+)` \| `(\w+)` \| `(.+?)` \| (.+) \|$/gm)].map((row) => [row[1], row.slice(2)]),
  );

  it('has a row for each setting, with its variable, default and meaning', () => {
    for (const { path, variable, fallback, description } of listSettings()) {
      assert.deepEqual(rows.get(path.join('.')), [variable, JSON.stringify(fallback), description], path.join('.'));
    }
  });

  it('has no row for a setting that does not exist', () => {
    assert.equal(rows.size, listSettings().length);
  });

  it('shows a file that the server accepts', () => {
    const toml = /```toml\n(.*?)```/s.exec(page)?.[1];
    assert.ok(toml !== undefined);
    const folder = mkdtempSync(join(tmpdir(), 'confab-docs-'));
    try {
      const file = join(folder, 'confab.toml');
      writeFileSync(file, toml);
      const { config, origins } = loadConfig({ file });
      assert.equal(config.host, '0.0.0.0');
      assert.equal(config.limits.memberMessages.perSecond, 20);
      assert.equal(origins.size, 5);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('docs/errors.md', () => {
  const page = read('docs/errors.md');

  it('lists exactly the codes that the packages have', () => {
    const sources = readdirSync(join(root, 'packages')).flatMap((name) => {
      try {
        return [read(`packages/${name}/src/errors.ts`)];
      } catch {
        return [];
      }
    });
    assert.ok(sources.length >= 4);
    const declared = new Set(
      sources.flatMap((source) =>
        [...source.matchAll(/^(?: {2}\||export type \w+ =) '([A-Z0-9_]+)'/gm)].map((m) => m[1]),
      ),
    );
    const listed = new Set(
      [...page.matchAll(/^\| (`[A-Z0-9_`, ]+`) \|/gm)].flatMap((row) => row[1]!.match(/[A-Z0-9_]+/g)!),
    );
    assert.deepEqual([...listed].sort(), [...declared].sort());
  });
});
