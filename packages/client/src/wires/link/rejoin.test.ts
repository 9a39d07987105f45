import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Hub } from '@confab/core';
import { entry, temporaryDirectory } from '@confab/testing';
import { reservePorts } from '@confab/testing/reserve-ports';
import { startTestServer } from '@confab/testing/test-server';
import type { ConnectOptions, SessionEvent } from '../../session.ts';
import { enter, tcpProxy } from './fixtures/chatters.ts';

/** The server's key; everything else that a data folder holds is of its rooms. */
const IDENTITY = 'link-identity.pem';

type Settings = Readonly<Record<string, string | number | boolean>>;

/** A client in a room of a server that then loses all it knew but its key, and comes back. */
async function forgotten(context: TestContext, more: Partial<ConnectOptions> = {}) {
  const { path } = temporaryDirectory(context);
  const data = join(path, 'first');
  const { tcpPort: port } = await reservePorts();
  const ports = { 'link.tcp_port': port };
  const first = await startTestServer(context, { wires: ['link'], data, settings: ports });
  const proxy = await tcpProxy(context, port);
  const ann = await enter(context, `confab://127.0.0.1:${proxy.port}/lobby?path=tcp`, 'Ann', {}, more);
  const { seq } = await ann.session.send('before');
  await first.stop();
  await ann.reader.until((event) => event.type === 'reachability' && !event.isReachable);
  proxy.cut();
  /** @param prepare what happens there before the client comes */
  const comeBack = async (settings: Settings = {}, prepare = async (_hub: Hub): Promise<void> => {}): Promise<Hub> => {
    const second = join(path, 'second');
    mkdirSync(second, { mode: 0o700 });
    copyFileSync(join(data, IDENTITY), join(second, IDENTITY));
    const { running } = await startTestServer(context, {
      wires: ['link'],
      data: second,
      settings: { ...ports, ...settings },
    });
    await prepare(running.hub);
    proxy.mend();
    return running.hub;
  };
  return { ...ann, seq, comeBack };
}

const said = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('A session that begins anew', () => {
  it('is on TCP at first, for no reason that an earlier one had', async (context) => {
    const { path: data } = temporaryDirectory(context);
    const { tcpPort, udpPort } = await reservePorts();
    const settings = { 'link.tcp_port': tcpPort, 'link.udp_port': udpPort };
    const first = await startTestServer(context, { wires: ['link'], data, settings });
    const { reader } = await enter(context, `confab://127.0.0.1:${tcpPort}/lobby`, 'Ann');
    const isOn = (path: 'tcp' | 'udp') => (event: SessionEvent) => event.type === 'link' && event.status.path === path;
    const moved = await reader.until(isOn('udp'));
    assert.partialDeepStrictEqual(moved, { status: { reason: 'proved' } });
    await first.stop();
    await startTestServer(context, { wires: ['link'], data, settings });
    assert.partialDeepStrictEqual(await reader.until(isOn('tcp')), {
      text: 'The link goes over TCP',
      status: { reason: undefined },
    });
  });
});

describe('A room that is joined again', () => {
  it('goes on with a warning where the server knows nothing of what was read', async (context) => {
    const { session, reader, comeBack } = await forgotten(context);
    void session.send('meanwhile').catch(() => {});
    await comeBack();
    await reader.until((event) => event.type === 'notice' && /messages may be missing here/.test(event.text));
    await reader.says('meanwhile');
    const { seq } = await session.send('after');
    assert.partialDeepStrictEqual(await reader.says('after'), { seq, isOwn: true });
    assert.equal(session.outbox?.pendingCount, 0);
    assert.deepEqual(await session.users(), ['Ann']);
  });

  it('is over when it was hosted and is not there any more', async (context) => {
    const { session, comeBack } = await forgotten(context, { entry: 'create' });
    await comeBack();
    const { reason, text } = await session.closed;
    assert.equal(reason, 'room-closed');
    assert.match(text, /Cannot join room "lobby"/);
  });

  it('is lost when somebody else has made it meanwhile, with a password', async (context) => {
    const { session, comeBack } = await forgotten(context);
    await comeBack({}, async (hub) => void (await hub.create(entry('lobby', 'Eve', { password: 'sesame' }))));
    const { reason, text } = await session.closed;
    assert.equal(reason, 'lost');
    assert.match(text, /Cannot join room "lobby"/);
  });

  it('is asked for again and again while the server has no place for it', async (context) => {
    const { session, reader, comeBack } = await forgotten(context);
    let leave = (): void => {};
    await comeBack({ 'limits.rooms': 1 }, async (hub) => {
      const { member } = await hub.create(entry('elsewhere', 'Eve'));
      leave = () => hub.leave(member);
    });
    await reader.until((event) => event.type === 'reachability' && event.isReachable);
    void session.send('patient').catch(() => {});
    await reader.until((event) => event.type === 'outbox' && event.state === 'queued');
    leave();
    await reader.says('patient');
    assert.equal(session.room, 'lobby');
  });

  it('tells how much it has missed when the server has more of it than it keeps for slow readers', async (context) => {
    const settings = { 'limits.reader_lag': 10, 'limits.member_messages.burst': 10_000 };
    const server = await startTestServer(context, { wires: ['link'], settings });
    const proxy = await tcpProxy(context, server.ports.port('confab', 'tcp'));
    const ann = await enter(context, `confab://127.0.0.1:${proxy.port}/lobby?path=tcp`, 'Ann');
    await ann.session.send('before');
    proxy.cut();
    await ann.reader.until((event) => event.type === 'reachability' && !event.isReachable);
    const { hub } = server.running;
    const { member } = await hub.join(entry('lobby', 'Eve'));
    const count = 1500;
    for (let number = 1; number <= count; number += 1) {
      hub.post(member, { body: said(`${number}`) });
      // What is published at once is handed over at once: the window of 1024 is to be full before the last ones come.
      if (number % 100 === 0) await hub.idle();
    }
    proxy.mend();
    const missed = await ann.reader.until((event) => event.type === 'missed');
    await ann.reader.says(String(count));
    const numbers = ann.reader.texts.filter((text) => text !== 'before').map(Number);
    assert.equal(numbers.length + (missed.type === 'missed' ? missed.count : 0), count);
    assert.deepEqual(
      numbers,
      numbers.toSorted((left, right) => left - right),
    );
  });
});
