import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { afterwards, temporaryDirectory } from '@confab/testing';
import { reservePorts } from '@confab/testing/reserve-ports';
import { startTestServer } from '@confab/testing/test-server';
import { connect } from '../../connect.ts';
import { MemoryOutbox } from '../../outbox/memory.ts';
import { enter, options, Reader, urlOf } from './fixtures/chatters.ts';
import { knownServersInMemory } from './index.ts';
import type { LinkOptions } from './options.ts';

/** A server that was met once and is gone, with what a client keeps of it. */
async function metBefore(context: TestContext) {
  const { path: data } = temporaryDirectory(context);
  const { tcpPort: port } = await reservePorts();
  const restart = () => startTestServer(context, { wires: ['link'], data, settings: { 'link.tcp_port': port } });
  const first = await restart();
  const url = urlOf(first);
  const link = { ...options(), startOffline: true };
  const bob = await enter(context, url, 'Bob', link);
  await bob.session.leave();
  await first.stop();
  const start = async (more: LinkOptions = {}, where = url) => {
    const session = await connect(where, { user: 'Bob', link: { ...link, ...more } });
    afterwards(context, () => session.leave());
    return { session, reader: new Reader(session) };
  };
  return { url, port, restart, start };
}

describe('A session of confab:// that begins without its server', () => {
  it('keeps what is said, and is in its room with all of it when the server is there', async (context) => {
    const { url, restart, start } = await metBefore(context);
    const { session, reader } = await start();
    assert.deepEqual([session.isReachable, session.room, session.role], [false, 'lobby', 'member']);
    assert.partialDeepStrictEqual(session.link, { paths: { tcp: 'down', udp: 'down' }, isVerified: false });
    void session.send('one').catch(() => {});
    void session.send('two').catch(() => {});
    await reader.until((event) => event.type === 'outbox' && event.state === 'queued' && event.text === 'two');
    assert.equal(session.outbox?.pendingCount, 2);
    for (const asking of [session.users(), session.rooms(), session.keys(), session.join('den')]) {
      await assert.rejects(asking, { code: 'CONNECT_FAILED' });
    }
    session.typing(true);
    await restart();
    await reader.until((event) => event.type === 'reachability' && event.isReachable);
    await reader.until((event) => event.type === 'entered' && event.room === 'lobby');
    await reader.says('two');
    assert.deepEqual([session.isReachable, session.outbox?.pendingCount], [true, 0]);
    const ann = await enter(context, url, 'Ann', { knownServers: knownServersInMemory() });
    await ann.reader.says('two');
    assert.deepEqual(ann.reader.texts, ['one', 'two']);
    assert.deepEqual(await session.users(), ['Bob', 'Ann']);
  });

  it('leaves what was said in the outbox when it is left before', async (context) => {
    const { start } = await metBefore(context);
    const outbox = new MemoryOutbox();
    const { session } = await start({ outbox });
    const sending = session.send('later');
    await session.leave();
    await assert.rejects(sending, { code: 'SEND_UNCERTAIN' });
    assert.equal((await session.closed).reason, 'left');
    assert.equal(outbox.pendingCount, 1);
  });

  it('is over when the server that comes is another one, or takes it no more', async (context) => {
    const { port, start } = await metBefore(context);
    const { session } = await start();
    const settings = { 'link.tcp_port': port };
    const other = await startTestServer(context, { wires: ['link'], settings });
    const { reason, text } = await session.closed;
    assert.equal(reason, 'lost');
    assert.match(text, /another key than expected/);
    await other.stop();
  });

  it('is over when its room cannot be joined as it was to be', async (context) => {
    const { url, restart } = await metBefore(context);
    const link = options();
    const server = await restart();
    const ann = await enter(context, url, 'Ann', link);
    await ann.session.leave();
    await server.stop();
    const none = url.replace('/lobby', '/none');
    const session = await connect(none, { user: 'Ann', entry: 'join', link: { ...link, startOffline: true } });
    afterwards(context, () => session.leave());
    await restart();
    const { reason, text } = await session.closed;
    assert.equal(reason, 'lost');
    assert.match(text, /Cannot join room "none"/);
  });

  it('does not begin where the server was never met, nor unless it is asked for; with a pin it does', async (context) => {
    const { url, start } = await metBefore(context);
    await assert.rejects(start({ knownServers: knownServersInMemory() }), { code: 'CONNECT_FAILED' });
    await assert.rejects(start({ startOffline: false }), { code: 'CONNECT_FAILED' });
    await assert.rejects(start({}, `${url}?trust=ca`), { code: 'CONNECT_FAILED' });
    const pinned = await start({ knownServers: knownServersInMemory() }, `${url}?pin=${'A'.repeat(43)}`);
    assert.equal(pinned.session.isReachable, false);
  });

  it('begins, too, when the network swallows everything', async (context) => {
    const { port } = await metBefore(context);
    // Takes connections and says nothing.
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    afterwards(context, () => void silent.close());
    silent.on('connection', (socket) => afterwards(context, () => void socket.destroy()));
    const session = await connect(`confab://127.0.0.1:${port}/lobby?pin=${'A'.repeat(43)}`, {
      user: 'Bob',
      connectTimeoutMs: 50,
      link: { ...options(), startOffline: true },
    });
    assert.equal(session.isReachable, false);
    await session.leave();
  });
});
