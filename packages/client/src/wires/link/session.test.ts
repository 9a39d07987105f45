import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entry, temporaryDirectory } from '@confab/testing';
import { reservePorts } from '@confab/testing/reserve-ports';
import { startTestServer } from '@confab/testing/test-server';
import { MemoryOutbox } from '../../outbox/memory.ts';
import { enter, tcpProxy, urlOf } from './fixtures/chatters.ts';
import { ephemeralDeviceKey } from './index.ts';

describe('A session of confab://', () => {
  it('chats, tells who is verified, and leaves', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const ann = await enter(context, urlOf(server), 'Ann');
    const bob = await enter(context, urlOf(server), 'Bob', { deviceKey: 'none' });
    const { status, seq } = await ann.session.send('hello');
    assert.equal(status, 'accepted');
    assert.deepEqual(await bob.session.send('hi'), { status: 'accepted', seq: seq! + 1 });
    const heard = await bob.reader.says('hello');
    assert.partialDeepStrictEqual(heard, { user: 'Ann', isOwn: false, isVerified: true, seq });
    assert.partialDeepStrictEqual(await ann.reader.says('hi'), { user: 'Bob', isVerified: false });
    assert.partialDeepStrictEqual(await bob.reader.says('hi'), { user: 'Bob', isOwn: true });
    assert.deepEqual(await ann.session.users(), ['Ann', 'Bob']);
    assert.deepEqual(await ann.session.rooms(), ['lobby']);
    await bob.session.leave();
    await ann.reader.until((event) => event.type === 'notice' && event.text === 'Bob left');
    assert.equal(ann.session.outbox?.pendingCount, 0);
  });

  it('moves to UDP, tells so, and measures it', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const { session, reader } = await enter(context, urlOf(server), 'Ann');
    await reader.until((event) => event.type === 'link' && event.status.path === 'udp');
    await session.send('by UDP');
    assert.equal(session.link?.path, 'udp');
    assert.ok(session.link.rttMs !== undefined && session.link.confirmedAgoMs !== undefined);
  });

  it('stays on the path it is told to use', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const { session } = await enter(context, urlOf(server, 'lobby', '?path=tcp'), 'Ann');
    await session.send('by TCP');
    assert.partialDeepStrictEqual(session.link, { path: 'tcp', paths: { udp: 'off' }, packetsSent: 0 });
  });

  it('that is to use UDP alone is not talked into TCP by a server that offers no UDP', async (context) => {
    const plain = await startTestServer(context, { wires: ['link'], settings: { 'link.udp': false } });
    await assert.rejects(enter(context, urlOf(plain, 'lobby', '?path=udp'), 'Ann'), { code: 'NOT_SUPPORTED' });
    const server = await startTestServer(context, { wires: ['link'] });
    const { session } = await enter(context, urlOf(server, 'lobby', '?path=udp'), 'Ann');
    await session.send('by UDP');
    assert.partialDeepStrictEqual(session.link, { path: 'udp', reason: undefined });
    assert.ok(session.link!.packetsSent > 0);
  });

  it('shows what was said before as history', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const ann = await enter(context, urlOf(server), 'Ann');
    await ann.session.send('before');
    const bob = await enter(context, urlOf(server), 'Bob');
    assert.partialDeepStrictEqual(await bob.reader.says('before'), { isHistory: true, user: 'Ann' });
    const { reader } = await enter(context, urlOf(server), 'Cid', { history: 0 });
    await ann.session.send('now');
    await reader.says('now');
    assert.deepEqual(reader.texts, ['now']);
  });

  it('goes to another room, whose events follow those of the old one', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const ann = await enter(context, urlOf(server), 'Ann');
    const bob = await enter(context, urlOf(server, 'den'), 'Bob');
    await ann.session.join('den');
    assert.equal(ann.session.room, 'den');
    await ann.session.send('here');
    await bob.reader.says('here');
    await assert.rejects(ann.session.join('den/\n'), { code: 'ROOM_NAME_INVALID' });
    assert.equal(ann.session.room, 'den');
    await bob.session.send('still');
    await ann.reader.says('still');
  });

  it('is refused where its name belongs to another key', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    await enter(context, urlOf(server), 'Ann');
    await assert.rejects(enter(context, urlOf(server), 'Ann'), { code: 'USER_NAME_TAKEN' });
  });

  it('ends before anything is said when the server has another key than the pin', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const pin = 'A'.repeat(43);
    await assert.rejects(enter(context, urlOf(server, 'lobby', `?pin=${pin}`), 'Ann'), { code: 'PIN_MISMATCH' });
  });

  it('tells the end of a room whose host leaves', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const ann = await enter(context, urlOf(server), 'Ann', {}, { entry: 'create' });
    assert.equal(ann.session.role, 'host');
    const bob = await enter(context, urlOf(server), 'Bob', {}, { entry: 'join' });
    assert.equal(bob.session.host, 'Ann');
    await ann.session.send('last words');
    await ann.session.leave();
    await bob.reader.says('last words');
    assert.equal((await bob.session.closed).reason, 'room-closed');
  });

  it('judges messages before it keeps them', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const { session } = await enter(context, urlOf(server), 'Ann');
    await assert.rejects(session.send('x'.repeat(session.messageBytesMax + 1)), { code: 'MESSAGE_TOO_LONG' });
    await assert.rejects(session.send('\ud800'), { code: 'MESSAGE_RESERVED' });
    assert.equal(session.outbox?.pendingCount, 0);
    await session.send('x'.repeat(session.messageBytesMax));
  });

  it('goes on with a server that was started again: what was said meanwhile is there once, for everybody', async (context) => {
    const { path: data } = temporaryDirectory(context);
    const { tcpPort: port } = await reservePorts();
    const settings = { 'link.tcp_port': port };
    const first = await startTestServer(context, { wires: ['link'], data, settings });
    const outbox = new MemoryOutbox();
    const ann = await enter(context, urlOf(first), 'Ann', { outbox });
    const bob = await enter(context, urlOf(first), 'Bob');
    await ann.session.send('one');
    await bob.reader.says('one');
    await first.stop();
    await ann.reader.until((event) => event.type === 'reachability' && !event.isReachable);
    const sending = ann.session.send('two');
    await ann.reader.until((event) => event.type === 'outbox' && event.state === 'queued');
    assert.equal(outbox.pendingCount, 1);
    await startTestServer(context, { wires: ['link'], data, settings });
    await ann.reader.until((event) => event.type === 'outbox' && event.state === 'accepted' && event.text === 'two');
    await sending.catch((error: { code: string }) => assert.equal(error.code, 'SEND_UNCERTAIN'));
    assert.equal(outbox.pendingCount, 0);
    await bob.reader.says('two');
    await ann.session.send('three');
    await ann.reader.says('three');
    await bob.reader.says('three');
    assert.deepEqual(bob.reader.texts, ['one', 'two', 'three']);
    assert.deepEqual(ann.reader.texts, ['one', 'two', 'three']);
  });

  it('goes on as it was when only its connection breaks', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const proxy = await tcpProxy(context, server.ports.port('confab', 'tcp'));
    const bob = await enter(context, urlOf(server), 'Bob');
    const ann = await enter(context, `confab://127.0.0.1:${proxy.port}/lobby?path=tcp`, 'Ann');
    await ann.session.send('one');
    proxy.cut();
    await ann.reader.until((event) => event.type === 'reachability' && !event.isReachable);
    const sending = ann.session.send('two');
    await bob.session.send('three');
    proxy.mend();
    await ann.reader.until((event) => event.type === 'reachability' && event.isReachable);
    await sending.catch((error: { code: string }) => assert.equal(error.code, 'SEND_UNCERTAIN'));
    await ann.reader.until(() => ann.reader.texts.length === 3);
    await ann.session.send('four');
    await ann.reader.says('four');
    await bob.reader.says('four');
    assert.deepEqual(ann.reader.texts, bob.reader.texts);
    assert.deepEqual([...bob.reader.texts].sort(), ['four', 'one', 'three', 'two']);
  });

  it('stays in its room by UDP while TCP is cut, and nobody notices', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const proxy = await tcpProxy(context, server.ports.port('confab', 'tcp'));
    const bob = await enter(context, urlOf(server), 'Bob');
    const ann = await enter(context, `confab://127.0.0.1:${proxy.port}/lobby`, 'Ann');
    await ann.reader.until((event) => event.type === 'link' && event.status.path === 'udp');
    proxy.cut();
    await ann.session.send('one');
    await bob.session.send('two');
    await ann.reader.says('two');
    assert.partialDeepStrictEqual(ann.session.link, { path: 'udp', paths: { tcp: 'down', udp: 'up' } });
    proxy.mend();
    await ann.session.send('three');
    await bob.reader.says('three');
    assert.deepEqual(bob.reader.texts, ['one', 'two', 'three']);
    assert.ok(!ann.reader.events.some((event) => event.type === 'reachability'));
  });

  it('is over when the server takes it no more', async (context) => {
    const { path: data } = temporaryDirectory(context);
    const { tcpPort: port } = await reservePorts();
    const first = await startTestServer(context, { wires: ['link'], data, settings: { 'link.tcp_port': port } });
    const { session } = await enter(context, urlOf(first), 'Guest', { deviceKey: 'none' });
    await first.stop();
    const settings = { 'link.tcp_port': port, 'link.guests': false };
    await startTestServer(context, { wires: ['link'], data, settings });
    const { reason, text } = await session.closed;
    assert.equal(reason, 'lost');
    assert.match(text, /Guests are not allowed/);
    await assert.rejects(session.send('too late'), { code: 'SESSION_CLOSED' });
  });

  it('refuses to keep more than its outbox may hold', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const { session, reader } = await enter(context, urlOf(server), 'Ann', { outboxMax: 2 }, { sendTimeoutMs: 1 });
    await server.stop();
    await reader.until((event) => event.type === 'reachability' && !event.isReachable);
    await assert.rejects(session.send('one'), { code: 'SEND_UNCERTAIN' });
    await assert.rejects(session.send('two'), { code: 'SEND_UNCERTAIN' });
    await assert.rejects(session.send('three'), { code: 'OUTBOX_FULL' });
    assert.deepEqual(
      session.outbox?.pending('lobby').map(({ state }) => state),
      ['queued', 'queued'],
    );
  });

  it('sends what another program has left in the outbox, once', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const bob = await enter(context, urlOf(server), 'Bob');
    const outbox = new MemoryOutbox();
    outbox.add({ room: 'lobby', kind: 1, target: undefined, body: Buffer.from('left behind') });
    const ann = await enter(context, urlOf(server), 'Ann', { outbox });
    await bob.reader.says('left behind');
    await ann.session.send('new');
    await bob.reader.says('new');
    assert.deepEqual(bob.reader.texts, ['left behind', 'new']);
    assert.deepEqual(ann.reader.events, []);
    await ann.reader.says('new');
    assert.deepEqual(ann.reader.texts, ['left behind', 'new']);
  });

  it('keeps to its room when the local socket is replaced', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const ann = await enter(context, urlOf(server), 'Ann');
    const bob = await enter(context, urlOf(server), 'Bob');
    await ann.reader.until((event) => event.type === 'link' && event.status.path === 'udp');
    (ann.session as unknown as { replaceSocket(): void }).replaceSocket();
    await ann.session.send('from elsewhere');
    await bob.session.send('found you');
    await ann.reader.says('found you');
    await bob.reader.says('from elsewhere');
  });

  it('gives its name to another device, and takes it from one', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const [phone, laptop] = [ephemeralDeviceKey(), ephemeralDeviceKey()];
    const ann = await enter(context, urlOf(server), 'Ann', { deviceKey: phone });
    await assert.rejects(enter(context, urlOf(server), 'Ann', { deviceKey: laptop }), { code: 'USER_NAME_TAKEN' });
    const keys = await ann.session.addKey(laptop.text);
    assert.deepEqual(
      keys.map(({ key, isThisDevice }) => [key, isThisDevice]),
      [
        [phone.text, true],
        [laptop.text, false],
      ],
    );
    const too = await enter(context, urlOf(server), 'Ann', { deviceKey: laptop });
    assert.equal((await too.session.removeKey(phone.text)).length, 1);
    const { reason, text } = await ann.session.closed;
    assert.equal(reason, 'lost');
    assert.match(text, /does not belong to this device key any more/);
    await assert.rejects(too.session.removeKey(laptop.text), { code: 'REFUSED' });
    for (const none of ['', 'abc', `${phone.text}=`, '!'.repeat(43)]) {
      await assert.rejects(too.session.addKey(none), { code: 'KEY_INVALID' });
    }
    assert.equal((await too.session.keys()).length, 1);
    const guest = await enter(context, urlOf(server), 'Guest', { deviceKey: 'none' });
    await assert.rejects(guest.session.keys(), { code: 'UNAUTHORIZED' });
  });

  it('lists more rooms than one answer has room for', async (context) => {
    const settings = { 'link.requests.burst': 1000 };
    const server = await startTestServer(context, { wires: ['link'], settings });
    const ann = await enter(context, urlOf(server), 'Ann');
    const rooms = Array.from({ length: 150 }, (_, index) => `${String(index).padStart(3, '0')} ${'x'.repeat(250)}`);
    const makers = rooms.map((room) => server.running.hub.join(entry(room, 'Maker'), { makeOpen: true }));
    await Promise.all(makers);
    assert.deepEqual(await ann.session.rooms(), [...rooms, 'lobby']);
  });
});
