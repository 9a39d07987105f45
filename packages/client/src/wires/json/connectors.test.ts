import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { afterwards } from '@confab/testing';
import { startTestServer } from '@confab/testing/test-server';
import { connect } from '../../connect.ts';
import type { ClientError } from '../../errors.ts';
import type { ConnectOptions, Session, SessionEvent } from '../../session.ts';

const schemes = [
  { scheme: 'jsonl', section: 'json_lines' },
  { scheme: 'ws', section: 'http' },
] as const;

const codeOf = (code: ClientError['code']) => (error: unknown) => (error as ClientError).code === code;

async function nextMessage(session: Session): Promise<Extract<SessionEvent, { type: 'message' }>> {
  for await (const event of session.events()) if (event.type === 'message') return event;
  throw new Error('The session ended where a message was expected');
}

for (const { scheme, section } of schemes) {
  const serve = async (context: TestContext) => {
    const server = await startTestServer(context, { wires: [section] });
    const url = (room: string): string =>
      `${scheme}://127.0.0.1:${server.ports.port(scheme, 'tcp')}/${encodeURIComponent(room)}`;
    const open = async (room: string, options: ConnectOptions): Promise<Session> => {
      const session = await connect(url(room), options);
      afterwards(context, () => session.leave());
      return session;
    };
    return { server, url, open };
  };

  test(`${scheme}: two people talk, and a third one hears what was said`, async (context) => {
    const { open } = await serve(context);
    const ann = await open('a room/🎉', { user: 'Ann' });
    const bob = await open('a room/🎉', { user: 'Bob' });
    assert.deepEqual([ann.scheme, ann.room, ann.role, ann.isConfirming], [scheme, 'a room/🎉', 'member', true]);
    assert.deepEqual(await ann.send('hi'), { status: 'accepted' });
    assert.deepEqual(await nextMessage(bob), { type: 'message', user: 'Ann', text: 'hi', isOwn: false, seq: 3 });
    assert.deepEqual(await nextMessage(ann), { type: 'message', user: 'Ann', text: 'hi', isOwn: true, seq: 3 });
    const eve = await open('a room/🎉', { user: 'Eve' });
    assert.deepEqual(await nextMessage(eve), {
      type: 'message',
      user: 'Ann',
      text: 'hi',
      isOwn: false,
      isHistory: true,
      seq: 3,
    });
  });

  test(`${scheme}: rooms are listed and changed`, async (context) => {
    const { open, server } = await serve(context);
    const { hub } = server.running;
    await hub.create({ room: 'secret', user: 'Host', password: 'sesame', address: '192.0.2.1' });
    const ann = await open('lobby', { user: 'Ann' });
    assert.deepEqual(await ann.rooms(), ['lobby', 'secret']);
    await assert.rejects(ann.join('secret', { password: 'wrong' }), codeOf('UNAUTHORIZED'));
    assert.equal(ann.room, 'lobby');
    assert.deepEqual(await ann.send('still here'), { status: 'accepted' });
    await ann.join('secret', { password: 'sesame' });
    assert.equal(ann.room, 'secret');
    assert.deepEqual(await ann.send('inside'), { status: 'accepted' });
    assert.deepEqual(await ann.users(), ['Ann', 'Host']);
  });

  test(`${scheme}: a burst is accepted in order and heard in order`, async (context) => {
    const { open } = await serve(context);
    const ann = await open('lobby', { user: 'Ann' });
    const bob = await open('lobby', { user: 'Bob' });
    const texts = Array.from({ length: 300 }, (_, index) => `line ${index} ${'x'.repeat(index * 10)}`);
    await Promise.all(texts.map((text) => ann.send(text)));
    for (const text of texts) assert.equal((await nextMessage(bob)).text, text);
  });

  test(`${scheme}: a refusal at the door has its code`, async (context) => {
    const { url } = await serve(context);
    await assert.rejects(connect(url('lobby'), { user: 'system' }), codeOf('USER_NAME_INVALID'));
    await assert.rejects(connect(url(' x'), { user: 'Ann' }), codeOf('ROOM_NAME_INVALID'));
    await assert.rejects(connect(url('nowhere'), { user: 'Ann', entry: 'join' }), codeOf('ROOM_NOT_FOUND'));
    await assert.rejects(connect(url('lobby'), { user: 'Ann', entry: 'create' }), codeOf('NOT_SUPPORTED'));
  });

  test(`${scheme}: the end of the server is the loss of the session`, async (context) => {
    const { open, server } = await serve(context);
    const ann = await open('lobby', { user: 'Ann' });
    await server.stop();
    assert.equal((await ann.closed).reason, 'lost');
    const texts: string[] = [];
    for await (const event of ann.events()) if (event.type === 'notice') texts.push(event.text);
    assert.deepEqual(texts, ['Ann joined', 'Server is shutting down']);
  });

  test(`${scheme}: leaving is told to the others`, async (context) => {
    const { open } = await serve(context);
    const ann = await open('lobby', { user: 'Ann' });
    const bob = await open('lobby', { user: 'Bob' });
    await bob.leave();
    for await (const event of ann.events()) {
      if (event.type === 'notice' && event.member?.change === 'left') {
        assert.equal(event.member.user, 'Bob');
        break;
      }
    }
  });

  test(`${scheme}: nobody there, somebody who says nothing, and a caller who changed his mind`, async () => {
    const mute = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const url = `${scheme}://127.0.0.1:${port}/lobby`;
    await assert.rejects(connect(url, { user: 'Ann', connectTimeoutMs: 50 }), codeOf('CONNECT_TIMEOUT'));
    const change = new AbortController();
    const connecting = connect(url, { user: 'Ann', signal: change.signal });
    change.abort(new Error('never mind'));
    await assert.rejects(connecting, /never mind/);
    mute.close();
    await once(mute, 'close');
    await assert.rejects(connect(url, { user: 'Ann' }), codeOf('CONNECT_FAILED'));
  });
}
