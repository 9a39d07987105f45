import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const bench = fileURLToPath(new URL('../bench/main.ts', import.meta.url));

interface Report {
  readonly figures: {
    readonly a: readonly { readonly expected: number; readonly delivered: number; readonly repeated: number }[];
    readonly c: {
      readonly windows: readonly {
        readonly confab: { readonly lost: number };
        readonly bare: { readonly lost: number };
      }[];
    };
  };
}

describe('npm run bench -- hybrid --quick', () => {
  it('delivers everything and says so', { timeout: 60_000 }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'confab-test-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'report.json');
    const { stdout } = await promisify(execFile)(process.execPath, [
      bench,
      'hybrid',
      '--quick',
      '--only',
      'a,c',
      '--json',
      file,
    ]);
    assert.match(stdout, /^pass {2}a: everything delivered, once$/m);
    assert.match(stdout, /^pass {2}c: a rate without loss$/m);

    const { figures } = JSON.parse(await readFile(file, 'utf8')) as Report;
    assert.equal(figures.a.length, 1);
    for (const { expected, delivered, repeated } of figures.a) {
      assert.ok(expected > 0);
      assert.deepEqual({ delivered, repeated }, { delivered: expected, repeated: 0 });
    }
    for (const { confab, bare } of figures.c.windows) {
      assert.deepEqual({ confab: confab.lost, bare: bare.lost }, { confab: 0, bare: 0 });
    }
  });
});
