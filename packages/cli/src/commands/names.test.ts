import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, ephemeralDeviceKey, knownServersInMemory } from '@confab/client';
import { temporaryDirectory } from '@confab/testing';
import { FakeIo } from '@confab/testing/fake-io';
import { startTestServer } from '@confab/testing/test-server';
import { run } from '../program.ts';

async function confab(...args: readonly string[]) {
  const io = new FakeIo({ input: '' });
  const code = await run(args, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

test('names are listed beside a running server, and freed when it is stopped', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const server = await startTestServer(context, { wires: ['link'], data });
  assert.match((await confab('names', '--data', data)).out, /^No user name belongs/);
  const deviceKey = ephemeralDeviceKey();
  const session = await connect(`confab://127.0.0.1:${server.ports.port('confab', 'tcp')}/lobby`, {
    user: 'Ann\u202e',
    link: { deviceKey, knownServers: knownServersInMemory(), outbox: 'memory' },
  });
  await session.leave();
  const listed = await confab('names', '--data', data);
  assert.match(
    listed.out,
    new RegExp(`^NAME.*\\nAnn +${deviceKey.text} +[-\\d]+ [:\\d]+ +[-\\d]+ [:\\d]+ +127\\.0\\.0\\.1\\n$`),
  );
  const { user, address } = JSON.parse((await confab('names', '--data', data, '--json')).out);
  assert.deepEqual([user, address], ['Ann\u202e', '127.0.0.1']);
  const inUse = await confab('names', 'free', 'Ann\u202e', '--data', data);
  assert.deepEqual([inUse.code, /in use/.test(inUse.err)], [1, true]);
  await server.stop();
  assert.match((await confab('names', 'free', 'Bob', '--data', data)).err, /belongs to no device key/);
  assert.match((await confab('names', 'free', 'Ann\u202e', '--key', 'x', '--data', data)).err, /not belong to that/);
  assert.equal((await confab('names', 'free', 'Ann\u202e', '--data', data)).out, 'The name "Ann" is nobody’s now.\n');
  assert.match((await confab('names', '--data', data)).out, /^No user name/);
});

test('a folder without a log is told of', async (context) => {
  const { path } = temporaryDirectory(context);
  const { code, err } = await confab('names', '--data', path);
  assert.deepEqual([code, /No log in data folder/.test(err)], [1, true]);
});
