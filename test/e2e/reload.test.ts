import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { TestServer } from '../support/server-process.ts';
import { fence, RawMember } from '../support/ucrp.ts';
import { eventually } from '../support/wait.ts';

async function start(context: TestContext, toml: string) {
  const folder = temporaryDirectory(context);
  const file = join(folder.path, 'confab.toml');
  writeFileSync(file, toml);
  const server = folder.closing(await TestServer.start({ data: join(folder.path, 'data'), args: ['--config', file] }));
  let seen = 0;
  return {
    server,
    folder: folder.path,
    /** Change the file, ask for it to be read, and wait for a line of the log. What was logged since the last time. */
    async reload(text: string, until: RegExp): Promise<string> {
      writeFileSync(file, text);
      process.kill(server.process.pid, 'SIGHUP');
      await eventually(() => until.test(server.process.stderr.slice(seen)), `${until} in the log`);
      const news = server.process.stderr.slice(seen);
      seen += news.length;
      return news;
    },
  };
}

test('SIGHUP applies what can change while the server runs, without anybody noticing', async (context) => {
  const { server, reload } = await start(context, '[limits]\nmessage_bytes = 10\n');
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  const bob = await RawMember.join(server, { room: 'lobby', user: 'Bob' });
  await ann.send('twelve bytes');
  await ann.expectChat('system', 'Message not delivered: 12 bytes exceed 10');

  const text = '[limits]\nmessage_bytes = 12\n[hybrid]\nnotices = true\n';
  const log = await reload(text, /"needsRestart"/);
  const entry = JSON.parse(log.trimEnd()) as Record<string, unknown>;
  assert.deepEqual(entry.applied, ['hybrid.notices', 'limits.message_bytes']);
  assert.deepEqual(entry.needsRestart, []);
  await ann.send('twelve bytes');
  await bob.expectChat('Ann', 'twelve bytes');
  // Who joins from now on is told of others.
  const eve = await RawMember.join(server, { room: 'lobby', user: 'Eve' });
  await fence(ann, [bob, eve]);
  const mia = await RawMember.join(server, { room: 'lobby', user: 'Mia' });
  await eve.expectChat('system', 'Mia joined');
  mia.peer.close();
  assert.ok(server.process.isRunning);
});

test('SIGHUP says of each setting that cannot change, every time, and leaves it as it was', async (context) => {
  const { server, reload } = await start(context, '');
  const text = 'host = "0.0.0.0"\n[stage1]\nudp_port = 4\n[client]\nuser = "Ann"\n[limits]\nrooms = 1\n';
  for (const applied of [['limits.rooms'], []]) {
    const log = await reload(text, /stage1\.udp_port cannot change without a restart/);
    const [entry, ...lines] = log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(entry!.applied, applied);
    // The host was said on the command line, which wins over the file, now as before.
    assert.deepEqual(entry!.needsRestart, ['stage1.udp_port']);
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['reload: stage1.udp_port cannot change without a restart'],
    );
  }
  await RawMember.create(server, { room: 'one', user: 'Ann' });
  await assert.rejects(RawMember.create(server, { room: 'two', user: 'Ann' }));
});

test('an invalid file changes nothing at all, and the log says all that is wrong with it', async (context) => {
  const { server, reload, folder } = await start(context, '');
  const log = await reload(
    '[limits]\nmessage_bytes = 1\nromms = 3\n[hybrid]\nnotices = 7\n',
    /all settings stay as they were/,
  );
  assert.match(log, /confab\.toml:3:1: unknown setting \\"limits\.romms\\"; did you mean \\"limits\.rooms\\"\?/);
  assert.match(log, /confab\.toml:5:1: invalid value 7 for hybrid\.notices: allowed is true or false/);
  const second = await reload(`[limits]\nmessage_bytes = 1\n[log]\nconversation = "${folder}"\n`, /stay as they were/);
  assert.match(second, /it is not a regular file; set log\.conversation/);
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  const bob = await RawMember.join(server, { room: 'lobby', user: 'Bob' });
  await fence(ann, [bob]);
});

test('the log level, the conversation log and the trace can be turned on and off', async (context) => {
  const { server, reload, folder } = await start(context, '');
  const conversation = join(folder, 'conversation.log');
  const on = `[log]\nlevel = "debug"\nconversation = "${conversation}"\n[trace]\nenabled = true\ntcp_port = 0\n`;
  const log = await reload(on, /"needsRestart"/);
  assert.match(log, /in clear, outside the store/);
  assert.match(log, /can watch the plaintext wires, with tokens and passwords masked/);
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  const bob = await RawMember.join(server, { room: 'lobby', user: 'Bob' });
  await ann.send('kept');
  await bob.expectChat('Ann', 'kept');
  await bob.send('__LEAVE__');
  await eventually(() => server.process.stderr.includes('member removed'), 'a line of level debug');
  await reload('', /"needsRestart"/);
  const eve = await RawMember.join(server, { room: 'lobby', user: 'Eve' });
  await fence(ann, [eve]);
  assert.match(readFileSync(conversation, 'utf8'), /^\S+ lobby Ann: kept\n$/);
});

test('SIGHUP stops nothing, and SIGTERM does as ever', async (context) => {
  const { server, reload } = await start(context, '');
  for (let times = 0; times < 3; times += 1) await reload('', /"needsRestart":\[\]/);
  assert.deepEqual(await server.process.end('SIGTERM'), { code: 0, signal: null });
});
