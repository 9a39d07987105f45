/** `confab chat confab://…` as a process, with a server that is one too. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { testAuthority } from '@confab/testing/certificate-authority';
import { reservePorts } from '@confab/testing/reserve-ports';
import { ConfabProcess, confabProgram } from '@confab/testing/run-confab';
import { Tmux, withoutTmux } from '@confab/testing/tmux';

interface Server {
  readonly process: ConfabProcess;
  /** As it prints it. */
  readonly url: string;
  readonly port: number;
}

/** @param port 0: any; to be started again it needs one that is reserved */
async function serve(context: TestContext, data: string, port = 0, more: readonly string[] = []): Promise<Server> {
  const settings = ['hybrid.enabled=false', 'link.enabled=true', `link.tcp_port=${port}`, 'link.udp_port=0', ...more];
  const flags = settings.flatMap((setting) => ['--set', setting]);
  const process = new ConfabProcess(context, ['serve', '--data', data, ...flags]);
  const [, url] = await process.sees(/Join encrypted: npx confab chat '(\S+)' --user/);
  return { process, url: url!, port: Number(new URL(url!).port) };
}

/** Where a user's files are: not those of whoever runs the tests. */
const homeOf = (folder: string) => ({ XDG_CONFIG_HOME: join(folder, 'config'), XDG_STATE_HOME: join(folder, 'state') });

function chat(context: TestContext, folder: string, url: string, user: string, more: string[] = [], input?: string) {
  const options = { env: homeOf(join(folder, user)), ...(input === undefined ? {} : { input }) };
  return new ConfabProcess(context, ['chat', url, '--user', user, ...more], options);
}

test('the URL that the server prints leads into its room', async (context) => {
  const { path } = temporaryDirectory(context);
  const { url } = await serve(context, join(path, 'data'));
  const ann = chat(context, path, url, 'Ann');
  await ann.sees(/Joined "lobby" as Ann/, 'stderr');
  const bob = chat(context, path, url, 'Bob', ['--path', 'tcp'], 'one\ntwo\n');
  assert.equal(await bob.end(), 0);
  await ann.sees(/Bob: one\nBob: two\n/);
  assert.doesNotMatch(bob.stderr, /new to you/);
});

test('a server without a pin is shown at first, and refused when its key has changed', async (context) => {
  const { path } = temporaryDirectory(context);
  const first = await serve(context, join(path, 'data'), (await reservePorts()).tcpPort);
  const url = `confab://127.0.0.1:${first.port}/lobby`;
  const [met, again] = [chat(context, path, url, 'Ann', [], ''), () => chat(context, path, url, 'Ann', [], '')];
  assert.equal(await met.end(), 0);
  assert.match(met.stderr, new RegExp(`new to you; its fingerprint is ${new URL(first.url).searchParams.get('pin')}`));
  const known = again();
  assert.equal(await known.end(), 0);
  assert.doesNotMatch(known.stderr, /new to you/);
  await first.process.close();
  await serve(context, join(path, 'other'), first.port);
  const warned = again();
  assert.equal(await warned.end(), 1);
  assert.match(warned.stderr, /has another key than expected.*Nothing was sent/s);
});

test('with ?trust=ca a certificate of an authority that the system trusts needs no pin', async (context) => {
  const { path } = temporaryDirectory(context);
  const authority = testAuthority();
  const { certificate, key } = authority.issue('localhost');
  const files = { ca: authority.certificate, certificate, key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, `${name}.pem`), text, { mode: 0o600 });
  const given = [`link.certificate=${join(path, 'certificate.pem')}`, `link.key=${join(path, 'key.pem')}`];
  const { port } = await serve(context, join(path, 'data'), 0, given);
  const enter = (host: string, env: Record<string, string>) =>
    new ConfabProcess(context, ['chat', `confab://${host}:${port}/lobby?trust=ca`, '--user', 'Ann'], {
      env: { ...homeOf(join(path, 'Ann')), ...env },
      input: 'hello\n',
    });
  const trusting = { NODE_EXTRA_CA_CERTS: join(path, 'ca.pem') };
  const ann = enter('localhost', trusting);
  assert.equal(await ann.end(), 0, ann.stderr);
  assert.match(ann.stdout, /Ann: hello\n$/);
  assert.doesNotMatch(ann.stderr, /new to you/);
  for (const [host, env] of [
    ['127.0.0.1', trusting],
    ['localhost', {}],
  ] as const) {
    const refused = enter(host, env);
    assert.equal(await refused.end(), 1);
    assert.match(refused.stderr, /certificate/i);
  }
});

test('a client that is started without its server waits for it, and sends what was typed meanwhile', async (context) => {
  const { path } = temporaryDirectory(context);
  const data = join(path, 'data');
  const first = await serve(context, data, (await reservePorts()).tcpPort);
  const met = chat(context, path, first.url, 'Ann', [], '');
  assert.equal(await met.end(), 0);
  await first.process.close();
  const ann = chat(context, path, first.url, 'Ann');
  await ann.sees(/Not in "lobby" yet; what you say is kept/, 'stderr');
  ann.type('early\n');
  await ann.sees(/Queued.*"early"/, 'stderr');
  const script = chat(context, path, first.url, 'Bob', [], '');
  assert.equal(await script.end(), 0);
  await serve(context, data, first.port);
  await ann.sees(/Ann: early\n/);
  assert.match(ann.stderr, /The server answers again/);
});

test('what a killed client has not got through is sent by the next one, once', async (context) => {
  const { path } = temporaryDirectory(context);
  const data = join(path, 'data');
  const first = await serve(context, data, (await reservePorts()).tcpPort);
  const ann = chat(context, path, first.url, 'Ann');
  ann.type('before\n');
  await ann.sees(/Ann: before\n/);
  await first.process.close();
  await ann.sees(/cannot be reached/, 'stderr');
  ann.type('meanwhile\n');
  await ann.sees(/Queued.*"meanwhile"/, 'stderr');
  await ann.close();
  const second = await serve(context, data, first.port);
  const bob = chat(context, path, second.url, 'Bob');
  const next = chat(context, path, second.url, 'Ann', [], 'after\n');
  assert.equal(await next.end(), 0);
  await bob.sees(/Ann: after\n/);
  assert.match(bob.stdout, /Ann: meanwhile\n(?:\* .*\n)*Ann: after\n/);
  assert.equal(bob.stdout.match(/Ann: meanwhile/g)?.length, 1);
});

test('at a terminal, /link shows the link, and what is typed while the server is away is sent later', {
  skip: withoutTmux,
}, async (context) => {
  const { path } = temporaryDirectory(context);
  const data = join(path, 'data');
  const first = await serve(context, data, (await reservePorts()).tcpPort);
  const home = Object.entries(homeOf(path)).map(([name, value]) => `${name}=${value}`);
  const command = ['env', ...home, process.execPath, confabProgram, 'chat', first.url, '--user', 'Ann'];
  const terminal = await Tmux.start(context, command, { columns: 110, rows: 40 });
  await terminal.sees(/Joined "lobby"/);
  await terminal.sees(/The link goes over UDP \(UDP works both ways\)/);
  await terminal.type('/help');
  await terminal.press('Enter');
  await terminal.sees(/\/link +which path/);
  await terminal.type('/link');
  await terminal.press('Enter');
  const screen = await terminal.sees(/your name +verified/);
  assert.match(screen, /path +udp \(proved\); tcp up, udp up/);
  assert.match(screen, /round trip +\d+\.\d ms, least/);
  await first.process.close();
  await terminal.sees(/cannot be reached/);
  await terminal.type('are you there?');
  await terminal.press('Enter');
  await terminal.sees(/Queued.*"are you there\?"/);
  await serve(context, data, first.port);
  await terminal.sees(/The server answers again/);
  await terminal.sees(/! Sent: "are you there\?"/);
  await terminal.type('/quit');
  await terminal.press('Enter');
  await terminal.sees(/\[exit code 0\]/);
});
