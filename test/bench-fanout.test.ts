import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findCompiler, hasOpenSsl } from '../bench/fanout/native/build.ts';

const bench = fileURLToPath(new URL('../bench/main.ts', import.meta.url));

interface Outcome {
  readonly target: string;
  readonly deliveriesPerSecond: number;
  readonly lost: number;
}

describe('npm run bench -- fanout --quick', { skip: findCompiler() === undefined && 'there is no C compiler' }, () => {
  it('counts what members of every wire are told, and misses nothing over TCP and on link', {
    timeout: 120_000,
  }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'confab-test-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'report.json');
    const options = ['--quick', '--peers', '--only', 'a4', '--targets', 'durable,TCP,UDP', '--json', file];
    await promisify(execFile)(process.execPath, [bench, 'fanout', ...options]);

    const { figures } = JSON.parse(await readFile(file, 'utf8')) as { figures: Record<string, Outcome[]> };
    assert.deepEqual(Object.keys(figures), ['a4']);
    for (const outcomes of Object.values(figures)) {
      assert.deepEqual(
        outcomes.map(({ target }) => target),
        [
          'confab jsonl, durable',
          'confab ws, durable',
          'confab ucrp, durable',
          ...(hasOpenSsl() ? ['confab link/tls, durable', 'confab link/udp, durable'] : []),
          'C, epoll, TCP',
          'C, sendmmsg, UDP',
        ],
      );
      for (const { target, deliveriesPerSecond, lost } of outcomes) {
        assert.ok(deliveriesPerSecond > 0, target);
        if (!target.includes('ucrp') && target !== 'C, sendmmsg, UDP') assert.equal(lost, 0, target);
      }
    }
  });

  it('refuses a load or a server that there is not', async () => {
    for (const [option, message] of [
      [['--only', 'z'], /"z" is none of/],
      [['--targets', 'nobody'], /no server's name holds nobody/],
    ] as const) {
      await assert.rejects(promisify(execFile)(process.execPath, [bench, 'fanout', ...option]), { stderr: message });
    }
  });
});
