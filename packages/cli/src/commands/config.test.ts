import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '@confab/config';
import { temporaryDirectory } from '@confab/testing';
import { FakeIo } from '@confab/testing/fake-io';
import { run } from '../program.ts';

async function confab(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const io = new FakeIo({ input: '', env });
  const code = await run(['config', ...args], io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

test('check says OK and what differs from the defaults, in TOML and in JSON', async (context) => {
  const { path } = temporaryDirectory(context);
  const toml = join(path, 'confab.toml');
  const json = join(path, 'confab.json');
  writeFileSync(toml, 'host = "0.0.0.0"\ndata = "./data"\n[hybrid]\nnotices = true\n');
  writeFileSync(json, '{"host": "0.0.0.0", "hybrid": {"notices": true}}');
  for (const file of [toml, json]) {
    assert.deepEqual(await confab(['check', file]), {
      code: 0,
      out: [
        `${file}: OK, 2 settings differ from their defaults:`,
        '  host = "0.0.0.0"       (default "127.0.0.1")',
        '  hybrid.notices = true  (default false)',
        '',
      ].join('\n'),
      err: '',
    });
  }
  writeFileSync(toml, '');
  assert.equal((await confab(['check', toml])).out, `${toml}: OK, nothing differs from the defaults\n`);
});

test('check shows all that is wrong, with its place, what is allowed, and a suggestion', async (context) => {
  const { path } = temporaryDirectory(context);
  const toml = join(path, 'confab.toml');
  writeFileSync(
    toml,
    '[hybrid]\ntcp_prot = 1\nudp_port = 70000\nalternate = { enabled = 3 }\n\n[sotre]\nkind = "files"\n',
  );
  const { code, out, err } = await confab(['check', toml]);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.deepEqual(err.trimEnd().split('\n'), [
    `confab: ${toml}:2:1: unknown setting "hybrid.tcp_prot"; did you mean "hybrid.tcp_port"?`,
    `confab: ${toml}:3:1: invalid value 70000 for hybrid.udp_port: allowed is a whole number from 0 to 65535`,
    `confab: ${toml}:4:15: invalid value 3 for hybrid.alternate.enabled: allowed is true or false`,
    `confab: ${toml}:6:2: unknown setting "sotre"; did you mean "store"?`,
  ]);
});

test('check does not mind the environment', async (context) => {
  const file = join(temporaryDirectory(context).path, 'confab.toml');
  writeFileSync(file, '');
  assert.equal((await confab(['check', file], { CONFAB_HYBRID_TCP_PORT: 'nonsense' })).code, 0);
});

test('check says what cannot be read', async (context) => {
  const file = join(temporaryDirectory(context).path, 'confab.toml');
  const missing = await confab(['check', file]);
  assert.deepEqual(missing, {
    code: 2,
    out: '',
    err: `confab: ${file}: cannot read configuration file: it does not exist\n`,
  });
  writeFileSync(file, 'a = = 1');
  assert.match((await confab(['check', file])).err, /confab\.toml:1:5: cannot parse configuration file: /);
});

test('print says what holds and whether a flag, a variable or the file set it, or nothing', async (context) => {
  const { path } = temporaryDirectory(context);
  const file = join(path, 'confab.toml');
  writeFileSync(file, 'host = "::1"\n[hybrid]\ntcp_port = 1\nudp_port = 2\n');
  const args = ['--config', file, '--set', 'hybrid.udp_port=5', '--log-level', 'warn'];
  const env = { CONFAB_HYBRID_TCP_PORT: '3', CONFAB_HYBRID_TCP_PROT: '4' };
  const { code, out, err } = await confab(['print', ...args], env);
  assert.equal(code, 0);
  assert.equal(err, 'confab: CONFAB_HYBRID_TCP_PROT: no such setting; did you mean "CONFAB_HYBRID_TCP_PORT"?\n');
  const lines = new Map(out.split('\n').map((line) => [line.split(' = ')[0], line.replace(/ +#/, ' #')]));
  assert.equal(lines.get('host'), `host = "::1" # file ${file}:1:1`);
  assert.equal(lines.get('hybrid.tcp_port'), 'hybrid.tcp_port = 3 # variable CONFAB_HYBRID_TCP_PORT');
  assert.equal(lines.get('hybrid.udp_port'), 'hybrid.udp_port = 5 # flag --set');
  assert.equal(lines.get('log.level'), 'log.level = "warn" # flag --log-level');
  assert.equal(lines.get('data'), 'data = "./data" # default');
  // The output is a configuration file itself, of the same settings.
  const copy = join(path, 'copy.toml');
  writeFileSync(copy, out);
  assert.deepEqual(
    loadConfig({ file: copy }).config,
    loadConfig({
      file,
      environment: env,
      flags: [
        { flag: '', path: 'hybrid.udp_port', value: '5' },
        { flag: '', path: 'log.level', value: 'warn' },
      ],
    }).config,
  );

  const { out: text } = await confab(['print', ...args, '--json'], env);
  const json = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(json.host, { value: '::1', origin: 'file', name: file, line: 1, column: 1 });
  assert.deepEqual(json['hybrid.tcp_port'], { value: 3, origin: 'variable', name: 'CONFAB_HYBRID_TCP_PORT' });
  assert.deepEqual(json['hybrid.udp_port'], { value: 5, origin: 'flag', name: '--set' });
  assert.deepEqual(json.data, { value: './data', origin: 'default' });
});

test('print refuses what serve would refuse, and shows all of it', async () => {
  const { code, out, err } = await confab(['print', '--set', 'log.levle=info'], { CONFAB_HYBRID_TCP_PORT: '-1' });
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(
    err,
    /^confab: --set: unknown setting "log\.levle"; .*\nconfab: CONFAB_HYBRID_TCP_PORT: invalid value -1 .*\n$/,
  );
});

test('sample prints what docs/confab.sample.toml holds', async () => {
  const { code, out } = await confab(['sample']);
  assert.equal(code, 0);
  assert.equal(out, readFileSync(new URL('../../../../docs/confab.sample.toml', import.meta.url), 'utf8'));
});
