/** Writes the table of docs/configuration.md anew from the schema: `node tools/write-settings-table.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { listSettings } from '@confab/config';

const page = new URL('../docs/configuration.md', import.meta.url);
const head = '| setting | variable | default | meaning |\n|---|---|---|---|\n';
const rows = listSettings().map(
  ({ path, variable, fallback, description }) =>
    `| \`${path.join('.')}\` | \`${variable}\` | \`${JSON.stringify(fallback)}\` | ${description} |\n`,
);
const text = readFileSync(page, 'utf8');
const start = text.indexOf(head) + head.length;
const end = start + /^(?:\|.*\n)*/.exec(text.slice(start))![0].length;
writeFileSync(page, text.slice(0, start) + rows.join('') + text.slice(end));
