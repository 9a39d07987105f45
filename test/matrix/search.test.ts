/** Searching with the client library, over each wire that can, on a whole server. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  type ConnectOptions,
  connect,
  ephemeralDeviceKey,
  knownServersInMemory,
  type LinkOptions,
  type SearchPage,
  type Session,
} from '@confab/client';
import { afterwards, temporaryDirectory } from '@confab/testing';
import { startTestServer, type TestServer, type TestServerOptions } from '@confab/testing/test-server';

const WIRES = ['jsonl', 'ws', 'jsonu', 'confab'] as const;

async function open(context: TestContext, settings: TestServerOptions['settings'] = {}) {
  const server = await startTestServer(context, { wires: ['json_lines', 'json_datagrams', 'http', 'link'], settings });
  const join = async (
    scheme: string,
    user: string,
    room = 'lobby',
    more?: Partial<ConnectOptions>,
  ): Promise<Session> => {
    const session = await connect(urlOf(server, scheme, room), { user, link: link(), ...more });
    afterwards(context, () => session.leave());
    return session;
  };
  return { server, join };
}

/** Nothing of it on this machine's disk. */
const link = (): LinkOptions => ({
  deviceKey: ephemeralDeviceKey(),
  knownServers: knownServersInMemory(),
  outbox: 'memory',
});

function urlOf({ ports }: TestServer, scheme: string, room: string): string {
  const protocol = scheme === 'jsonu' ? 'udp' : 'tcp';
  const port = ports.port(scheme, protocol);
  return `${scheme}://127.0.0.1:${port}/${room}`;
}

const textsOf = ({ messages }: SearchPage): string[] => messages.map(({ user, text }) => `${user}: ${text}`);

for (const kind of ['sqlite', 'memory'] as const) {
  describe(`With the ${kind} store`, () => {
    for (const scheme of WIRES) {
      test(`${scheme}:// finds what was said a moment ago, on whatever wire`, async (context) => {
        const { join } = await open(context, { 'store.kind': kind });
        const ann = await join('jsonl', 'Ann');
        const bob = await join(scheme, 'Bob');
        assert.ok(bob.abilities.has('search'));
        const eve = await join(scheme, 'Eve', 'elsewhere');
        for (const text of ['Grüße, all', 'bye', 'greetings: GRUSSE']) await ann.send(text);
        await bob.send('grüsse zurück');
        const first = await bob.search('grusse', { limit: 2 });
        assert.deepEqual(textsOf(first), ['Bob: grüsse zurück', 'Ann: greetings: GRUSSE']);
        assert.equal(first.unsearched, 0);
        const second = await bob.search('grusse', { limit: 2, before: first.before });
        assert.deepEqual([textsOf(second), second.before], [['Ann: Grüße, all'], undefined]);
        assert.ok(Math.abs(second.messages[0]!.timeMs - Date.now()) < 600_000);
        assert.deepEqual(textsOf(await eve.search('grusse')), []);
        await assert.rejects(bob.search('"'), { code: 'QUERY_INVALID' });
      });
    }
  });
}

test('a server that keeps no index says so', async (context) => {
  const { join } = await open(context, { 'search.enabled': false });
  for (const scheme of WIRES) {
    const session = await join(scheme, `Ann on ${scheme}`);
    await assert.rejects(session.search('hello'), { code: 'SERVER_ERROR' });
  }
});

test('what a datagram has no place for comes with the next page', async (context) => {
  const { join } = await open(context);
  const ann = await join('jsonl', 'Ann');
  for (let index = 0; index < 6; index += 1) await ann.send(`hello ${index} ${'x'.repeat(400)}`);
  await ann.send(`hello long ${'x'.repeat(3000)}`);
  const bob = await join('jsonu', 'Bob');
  // Longer than what an address that was heard but once may be sent.
  await bob.send('here I am');
  const found: string[] = [];
  let before: number | undefined;
  let pages = 0;
  do {
    const page = await bob.search('hello', { before });
    found.push(...page.messages.map(({ text }) => text.split(' ')[1]!));
    ({ before } = page);
    pages += 1;
  } while (before !== undefined);
  assert.deepEqual(found, ['long', '5', '4', '3', '2', '1', '0']);
  assert.ok(pages > 2);
});

test('who left, and whoever comes into a room of the same name made anew, finds nothing of the old one', async (context) => {
  const { server, join } = await open(context);
  const { hub } = server.running;
  const host = await hub.create({ room: 'den', user: 'Host', address: '127.0.0.1', password: 'sesame' });
  const ann = await join('jsonl', 'Ann', 'den', { password: 'sesame' });
  await ann.send('a secret');
  assert.deepEqual(textsOf(await ann.search('secret')), ['Ann: a secret']);
  await assert.rejects(join('jsonl', 'Bob', 'den'), { code: 'UNAUTHORIZED' });
  hub.leave(host.member);
  await ann.closed;
  const bob = await join('jsonl', 'Bob', 'den');
  assert.deepEqual(textsOf(await bob.search('secret')), []);
});

test('the index goes on after a restart, and may be deleted while the server is stopped', async (context) => {
  const { path } = temporaryDirectory(context);
  const say = async (text: string): Promise<SearchPage> => {
    const { server, join: enter } = await open(context, { data: path });
    const ann = await enter('jsonl', 'Ann');
    await ann.send(text);
    const page = await ann.search('hello');
    await ann.leave();
    await server.stop();
    return page;
  };
  assert.deepEqual(textsOf(await say('hello one')), ['Ann: hello one']);
  assert.deepEqual(textsOf(await say('hello two')), ['Ann: hello two', 'Ann: hello one']);
  assert.deepEqual(
    readdirSync(path).filter((name) => name.startsWith('search')),
    ['search.db'],
  );
  rmSync(join(path, 'search.db'));
  assert.deepEqual(textsOf(await say('hello three')), ['Ann: hello three', 'Ann: hello two', 'Ann: hello one']);
});
