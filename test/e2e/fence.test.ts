/** Two processes on one data folder: the lock keeps the second one out, and where it cannot, the first one notices. */
import assert from 'node:assert/strict';
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { ServerProcess, TestServer } from '../support/server-process.ts';
import { CREATE, requestEntry } from '../support/tcrp.ts';
import { fence, RawMember } from '../support/ucrp.ts';

/** Two servers that both believe that the data folder is theirs: somebody has removed the lock file. */
async function twoServers(context: TestContext, settings: Record<string, string> = {}) {
  const folder = temporaryDirectory(context);
  const data = join(folder.path, 'data');
  const first = folder.closing(await TestServer.start({ data, settings }));
  const ann = await RawMember.create(first, { room: 'lobby', user: 'Ann' });
  const third = ServerProcess.spawn({ data });
  assert.deepEqual(await third.exited(), { code: 1, signal: null });
  assert.match(third.stderr, /in use by another confab/);
  unlinkSync(join(data, 'confab.lock'));
  const second = folder.closing(await TestServer.start({ data }));
  return { first, second, ann, folder };
}

test('a server whose database another process has taken says so in one line, and stops with exit code 1', async (context) => {
  const { first, second, ann } = await twoServers(context);
  const bob = await RawMember.join(second, { room: 'lobby', user: 'Bob' });
  // Whatever is to be written makes the first one look.
  await ann.send('is anybody there?');
  assert.deepEqual(await first.process.exited(), { code: 1, signal: null });
  assert.match(
    first.process.stderr,
    /^confab: Another process has taken the database of this data folder and writes to it; this server has stopped \(STORE_FENCED\)\n$/,
  );
  assert.doesNotMatch(first.process.stdout, /rooms and tokens are kept/);

  // The other one goes on, and so does its log.
  const eve = await RawMember.join(second, { room: 'lobby', user: 'Eve' });
  await fence(bob, [eve]);
  assert.deepEqual(await second.process.end('SIGTERM'), { code: 0, signal: null });
});

test('it does so before anybody has written over the other, and writes it to its log file, too', async (context) => {
  const { path } = temporaryDirectory(context);
  const file = join(path, 'confab.log');
  const { first, second } = await twoServers(context, { 'log.file': file });
  const { isAccepted } = await requestEntry(first, CREATE, { room: 'cellar', user: 'Eve' });
  assert.equal(isAccepted, false);
  assert.deepEqual(await first.process.exited(), { code: 1, signal: null });
  assert.match(readFileSync(file, 'utf8'), /Another process has taken the database/);
  assert.equal((await requestEntry(second, CREATE, { room: 'cellar', user: 'Eve' })).isAccepted, true);
});
