import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodePost, LinkErrorCode } from '@confab/wire/link';
import { MemoryOutbox } from '../../outbox/memory.ts';
import { BACKLOG_BURST, BACKLOG_PER_SECOND, Posts } from './posts.ts';
import { LinkRefusal } from './refusals.ts';

function world({ fullAfter = Number.POSITIVE_INFINITY } = {}) {
  const outbox = new MemoryOutbox();
  const sent: number[] = [];
  const states: string[] = [];
  const tasks: (() => void)[] = [];
  /** What the channel carried last: nothing, when it is new. */
  let before: number | undefined;
  const posts = new Posts({
    outbox,
    send: (record) => {
      before = decodePost(record, before).outbox;
      return sent.push(before) >= fullAfter;
    },
    emit: ({ number, state }) => states.push(`${number} ${state}`),
    later: (_delayMs, task) => tasks.push(task),
  });
  const opened = posts.opened.bind(posts);
  posts.opened = (room) => {
    before = undefined;
    opened(room);
  };
  const add = (text: string, room = 'lobby') =>
    posts.add({ room, kind: 1, target: undefined, body: Buffer.from(text) });
  return { outbox, posts, sent, states, tasks, add };
}

const refusal = new LinkRefusal(LinkErrorCode.RATE_LIMITED, 'Cannot send', 'too fast');

describe('Posts', () => {
  it('are queued without a channel, sent with one, and accepted by their event', async () => {
    const { posts, sent, states, add } = world();
    const { accepted } = add('one');
    assert.deepEqual(states, ['1 queued']);
    posts.opened('lobby');
    assert.deepEqual(sent, [1]);
    assert.equal(Buffer.from(posts.seen(1, 9)!).toString(), 'one');
    assert.equal(await accepted, 9);
    assert.deepEqual(states, ['1 queued', '1 sent', '1 accepted']);
  });

  it('are sent again on each new channel of their room until they are accepted, and no other room', () => {
    const { posts, sent, states, add } = world();
    posts.opened('lobby');
    add('one');
    add('elsewhere', 'den');
    posts.closed();
    posts.opened('lobby');
    assert.deepEqual(sent, [1, 1]);
    posts.accepted(1, 9, true);
    posts.opened('lobby');
    assert.deepEqual(sent, [1, 1]);
    assert.deepEqual(states, ['1 sent', '2 queued', '1 queued', '1 sent', '1 accepted']);
  });

  it('are told relative to the one before, not to one of another channel', () => {
    const { posts, sent, add } = world({ fullAfter: 1 });
    posts.opened('lobby');
    add('one');
    add('two');
    assert.deepEqual(sent, [1]);
    posts.accepted(1, 9, true);
    posts.opened('lobby');
    assert.deepEqual(sent, [1, 2]);
  });

  it('keep what they say until their event has come, when the acceptance was first', () => {
    const { posts, outbox, add } = world();
    posts.opened('lobby');
    add('one');
    posts.accepted(1, 9, false);
    assert.equal(outbox.pendingCount, 0);
    assert.equal(Buffer.from(posts.seen(1, 9)!).toString(), 'one');
    assert.equal(posts.seen(1, 9), undefined);
  });

  it('wait while the channel is full', () => {
    const { posts, sent, add } = world({ fullAfter: 2 });
    posts.opened('lobby');
    for (const text of ['one', 'two', 'three']) add(text);
    assert.deepEqual(sent, [1, 2]);
    posts.drained();
    assert.deepEqual(sent, [1, 2, 3]);
  });

  it('fail when they are refused, and go out under a new number when they are retried', async () => {
    const { posts, sent, states, add } = world();
    posts.opened('lobby');
    const { accepted } = add('one');
    posts.refused(1, refusal);
    await assert.rejects(accepted, refusal);
    assert.deepEqual(
      posts.failed().map(({ number, failure }) => [number, failure?.code]),
      [[1, 'REFUSED']],
    );
    assert.equal(posts.retry(1)?.number, 2);
    assert.equal(posts.retry(1), undefined);
    assert.deepEqual(sent, [1, 2]);
    assert.deepEqual(states, ['1 sent', '1 failed', '2 sent']);
  });

  it('of a backlog go out no faster than a server takes them, in order, what is new behind it', () => {
    const { posts, sent, tasks, add } = world();
    for (let count = 0; count < BACKLOG_BURST + BACKLOG_PER_SECOND + 1; count += 1) add('x');
    posts.opened('lobby');
    assert.equal(sent.length, BACKLOG_BURST);
    add('new');
    assert.equal(sent.length, BACKLOG_BURST);
    tasks.shift()!();
    assert.equal(sent.length, BACKLOG_BURST + BACKLOG_PER_SECOND);
    tasks.shift()!();
    assert.equal(sent.length, BACKLOG_BURST + BACKLOG_PER_SECOND + 2);
    assert.deepEqual(
      sent,
      sent.map((_, at) => at + 1),
    );
    assert.deepEqual(tasks, []);
  });

  it('are queued while no path works, and sent again by the session, not by us, when one does', () => {
    const { posts, sent, states, add } = world();
    posts.opened('lobby');
    add('one');
    posts.reachable(false);
    posts.reachable(true);
    assert.deepEqual(sent, [1]);
    assert.deepEqual(states, ['1 sent', '1 queued', '1 sent']);
  });

  it('are uncertain when the session ends before, and stay in the outbox', async () => {
    const { posts, outbox, add } = world();
    const { accepted } = add('one');
    posts.release('over');
    await assert.rejects(accepted, { code: 'SEND_UNCERTAIN', message: 'over' });
    assert.equal(outbox.pendingCount, 1);
  });
});
