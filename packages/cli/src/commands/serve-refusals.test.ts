/** Settings with which a server does not start. That it is so for a process, too, is in test/e2e/startup.test.ts. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { FakeIo } from '@confab/testing/fake-io';
import { ExitCode } from '../exit-codes.ts';
import { run } from '../program.ts';

/** It must not start, nor touch its data folder, and say why in this one line. */
async function expectRefusal(context: TestContext, args: readonly string[], line: string | RegExp): Promise<void> {
  const data = join(temporaryDirectory(context).path, 'data');
  const io = new FakeIo({ input: '' });
  assert.equal(await run(['serve', '--data', data, ...args], io), ExitCode.USAGE, args.join(' '));
  assert.equal(io.stdout.text, '');
  const [first, ...rest] = io.stderr.text.split('\n');
  assert.deepEqual(rest, [''], `one line: ${io.stderr.text}`);
  if (typeof line === 'string') assert.equal(first, `confab: ${line}`);
  else assert.match(first!, line);
  assert.equal(existsSync(data), false);
}

test('a port that is no port, and a setting that is none', async (context) => {
  const cases: [string[], RegExp][] = [
    [['--tcp-port', '70000'], /^confab: --tcp-port: .*70000.*hybrid\.tcp_port/],
    [['--tcp-port', 'ninety'], /^confab: --tcp-port: .*"ninety".*hybrid\.tcp_port/],
    [['--udp-port', '-1'], /^confab: --udp-port: .*-1.*hybrid\.udp_port/],
    [
      ['--set', 'hybrid.udp_prot=1'],
      /^confab: --set: unknown setting "hybrid\.udp_prot"; did you mean "hybrid\.udp_port"\?$/,
    ],
    [['--set', 'hybrid.notices=perhaps'], /^confab: --set: .*"perhaps".*hybrid\.notices/],
    [['--set', 'hybrid.notices'], /^confab: --set hybrid\.notices: not of the form KEY=VALUE/],
  ];
  for (const [args, line] of cases) await expectRefusal(context, args, line);
});

test('a configuration file that is missing, broken, or knows a setting that nobody else does', async (context) => {
  const { path } = temporaryDirectory(context);
  const write = (name: string, text: string): string => {
    writeFileSync(join(path, name), text);
    return join(path, name);
  };
  const unknown = write('unknown.toml', '[hybrid]\ntpc_port = 9090\n');
  const broken = write('broken.toml', 'host = "127.0.0.1"\n[hybrid\n');
  const wrong = write('wrong.json', '{"limits": {"rooms": 0}}');
  const missing = join(path, 'missing.toml');
  const refusals: [string, string | RegExp][] = [
    [unknown, `${unknown}:2:1: unknown setting "hybrid.tpc_port"; did you mean "hybrid.tcp_port"?`],
    [broken, new RegExp(`^confab: ${broken}:2:\\d+: cannot parse configuration file: `)],
    [wrong, new RegExp(`^confab: ${wrong}(:\\d+:\\d+)?: invalid value 0 for limits\\.rooms: `)],
    [missing, `${missing}: cannot read configuration file: it does not exist`],
  ];
  for (const [file, line] of refusals) await expectRefusal(context, ['--config', file], line);
});
