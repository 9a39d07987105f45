import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Config, listSettings, loadConfig } from '@confab/config';
import { changeableSettings, isChangeable, overwriteConfig } from './reload.ts';

function configOf(settings: Readonly<Record<string, string>> = {}): Config {
  return loadConfig({ flags: Object.entries(settings).map(([path, value]) => ({ flag: '', path, value })) }).config;
}

describe('A configuration that is read again', () => {
  it('is taken over where that can be, in the same objects, and named where it cannot', () => {
    const live = configOf();
    const { hybrid } = live;
    const rate = live.limits.memberMessages;
    const next = configOf({
      'hybrid.notices': 'true',
      'hybrid.tcp_port': '1',
      'limits.member_messages.burst': '7',
      'client.user': 'Ann',
      data: '/elsewhere',
    });
    assert.deepEqual(overwriteConfig(live, next), {
      applied: ['hybrid.notices', 'limits.member_messages.burst'],
      needsRestart: ['data', 'hybrid.tcp_port'],
    });
    assert.deepEqual([hybrid.notices, hybrid.tcpPort, rate.burst], [true, 9090, 7]);
    assert.deepEqual([live.data, live.client.user], ['./data', '']);
    // What needs a restart is said as long as it does.
    assert.deepEqual(overwriteConfig(live, next), { applied: [], needsRestart: ['data', 'hybrid.tcp_port'] });
    assert.deepEqual(overwriteConfig(live, configOf()).needsRestart, []);
  });

  it('changes only settings that there are', () => {
    const paths = new Set(listSettings().map(({ path }) => path.join('.')));
    for (const path of changeableSettings) assert.ok(paths.has(path), path);
  });

  it('changes what docs/operations.md says that it does', () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const section = /## Changing settings while it runs\n(.*?)\n## /s.exec(page)![1]!;
    const listed = new Set(
      [...section.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
        [...cell!.matchAll(/`([\w.*]+)`/g)].map((name) => name[1]!),
      ),
    );
    const isListed = (path: string): boolean =>
      [...listed].some((name) => (name.endsWith('.*') ? path.startsWith(name.slice(0, -1)) : name === path));
    for (const { path } of listSettings()) {
      const key = path.join('.');
      assert.equal(isListed(key), isChangeable(key), key);
    }
  });
});
