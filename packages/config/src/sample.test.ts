import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig } from './load.ts';
import { configSample } from './sample.ts';
import { configSchema, listSettings, toConfig } from './schema.ts';
import { unknownVariables } from './variables.ts';

const folder = mkdtempSync(join(tmpdir(), 'confab-sample-'));
after(() => rmSync(folder, { recursive: true }));

describe('The sample configuration', () => {
  it('is accepted, holds every setting, and changes nothing', () => {
    const file = join(folder, 'sample.toml');
    writeFileSync(file, configSample());
    const { config, settings } = loadConfig({ file });
    assert.deepEqual(config, toConfig(configSchema.parse({})));
    for (const { setting, origin } of settings) {
      assert.equal(origin?.kind, 'file', setting.variable);
      assert.ok(origin?.position !== undefined, setting.variable);
    }
  });

  it('explains every setting', () => {
    const sample = configSample();
    for (const { description, allowed, variable } of listSettings()) {
      assert.ok(sample.includes(`\n# ${description}\n# ${allowed}; ${variable}\n`), variable);
    }
  });

  it('is what docs/confab.sample.toml holds; if not, run node tools/write-settings-table.ts', () => {
    const page = new URL('../../../docs/confab.sample.toml', import.meta.url);
    assert.equal(readFileSync(page, 'utf8'), configSample());
  });
});

describe('Variables that look like settings', () => {
  it('and are none are named with the nearest one that is', () => {
    assert.deepEqual(
      unknownVariables({
        CONFAB_HYBRID_TCP_PROT: '1',
        CONFAB_HOST: 'x',
        CONFAB_PASSWORD: 'y',
        PATH: 'z',
        CONFAB_Q: '',
      }),
      ['CONFAB_HYBRID_TCP_PROT: no such setting; did you mean "CONFAB_HYBRID_TCP_PORT"?', 'CONFAB_Q: no such setting'],
    );
  });
});
