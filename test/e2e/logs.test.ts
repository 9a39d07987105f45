import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { ServerProcess, TestServer } from '../support/server-process.ts';
import { fence, RawMember } from '../support/ucrp.ts';

test('the log goes to its file as JSON lines, and is whole when the server has stopped', async (context) => {
  const folder = temporaryDirectory(context);
  const file = join(folder.path, 'logs', 'confab.log');
  const server = folder.closing(
    await TestServer.start({
      data: folder.path,
      host: '0.0.0.0',
      settings: { 'log.file': file, 'log.level': 'debug' },
    }),
  );
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  await ann.send('__LEAVE__');
  const { code } = await server.process.end('SIGTERM');
  assert.equal(code, 0);
  assert.equal(server.process.stderr, '');
  const entries = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string; time: string });
  assert.ok(entries.some(({ msg }) => msg.includes('open to the network')));
  assert.ok(entries.some(({ msg }) => msg === 'member removed'));
  assert.ok(entries.some(({ msg }) => msg.startsWith('datagrams are sent and read ')));
  for (const { time } of entries) assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('what is said is in the conversation log only when asked for, which the server says at start', async (context) => {
  for (const isOn of [false, true]) {
    const folder = temporaryDirectory(context);
    const file = join(folder.path, 'conversation.log');
    const settings = isOn ? { 'log.conversation': file } : {};
    const server = folder.closing(await TestServer.start({ data: join(folder.path, 'data'), settings }));
    const ann = await RawMember.create(server, { room: 'the lobby', user: 'Ann' });
    const bob = await RawMember.join(server, { room: 'the lobby', user: 'Bob', dialect: 'object' });
    await bob.send('Hello,\nAnn');
    await ann.expectChat('Bob', 'Hello,\nAnn');
    await bob.expectChat('Bob', 'Hello,\nAnn');
    await fence(ann, [bob]);
    await server.process.end('SIGTERM');
    if (!isOn) {
      assert.deepEqual(readdirSync(folder.path), ['data']);
      assert.equal(server.process.stderr, '');
      continue;
    }
    assert.match(server.process.stderr, /log\.conversation: what people say is written to this file in clear/);
    const [first, second, ...rest] = readFileSync(file, 'utf8').split('\n');
    assert.match(first!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z the lobby Bob: Hello,\\nAnn$/);
    assert.match(second!, /^\S+Z the lobby Ann: fence \d+$/);
    assert.deepEqual(rest, ['']);
  }
});

test('a log that cannot be written is one clear line at start', async (context) => {
  const { path } = temporaryDirectory(context);
  writeFileSync(join(path, 'file'), '');
  mkdirSync(join(path, 'directory'));
  const log = join(path, 'same.log');
  const examples: [Record<string, string>, RegExp][] = [
    [{ 'log.file': join(path, 'file', 'confab.log') }, /set log\.file to a file that can be written$/],
    [{ 'log.file': join(path, 'directory') }, /it is not a regular file; set log\.file/],
    [{ 'log.conversation': join(path, 'directory') }, /it is not a regular file; set log\.conversation/],
    [{ 'log.file': log, 'log.conversation': log }, /log\.file and log\.conversation to the same file/],
  ];
  for (const [settings, expected] of examples) {
    const server = ServerProcess.spawn({ data: join(path, 'data'), settings });
    assert.equal((await server.exited()).code, 1);
    assert.match(server.stderr, /^confab: [^\n]+\n$/);
    assert.match(server.stderr.trimEnd(), expected);
    assert.equal(server.stdout, '');
  }
});

test('a log whose folder goes away costs lines and nothing else', async (context) => {
  const folder = temporaryDirectory(context);
  const logs = join(folder.path, 'logs');
  mkdirSync(join(folder.path, 'disk'));
  symlinkSync('disk', logs);
  const server = folder.closing(
    await TestServer.start({
      data: join(folder.path, 'data'),
      // Rotated at every line, so that it is missed at the next one.
      settings: { 'log.file': join(logs, 'confab.log'), 'log.level': 'debug', 'log.rotate_bytes': 1 },
    }),
  );
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  const bob = await RawMember.join(server, { room: 'lobby', user: 'Bob' });
  await fence(ann, [bob]);
  // In one step: a folder that is removed first may be made again by the line that is just being written.
  writeFileSync(join(folder.path, 'file'), 'no folder any more');
  renameSync(join(folder.path, 'file'), logs);
  for (const user of ['Eve', 'Mia', 'Zoe']) {
    const guest = await RawMember.join(server, { room: 'lobby', user });
    await guest.send('__LEAVE__');
    await fence(ann, [bob]);
  }
  assert.ok(server.process.isRunning);
  const { code } = await server.process.end('SIGTERM');
  assert.equal(code, 0);
  assert.match(
    server.process.stderr,
    /^confab: Cannot write to "[^\n]+": [^\n]+; lines are lost until it can be written\n$/,
  );
});
