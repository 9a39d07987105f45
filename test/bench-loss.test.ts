import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { COMPILE_CACHE } from '@confab/testing/process-environment';
import { whyNoNamespaces } from '../bench/loss/rig/requirements.ts';

const bench = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
const reason = whyNoNamespaces();
const options = { timeout: 120_000, skip: reason === undefined ? false : reason };
const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };

interface Report<Figures> {
  readonly figures: readonly Figures[];
}

async function measure<Figures>(
  t: TestContext,
  args: readonly string[],
): Promise<{ stdout: string; figures: readonly Figures[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'confab-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'report.json');
  const all = [bench, 'loss', '--quick', '--wires', 'jsonl', '--json', file, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env });
  const { figures } = JSON.parse(await readFile(file, 'utf8')) as Report<Figures>;
  return { stdout, figures };
}

describe('npm run bench -- loss --quick', () => {
  it('loses packets in both directions and delivers every message once', options, async (t) => {
    const { stdout, figures } = await measure<{
      readonly loss: number;
      readonly sent: number;
      readonly delivered: number;
      readonly doubled: number;
      readonly outOfOrder: number;
      readonly bytesPerMessage: number;
      readonly link: { readonly packets: number; readonly lost: number };
    }>(t, ['--losses', '0,10', '--messages', '60', '--pairs', '2']);
    assert.match(stdout, /^pass {2}jsonl, 10 % loss, every 20 ms: everything delivered, once, in order$/m);
    assert.deepEqual(
      figures.map(({ loss, delivered, doubled, outOfOrder }) => ({ loss, delivered, doubled, outOfOrder })),
      figures.map(({ loss, sent }) => ({ loss, delivered: sent, doubled: 0, outOfOrder: 0 })),
    );
    const [clean, lossy] = figures;
    assert.equal(clean?.link.lost, 0);
    assert.ok(lossy!.link.lost > 0);
    // Text of 100 bytes, on two legs, with headers.
    assert.ok(clean!.bytesPerMessage > 280, String(clean!.bytesPerMessage));
  });

  it('finds the same messages at both ends when the path was blocked in each direction', options, async (t) => {
    const { figures } = await measure<{
      readonly sent: number;
      readonly accepted: number;
      readonly lost: number;
      readonly steps: readonly { readonly worstBlockedUs: number }[];
    }>(t, ['--scenario', 'failover', '--seconds', '0.8']);
    const [{ sent, accepted, lost, steps }] = figures as [(typeof figures)[0]];
    assert.deepEqual({ accepted, lost }, { accepted: sent, lost: 0 });
    // Nothing that was said while it was blocked came before its end, however slow this machine is.
    assert.equal(steps.length, 3);
    for (const { worstBlockedUs } of steps) assert.ok(worstBlockedUs > 200_000, String(worstBlockedUs));
  });

  it('kills the server and finds every accepted message with everybody', options, async (t) => {
    const { figures } = await measure<{
      readonly kills: number;
      readonly accepted: number;
      readonly missing: number;
      readonly doubled: number;
      readonly contradictions: number;
      readonly connects: number;
      readonly clients: number;
    }>(t, ['--scenario', 'kill', '--seconds', '2.1', '--every', '2']); // The server comes back after the end.
    const [{ kills, accepted, missing, doubled, contradictions, connects, clients }] = figures as [(typeof figures)[0]];
    assert.equal(kills, 1);
    assert.ok(accepted > 0);
    assert.ok(connects >= 2 * clients);
    assert.deepEqual({ missing, doubled, contradictions }, { missing: 0, doubled: 0, contradictions: 0 });
  });

  it('says what it needs and fails where namespaces are not permitted', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root, to give it up');
    const args = ['--user', '--', process.execPath, bench, 'loss', '--quick'];
    // A user without a name in a namespace of users without rights: nobody, whatever the system calls it.
    const child = spawn('unshare', args, { env: { ...env, NODE_OPTIONS: '' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 2, stderr);
    assert.match(stderr, /need root|Missing:/);
  });
});
