import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterwards } from '@confab/testing';
import { startConfabServer } from '@confab/testing/run-confab';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

it('The program in README.md says hello and shows it', async (context) => {
  const program = /```ts\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1];
  assert.ok(program !== undefined);
  assert.ok(program.includes('ucrp://127.0.0.1:9090/lobby'));
  const server = await startConfabServer(context);
  const child = spawn(
    process.execPath,
    ['--input-type=module-typescript', '-e', program.replace('ucrp://127.0.0.1:9090/lobby', server.url('lobby'))],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  afterwards(context, () => void child.kill());
  let shown = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    shown += chunk;
    if (shown.includes('\n')) break;
  }
  assert.equal(shown, 'Ann: Hello\n');
});
