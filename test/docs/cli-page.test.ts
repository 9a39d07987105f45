import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '@confab/config';
import { FakeIo } from '@confab/testing/fake-io';
import { run } from '../../packages/cli/src/program.ts';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```text\n\$ confab (.*)\n((?:.*\n)*?)```$/gm)].map(
  ([, args, text]) => [args!, text!] as const,
);

async function output(args: string): Promise<string> {
  const io = new FakeIo({ input: '' });
  assert.equal(await run(args.split(' '), io), 0);
  return io.stdout.text;
}

/** Names of the commands in a help text. */
function commandsIn(help: string): string[] {
  const list = /^Commands:\n((?: .*\n)*)/m.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!).filter((name) => name !== 'help');
}

for (const [args, text] of blocks) {
  test(`docs/cli.md shows what "confab ${args}" prints; if not, run node tools/write-cli-help.ts`, async () => {
    assert.equal(text, await output(args));
  });
}

test('docs/cli.md has every command', async () => {
  const found: string[] = ['--help'];
  for (const name of commandsIn(await output('--help'))) {
    const help = `${name} --help`;
    found.push(help, ...commandsIn(await output(help)).map((inner) => `${name} ${inner} --help`));
  }
  assert.ok(found.length >= 9, String(found));
  assert.deepEqual(blocks.map(([args]) => args).sort(), found.sort());
});

test('docs/cli.md shows a file that is accepted', () => {
  const folder = mkdtempSync(join(tmpdir(), 'confab-docs-'));
  try {
    const file = join(folder, 'confab.toml');
    writeFileSync(file, /```toml\n(.*?)```/s.exec(page)![1]!);
    assert.equal(loadConfig({ file }).config.client.sendTimeoutMs, 5000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
