import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { type ServerOptions, ServerProcess, TestServer } from '../support/server-process.ts';
import { fence, RawMember } from '../support/ucrp.ts';

const CANNOT_START = 1;
const WRONG_USAGE = 2;

/** The server must not start, and say why in this one line. */
async function expectRefusal(options: ServerOptions, code: number, line: string | RegExp): Promise<void> {
  const server = ServerProcess.spawn(options);
  const status = await server.exited();
  const text = `${server.stdout}${server.stderr}`;
  assert.deepEqual(status, { code, signal: null }, text);
  assert.equal(server.stdout, '');
  const lines = server.stderr.split('\n');
  assert.equal(lines.length, 2, `one line: ${text}`);
  assert.equal(lines[1], '');
  if (typeof line === 'string') assert.equal(lines[0], `confab: ${line}`);
  else assert.match(lines[0]!, line);
}

test('a busy TCP port', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const other = createServer().listen(0, '127.0.0.1');
  context.after(() => other.close());
  await once(other, 'listening');
  const { port: tcpPort } = other.address() as AddressInfo;
  await expectRefusal(
    { data, tcpPort },
    CANNOT_START,
    `Cannot listen on tcp 127.0.0.1:${tcpPort}: the port is busy; stop the program that uses it or set hybrid.tcp_port (--tcp-port) to another`,
  );
});

test('a busy UDP port', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const other = createSocket('udp4').bind(0, '127.0.0.1');
  context.after(() => other.close());
  await once(other, 'listening');
  const { port: udpPort } = other.address();
  await expectRefusal(
    { data, udpPort },
    CANNOT_START,
    `Cannot listen on udp 127.0.0.1:${udpPort}: the port is busy; stop the program that uses it or set hybrid.udp_port (--udp-port) to another`,
  );
});

test('a busy port of the second pair: the server starts without it when nobody asked for it, and says so', async (context) => {
  const folder = temporaryDirectory(context);
  const other = createServer();
  context.after(() => other.close());
  other.listen(12_346, '127.0.0.1');
  // Taken already, by us or by somebody else: either will do.
  await Promise.race([once(other, 'listening'), once(other, 'error')]).catch(() => {});
  const start = TestServer.start({
    data: folder.path,
    settings: { 'hybrid.alternate.enabled': true, 'hybrid.alternate.udp_port': 0 },
  });
  await assert.rejects(start, /Cannot listen on tcp 127\.0\.0\.1:12346: the port is busy/);

  const server = folder.closing(
    ServerProcess.spawn({ data: folder.path, settings: { 'hybrid.alternate.enabled': true } }),
  );
  const [main] = await server.listening(1);
  const ann = await RawMember.create(main!, { room: 'lobby', user: 'Ann' });
  const bob = await RawMember.join(main!, { room: 'lobby', user: 'Bob' });
  await fence(ann, [bob]);
  assert.match(
    server.stderr,
    /127\.0\.0\.1:12346: the port is busy.*programs that look there will not find this server/,
  );
});

test('an address that is not of this machine, and a name that does not resolve', async (context) => {
  const { path: data } = temporaryDirectory(context);
  await expectRefusal(
    { data, host: '192.0.2.1' },
    CANNOT_START,
    'Cannot listen on tcp 192.0.2.1:0: not an address of this machine; give --host one that is, such as 127.0.0.1',
  );
  await expectRefusal(
    { data, host: 'no-such-host.invalid' },
    CANNOT_START,
    'Cannot listen on "no-such-host.invalid": the name does not resolve; give --host an address of this machine, such as 127.0.0.1',
  );
});

test('a name for this machine is an address of it', async (context) => {
  const folder = temporaryDirectory(context);
  const server = folder.closing(await TestServer.start({ data: folder.path, host: 'localhost' }));
  assert.equal(server.address, '127.0.0.1');
});

test('a port that is no port', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const wrong = /^confab: --tcp-port: .*70000.*hybrid\.tcp_port/;
  await expectRefusal({ data, args: ['--tcp-port', '70000'] }, WRONG_USAGE, wrong);
});

test('a data folder that cannot be used', async (context) => {
  const { path } = temporaryDirectory(context);
  writeFileSync(`${path}/file`, '');
  await expectRefusal(
    { data: `${path}/file` },
    CANNOT_START,
    /^confab: Cannot use data folder ".*file": .*choose another with --data$/,
  );
  writeFileSync(`${path}/confab.db`, 'This is not a database, and long enough to be seen as none. '.repeat(100));
  await expectRefusal({ data: path }, CANNOT_START, new RegExp(`^confab: .*data folder "${path}".*--data`, 'i'));
});

test('a data folder that may not be written', async (context) => {
  if (process.getuid?.() === 0) return context.skip('root may write anywhere');
  const { path } = temporaryDirectory(context);
  mkdirSync(`${path}/locked`);
  chmodSync(`${path}/locked`, 0o500);
  await expectRefusal(
    { data: `${path}/locked` },
    CANNOT_START,
    /^confab: Cannot use data folder ".*locked": .*choose another with --data$/,
  );
});

test('a configuration file that knows a setting that nobody else does', async (context) => {
  const { path } = temporaryDirectory(context);
  const file = `${path}/unknown.toml`;
  writeFileSync(file, '[hybrid]\ntpc_port = 9090\n');
  const wrong = `${file}:2:1: unknown setting "hybrid.tpc_port"; did you mean "hybrid.tcp_port"?`;
  await expectRefusal({ data: `${path}/data`, args: ['--config', file] }, WRONG_USAGE, wrong);
});

test('a configuration file sets what no flag sets', async (context) => {
  const folder = temporaryDirectory(context);
  const file = `${folder.path}/confab.toml`;
  writeFileSync(file, '[hybrid]\ntcp_port = 1\nnotices = true\n');
  const server = folder.closing(await TestServer.start({ data: `${folder.path}/data`, args: ['--config', file] }));
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  await RawMember.join(server, { room: 'lobby', user: 'Bob' });
  await ann.expectChat('system', 'Bob joined');
});
