import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { messagesOf, readLog } from '../support/log.ts';
import { ServerProcess, TestServer } from '../support/server-process.ts';
import { CREATE, JOIN, requestEntry, TcrpConnection } from '../support/tcrp.ts';
import { encodeUcrp, expectSilence, fence, LEAVE, RawMember, ROOM_CLOSED, UdpPeer } from '../support/ucrp.ts';

/** Starts servers one after the other on the same data folder, which is not there before the first one makes it. */
function serverStarter(context: TestContext): { data: string; start: () => Promise<TestServer> } {
  const folder = temporaryDirectory(context);
  const data = `${folder.path}/data`;
  return { data, start: async () => folder.closing(await TestServer.start({ data })) };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} stops the server cleanly, and the next one goes on where it stopped`, async (context) => {
    const { data, start } = serverStarter(context);
    const first = await start();
    const ann = await RawMember.create(first, { room: 'lobby', user: 'Ann' });
    const bob = await RawMember.join(first, { room: 'lobby', user: 'Bob' });
    const mia = await RawMember.join(first, { room: 'lobby', user: 'Mia', dialect: 'object', datagrams: 'four-byte' });
    const gone = await RawMember.join(first, { room: 'lobby', user: 'Gone' });
    await mia.send('One');
    for (const member of [ann, bob, mia, gone]) await member.expectChat('Mia', 'One');
    await ann.send('Two');
    for (const member of [bob, mia, gone]) await member.expectChat('Ann', 'Two');
    await gone.send(LEAVE);
    const locked = await requestEntry(first, CREATE, {
      room: 'locked',
      user: 'Ann',
      dialect: 'object',
      password: 'secret',
    });
    const closing = await RawMember.create(first, { room: 'closed', user: 'Ann' });
    const leftOver = await RawMember.join(first, { room: 'closed', user: 'Bob' });
    await closing.send(LEAVE);
    await leftOver.expect(ROOM_CLOSED);

    // Neither a silent connection nor a half-sent request holds it up.
    const idle = await TcrpConnection.open(first);
    const half = await TcrpConnection.open(first);
    half.write(Buffer.from([5, CREATE, 0]));
    await ann.send('Three');
    for (const member of [bob, mia]) await member.expectChat('Ann', 'Three');
    assert.deepEqual(await first.process.end(signal), { code: 0, signal: null });
    assert.doesNotMatch(first.process.stderr, /"level":[56]0|error/i);
    for (const connection of [idle, half]) assert.equal((await connection.ended()).bytes.length, 0);
    assert.deepEqual(messagesOf(readLog(data, 'lobby')), ['One', 'Two', 'Three']);

    const second = await start();
    for (const member of [ann, bob, mia, gone, closing, leftOver]) member.server = second;
    await ann.send('Four');
    // Without having registered or spoken again.
    await bob.expectChat('Ann', 'Four');
    await mia.expectChat('Ann', 'Four');
    await mia.send('Five');
    for (const member of [ann, bob, mia]) await member.expectChat('Mia', 'Five');
    await gone.send('I am back');
    await leftOver.send('So am I');
    await fence(ann, [bob, mia]);
    await expectSilence(second, ann.peer, bob.peer, mia.peer, gone.peer, closing.peer, leftOver.peer);

    assert.equal((await requestEntry(second, CREATE, { room: 'lobby', user: 'Eve' })).isAccepted, false);
    const { grant } = await requestEntry(second, JOIN, { room: 'lobby', user: 'Eve', dialect: 'object' });
    assert.deepEqual([grant.host_username, grant.participant_count], ['Ann', 4]);
    assert.equal((await requestEntry(second, JOIN, { room: 'closed', user: 'Eve' })).isAccepted, false);
    assert.equal((await requestEntry(second, CREATE, { room: 'closed', user: 'Eve' })).isAccepted, true);
    for (const [password, isRight] of [
      ['wrong', false],
      ['secret', true],
    ] as const) {
      const entry = await requestEntry(second, JOIN, { room: 'locked', user: 'Eve', dialect: 'object', password });
      assert.equal(entry.isAccepted, isRight);
    }
    const host = await UdpPeer.open();
    await host.send(encodeUcrp('one-byte', 'locked', locked.token, 'My old token'), second);

    // The host's powers are there, too.
    await ann.send(LEAVE);
    await bob.expect(ROOM_CLOSED);
    assert.deepEqual(await second.process.end(signal), { code: 0, signal: null });
    const log = readLog(data, 'lobby');
    assert.deepEqual(messagesOf(log).slice(0, 5), ['One', 'Two', 'Three', 'Four', 'Five']);
    assert.deepEqual(
      log.map(({ seq }) => seq),
      log.map((_, index) => index + 1),
    );
    assert.deepEqual(messagesOf(readLog(data, 'locked')), ['My old token']);
  });
}

test('what was said until the stop was taken, delivered and kept, or none of it', async (context) => {
  const { data, start } = serverStarter(context);
  const server = await start();
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  const bob = await RawMember.join(server, { room: 'lobby', user: 'Bob', dialect: 'object' });
  await bob.send('0');
  await bob.expectChat('Bob', '0');
  const heard: string[] = [];
  bob.peer.onDatagram = ({ bytes }) => heard.push(bytes.toString('utf8', 6));
  const said = Array.from({ length: 100 }, (_, index) => String(index + 1));
  const sending = Promise.all(said.map((text) => ann.send(text)));
  const ended = server.process.end('SIGINT');
  await sending;
  assert.deepEqual(await ended, { code: 0, signal: null });
  const kept = messagesOf(readLog(data, 'lobby')).slice(1);
  assert.deepEqual(kept, said.slice(0, kept.length));
  // All that was kept was delivered before the socket was closed: it stands in Bob's receive buffer at the latest.
  const mark = await UdpPeer.open();
  const marked = Promise.withResolvers<void>();
  const note = bob.peer.onDatagram;
  bob.peer.onDatagram = (datagram) => (datagram.port === mark.port ? marked.resolve() : note(datagram));
  await mark.send(Buffer.from('mark'), { address: bob.peer.address, udpPort: bob.peer.port });
  await marked.promise;
  assert.deepEqual(heard, kept);
});

test('a second server on the same data folder refuses in one line, and the first one does not mind', async (context) => {
  const { data, start } = serverStarter(context);
  const server = await start();
  const ann = await RawMember.create(server, { room: 'lobby', user: 'Ann' });
  const second = ServerProcess.spawn({ data });
  assert.deepEqual(await second.exited(), { code: 1, signal: null });
  assert.equal(second.stdout, '');
  assert.equal(
    second.stderr,
    `confab: Data folder "${data}" is in use by another confab; stop it or choose another with --data\n`,
  );
  const bob = await RawMember.join(server, { room: 'lobby', user: 'Bob' });
  await fence(ann, [bob]);
  assert.deepEqual(await server.process.end('SIGTERM'), { code: 0, signal: null });
  const third = await start();
  for (const member of [ann, bob]) member.server = third;
  await fence(ann, [bob]);
});
