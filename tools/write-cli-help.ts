/** Writes what `--help` prints into the blocks of docs/cli.md: `node tools/write-cli-help.ts`. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = new URL('../docs/cli.md', import.meta.url);
const program = fileURLToPath(new URL('../packages/cli/bin/confab.js', import.meta.url));

const text = readFileSync(page, 'utf8').replace(
  /^```text\n\$ confab (.*)\n(?:.*\n)*?```$/gm,
  (_, args: string) =>
    `\`\`\`text\n$ confab ${args}\n${spawnSync(process.execPath, [program, ...args.split(' ')], { encoding: 'utf8' }).stdout}\`\`\``,
);
writeFileSync(page, text);
