/** Writes what the schema says about settings into the documentation: `node tools/write-settings-table.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configSample, listSettings } from '@confab/config';

const page = new URL('../docs/configuration.md', import.meta.url);
const head = '| setting | variable | default | meaning |\n|---|---|---|---|\n';
const rows = listSettings().map(
  ({ path, variable, fallback, description }) =>
    `| \`${path.join('.')}\` | \`${variable}\` | \`${JSON.stringify(fallback)}\` | ${description} |\n`,
);
const text = readFileSync(page, 'utf8');
const found = text.indexOf(head);
if (found < 0) throw new Error('docs/configuration.md has lost the head of its table');
const start = found + head.length;
const end = start + /^(?:\|.*\n)*/.exec(text.slice(start))![0].length;
writeFileSync(page, text.slice(0, start) + rows.join('') + text.slice(end));

writeFileSync(new URL('../docs/confab.sample.toml', import.meta.url), configSample());
