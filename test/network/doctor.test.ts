/** `confab doctor` against a server in a network namespace of its own, where the kernel's firewall really blocks what it is told to. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CleanUps, temporaryDirectory } from '@confab/testing';
import { processEnvironment } from '@confab/testing/process-environment';
import { confabProgram } from '@confab/testing/run-confab';
import { whyNoNamespaces } from '../../bench/loss/rig/requirements.ts';

const skip = whyNoNamespaces() ?? false;
const HOUR_MS = 3_600_000;
/** What a doctor waits for each step here, ms. */
const TIMEOUT_MS = 700;

interface Diagnosis {
  readonly result: 'well' | 'impaired' | 'broken';
  readonly statuses: Readonly<Record<string, string>>;
  readonly check: (name: string) => { readonly text: string; readonly advice?: string; readonly values?: object };
  readonly code: number;
}

describe('confab doctor, where the network is really blocked', { skip }, () => {
  const context = new CleanUps();
  const { path } = temporaryDirectory(context);
  const env = processEnvironment({ XDG_CONFIG_HOME: path, XDG_STATE_HOME: path });
  let namespacePid = 0;
  let url = '';
  let port = 0;
  let udpPort = 0;

  /** A program in the namespace. */
  function enter(program: string, args: readonly string[]): ChildProcess {
    const child = spawn('nsenter', ['--target', String(namespacePid), '--net', '--', program, ...args], { env });
    context.after(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    return child;
  }

  async function serve(data: string, nodeArgs: readonly string[] = []): Promise<string> {
    const settings = ['hybrid.enabled=false', 'link.enabled=true', 'link.tcp_port=0', 'link.udp_port=0'];
    const flags = settings.flatMap((setting) => ['--set', setting]);
    const child = enter(process.execPath, [...nodeArgs, confabProgram, 'serve', '--data', join(path, data), ...flags]);
    let shown = '';
    for await (const chunk of child.stdout!) {
      shown += String(chunk);
      const joined = /Join encrypted: npx confab chat '(\S+)' --user[\s\S]*/.exec(shown);
      const udp = /Link +udp +\S+:(\d+)/.exec(shown);
      if (joined === null || udp === null) continue;
      udpPort = Number(udp[1]);
      return joined[1]!;
    }
    throw new Error(`The server does not start: ${shown}`);
  }

  before(async () => {
    const holder = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up && echo up && exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    context.after(async () => {
      holder.kill('SIGKILL');
      if (holder.exitCode === null && holder.signalCode === null) await once(holder, 'exit');
    });
    await once(holder.stdout, 'data');
    namespacePid = holder.pid!;
    url = await serve('data');
    port = Number(new URL(url).port);
  });
  after(() => context.run());

  /** What comes in by the loopback is dropped where one of these nft expressions fits, and nothing else. */
  async function block(...rules: readonly string[]): Promise<void> {
    const text = [
      'flush ruleset',
      'table ip doctor { chain arrivals { type filter hook input priority 0; policy accept;',
      ...rules.map((rule) => `${rule} counter drop;`),
      '}',
      '}',
      '',
    ].join('\n');
    const nft = enter('nft', ['-f', '-']);
    nft.stdin!.end(text);
    const [code] = await once(nft, 'exit');
    assert.equal(code, 0);
  }

  async function doctor(target = url): Promise<Diagnosis> {
    const args = [confabProgram, 'doctor', target, '--json', '--timeout', String(TIMEOUT_MS)];
    const child = enter(process.execPath, args);
    let output = '';
    for await (const chunk of child.stdout!) output += String(chunk);
    const code = child.exitCode ?? ((await once(child, 'exit')) as [number])[0];
    const { result, checks } = JSON.parse(output) as {
      result: Diagnosis['result'];
      checks: ({ name: string; status: string } & ReturnType<Diagnosis['check']>)[];
    };
    return {
      result,
      code,
      statuses: Object.fromEntries(checks.map(({ name, status }) => [name, status])),
      check: (name) => checks.find((check) => check.name === name)!,
    };
  }

  test('nothing is wrong while nothing is blocked', async () => {
    await block();
    const { result, code, statuses, check } = await doctor();
    assert.deepEqual([result, code], ['well', 0], JSON.stringify(statuses));
    assert.ok(Object.values(statuses).every((status) => status === 'ok'));
    assert.deepEqual(check('mtu').values, { bytes: 1472 });
  });

  test('TCP that is dropped is told from a port that nobody listens on', async () => {
    await block(`tcp dport ${port}`);
    const dropped = await doctor();
    assert.deepEqual([dropped.result, dropped.code, dropped.statuses.tcp], ['broken', 1, 'fail']);
    assert.match(dropped.check('tcp').text, /No answer/);
    assert.match(dropped.check('tcp').advice!, new RegExp(`Open TCP port ${port}`));
    await block();
    const nobody = await doctor(url.replace(`:${port}`, ':1'));
    assert.match(nobody.check('tcp').text, /Nothing listens/);
  });

  test('another key than the pin ends it before anything is said', async () => {
    await block();
    const { result, statuses, check } = await doctor(url.replace(/pin=[^&]*/, `pin=${'A'.repeat(43)}`));
    assert.equal(result, 'broken');
    assert.deepEqual(statuses, { name: 'ok', tcp: 'ok', tls: 'fail' });
    assert.match(check('tls').text, /another key than expected/);
  });

  test('datagrams that do not reach the server are told from answers that do not come back', async () => {
    await block(`udp dport ${udpPort}`);
    const up = await doctor();
    assert.deepEqual([up.result, up.code], ['impaired', 5]);
    assert.partialDeepStrictEqual(up.statuses, { 'udp-up': 'warn', 'udp-down': 'skip' });
    assert.match(up.check('udp-up').advice!, new RegExp(`Open UDP port ${udpPort} towards 127\\.0\\.0\\.1`));
    await block(`udp sport ${udpPort}`);
    const down = await doctor();
    assert.equal(down.result, 'impaired');
    assert.partialDeepStrictEqual(down.statuses, { 'udp-up': 'ok', 'udp-down': 'warn' });
    assert.match(down.check('udp-down').advice!, new RegExp(`answers from UDP port ${udpPort}`));
    await block(`udp dport ${udpPort}`, `udp sport ${udpPort}`);
    const both = await doctor();
    assert.partialDeepStrictEqual(both.statuses, { 'udp-up': 'warn', 'udp-down': 'skip' });
  });

  test('a route that swallows larger datagrams shows in the MTU', async () => {
    // 8 bytes of the length are UDP's own.
    await block(`udp dport ${udpPort} udp length > ${1452 + 8}`);
    const { check, statuses } = await doctor();
    assert.equal(statuses['udp-up'], 'ok');
    assert.deepEqual(check('mtu').values, { bytes: 1452 });
  });

  test('loss shows, each way', async () => {
    await block(`udp sport ${udpPort} numgen random mod 100 < 40`);
    const { check, statuses } = await doctor();
    assert.equal(statuses['udp-down'], 'ok');
    const { up, down } = check('loss').values as { up: number; down: number };
    assert.ok(down > 0.05 && up < down, JSON.stringify({ up, down }));
  });

  test('a clock that is wrong is told', async () => {
    await block();
    const shifted = `data:text/javascript,const now = Date.now; Date.now = () => now() %2B ${HOUR_MS};`;
    const { result, statuses, check } = await doctor(await serve('shifted', ['--import', shifted]));
    assert.deepEqual([result, statuses.clock], ['impaired', 'warn']);
    const { ms } = check('clock').values as { ms: number };
    assert.ok(Math.abs(ms - HOUR_MS) < 60_000, String(ms));
    assert.match(check('clock').advice!, /Set the clock that is wrong/);
  });
});
