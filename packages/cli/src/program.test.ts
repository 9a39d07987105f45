import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeIo } from '@confab/testing/fake-io';
import { ExitCode } from './exit-codes.ts';
import { run } from './program.ts';

async function runWith(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo({ input: '' });
  const code = await run(args, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

test('--version and --help succeed on standard output', async () => {
  assert.match((await runWith('--version')).out, /^confab \d+\.\d+\.\d+\n$/);
  for (const args of [
    ['--help'],
    ['help', 'serve'],
    ...['serve', 'client', 'chat', 'log', 'trace', 'config'].map((name) => [name, '--help']),
  ]) {
    const { code, out, err } = await runWith(...args);
    assert.equal(code, ExitCode.OK);
    assert.match(out, /Usage: confab/);
    assert.match(out, /Examples:\n/);
    assert.equal(err, '');
  }
});

test('the help of each command tells its exit codes', async () => {
  for (const name of ['serve', 'client', 'chat', 'log', 'trace', 'config'])
    assert.match((await runWith(name, '--help')).out, /Exit codes: 0 /);
});

test('wrong usage is exit code 2, with a suggestion where there is one', async () => {
  const examples: [string[], RegExp][] = [
    [['sreve'], /^confab: unknown command 'sreve'\n\(Did you mean serve\?\)\n$/],
    [['chat', 'ucrp://h/r', '--usr', 'Ann'], /^confab: unknown option '--usr'\n\(Did you mean --user\?\)\n$/],
    [['chat'], /^confab: No URL: give one, such as ucrp:\/\//],
    [['chat', '--config', '/does/not/exist.toml'], /^confab: \/does\/not\/exist\.toml: cannot read configuration/],
    [['client', '--config', '/does/not/exist.toml'], /^confab: \/does\/not\/exist\.toml: cannot read configuration/],
    [['chat', 'ucrp://h/r', 'more'], /too many arguments/],
    [['chat', 'ucrp://h/r', '--create', '--join'], /cannot be used with/],
    [['chat', 'ucrp://h/r', '--user', ' '], /must not be empty/],
    [['chat', 'ucrp://h/r', '--password-file', '/does/not/exist'], /^confab: Cannot read password file/],
    [['chat', 'nonsense'], /^confab: Cannot connect to "nonsense": not a URL/],
    [['chat', 'gopher://h/r'], /^confab: Cannot connect to "gopher:\/\/h\/r": unknown scheme/],
    [['client', '--tcp-port', '70000'], /A port is a number from 1 to 65535/],
    [['client', '--create', 'a', '--join', 'b'], /cannot be used with/],
    [['serve', '--tcp-port', 'abc'], /^confab: --tcp-port: invalid value "abc" for hybrid\.tcp_port/],
    [['serve', '--set', 'nonsense'], /^confab: --set nonsense: not of the form KEY=VALUE/],
    [['serve', '--set', 'hybrid.tcp_prot=1'], /did you mean "hybrid\.tcp_port"/],
    [
      ['serve', '--config', '/does/not/exist.toml'],
      /^confab: \/does\/not\/exist\.toml: cannot read configuration file/,
    ],
    [['serve', '--log-level', 'loud'], /log\.level/],
    [['serve', 'more'], /too many arguments/],
    [['log', '--config', '/does/not/exist.toml'], /^confab: \/does\/not\/exist\.toml: cannot read configuration file/],
  ];
  for (const [args, expected] of examples) {
    const { code, out, err } = await runWith(...args);
    assert.match(err, expected);
    assert.equal(code, ExitCode.USAGE, args.join(' '));
    assert.equal(out, '');
  }
});

test('without a command it says how to use it', async () => {
  const { code, err } = await runWith();
  assert.equal(code, ExitCode.USAGE);
  assert.match(err, /Usage: confab/);
});
