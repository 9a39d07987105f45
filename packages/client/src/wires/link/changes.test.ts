import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { afterwards } from '@confab/testing';
import { startTestServer } from '@confab/testing/test-server';
import { connect } from '../../connect.ts';
import type { Session, SessionEvent } from '../../session.ts';
import { enter, Reader, urlOf } from './fixtures/chatters.ts';

const about = (event: SessionEvent) =>
  event.type === 'edit' || event.type === 'withdrawal' || event.type === 'reaction';

async function pair(context: TestContext) {
  const server = await startTestServer(context, { wires: ['link'] });
  const ann = await enter(context, urlOf(server), 'Ann');
  const bob = await enter(context, urlOf(server), 'Bob');
  return { server, ann, bob };
}

describe('What is said about an earlier message over confab://', () => {
  it('reaches everybody, its author too, with the number of what it is about', async (context) => {
    const { ann, bob } = await pair(context);
    const { seq } = await ann.session.send('helo');
    const { seq: editSeq } = await ann.session.edit(seq!, 'hello');
    const { seq: reactionSeq } = await bob.session.react(seq!, '👍');
    await bob.session.withdraw(reactionSeq!);
    await ann.session.withdraw(seq!);
    const expected = [
      { type: 'edit', user: 'Ann', target: seq, text: 'hello', seq: editSeq },
      { type: 'reaction', user: 'Bob', target: seq, text: '👍', seq: reactionSeq },
      { type: 'withdrawal', user: 'Bob', target: reactionSeq },
      { type: 'withdrawal', user: 'Ann', target: seq },
    ];
    for (const { session, reader } of [ann, bob]) {
      for (const wanted of expected) {
        const event = await reader.until(about);
        assert.partialDeepStrictEqual(event, { ...wanted, isOwn: wanted.user === session.user, isVerified: true });
      }
      assert.equal(session.outbox?.pendingCount, 0);
    }
  });

  it('is there for who comes later, as history', async (context) => {
    const { server, ann } = await pair(context);
    const { seq } = await ann.session.send('helo');
    await ann.session.edit(seq!, 'hello');
    const late = await enter(context, urlOf(server), 'Cid');
    assert.partialDeepStrictEqual(await late.reader.says('helo'), { seq, isHistory: true });
    assert.partialDeepStrictEqual(await late.reader.until(about), { target: seq, text: 'hello', isHistory: true });
  });

  it('is refused where the message is somebody else’s, or there is none, and then waits to be looked at', async (context) => {
    const { ann, bob } = await pair(context);
    const { seq } = await ann.session.send('mine');
    await assert.rejects(bob.session.edit(seq!, 'no, mine'), { code: 'UNAUTHORIZED' });
    await assert.rejects(bob.session.withdraw(seq!), { code: 'UNAUTHORIZED' });
    await assert.rejects(bob.session.react(99, '👍'), { code: 'REFUSED' });
    assert.deepEqual(
      bob.session.outbox?.failed().map(({ target, failure }) => [target, failure?.code]),
      [
        [seq, 'UNAUTHORIZED'],
        [seq, 'UNAUTHORIZED'],
        [99, 'REFUSED'],
      ],
    );
    for (const none of [0, -1, 1.5, Number.NaN]) await assert.rejects(bob.session.edit(none, 'x'), RangeError);
    assert.equal(bob.session.outbox?.failed().length, 3);
  });

  it('waits in the outbox like a message while the server is away', async (context) => {
    const { server, ann } = await pair(context);
    const { seq } = await ann.session.send('helo');
    await server.stop();
    await ann.reader.until((event) => event.type === 'reachability' && !event.isReachable);
    void ann.session.edit(seq!, 'hello').catch(() => {});
    const queued = await ann.reader.until((event) => event.type === 'outbox' && event.state === 'queued');
    assert.partialDeepStrictEqual(queued, { action: 'edit', target: seq, text: 'hello' });
  });

  it('is a new line on wires that know only lines, a correction that is, and the rest is nothing', async (context) => {
    const server = await startTestServer(context, { wires: ['link', 'json_lines', 'hybrid'] });
    const ann = await enter(context, urlOf(server), 'Ann');
    const older: { session: Session; reader: Reader }[] = [];
    for (const scheme of ['jsonl', 'ucrp'] as const) {
      const query = scheme === 'ucrp' ? `?udp=${server.ports.port(scheme, 'udp')}` : '';
      const url = `${scheme}://127.0.0.1:${server.ports.port(scheme, 'tcp')}/lobby${query}`;
      const session = await connect(url, { user: `Old ${scheme}`, entry: 'join' });
      afterwards(context, () => session.leave());
      older.push({ session, reader: new Reader(session) });
    }
    const { seq } = await ann.session.send('helo');
    await ann.session.react(seq!, '👍');
    await ann.session.edit(seq!, 'hello');
    await ann.session.withdraw(seq!);
    await ann.session.send('end');
    for (const { session, reader } of older) {
      await reader.says('end');
      assert.deepEqual(reader.texts, ['helo', '* hello', 'end'], session.scheme);
      await assert.rejects(session.edit(1, 'x'), { code: 'NOT_SUPPORTED' });
      await assert.rejects(session.withdraw(1), { code: 'NOT_SUPPORTED' });
      await assert.rejects(session.react(1, 'x'), { code: 'NOT_SUPPORTED' });
      session.typing(true);
    }
  });
});

describe('Typing over confab://', () => {
  it('is told to the others of the room, on either path, and to nobody else', async (context) => {
    const { server, ann, bob } = await pair(context);
    const cid = await enter(context, urlOf(server, 'den'), 'Cid');
    const tcp = await enter(context, urlOf(server, 'lobby', '?path=tcp'), 'Tom');
    await bob.session.send('here');
    await ann.reader.says('here');
    ann.session.typing(true);
    for (const { reader } of [bob, tcp]) {
      assert.deepEqual(await reader.until((event) => event.type === 'typing'), {
        type: 'typing',
        user: 'Ann',
        isTyping: true,
      });
    }
    tcp.session.typing(false);
    assert.partialDeepStrictEqual(await bob.reader.until((event) => event.type === 'typing'), {
      user: 'Tom',
      isTyping: false,
    });
    await cid.session.send('alone');
    await cid.reader.says('alone');
    assert.ok(
      ![...cid.reader.events, ...ann.reader.events].some((event) => event.type === 'typing' && event.user === 'Ann'),
    );
  });

  it('says nothing when the session is over', async (context) => {
    const { ann } = await pair(context);
    await ann.session.leave();
    ann.session.typing(true);
  });
});
