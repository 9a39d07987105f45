import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventKind } from '@confab/core';
import { temporaryDirectory } from '@confab/testing';
import type { RawChat } from '@confab/testing/raw/link-room';
import { eventually } from '@confab/testing/raw/wait';
import { bodies, enter, open, serve, sessionCount } from './fixtures/link-rooms.ts';

describe('Coming back', () => {
  test('with the ticket the same session goes on, and nothing is missing or doubled', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    bob.chat.link.socket.destroy();
    const said = Promise.all(['one', 'two', 'three'].map((line) => ann.chat.post(ann.channel, line)));
    await said;
    await bob.chat.shown.until((shown) => shown.kind === 'chat' && shown.text === 'three', 'the last line');
    assert.deepEqual(bodies(bob.chat), ['one', 'two', 'three']);
    assert.equal(bob.chat.link.welcome.isResumed, true);
    assert.ok('number' in (await bob.chat.post(bob.channel, 'I am back')));
    assert.equal(sessionCount(server), 2);
  });

  test('with the ticket of somebody else begins a session of one’s own', async (context) => {
    const server = await serve(context);
    const ann = await open(context, server, { user: 'Ann' });
    const eve = await open(context, server, { user: 'Eve', ticket: ann.link.welcome.ticket });
    assert.equal(eve.link.welcome.isResumed, false);
    assert.notDeepEqual(eve.link.welcome.ticket, ann.link.welcome.ticket);
  });

  test('after the grace, with member token and cursor, brings exactly what was missed', async (context) => {
    const server = await serve(context, { 'link.session_grace_ms': 20 });
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    await ann.chat.post(ann.channel, 'before');
    await bob.chat.shown.nextChat();
    const cursor = { epoch: bob.epoch, roomId: bob.roomId, next: bob.chat.events.at(-1)!.number + 1 };
    bob.chat.link.dropStream();
    await eventually(() => sessionCount(server) === 1, 'the grace is over');
    for (const line of ['one', 'two']) await ann.chat.post(ann.channel, line);
    const again = await open(context, server, { user: 'Bob', ticket: bob.chat.link.welcome.ticket });
    assert.equal(again.link.welcome.isResumed, false);
    const joined = await again.join({ room: 'lobby', token: bob.token, cursor });
    assert.deepEqual([joined.isResumed, joined.isResynchronised, joined.first], [true, false, cursor.next]);
    await again.shown.until((shown) => shown.kind === 'chat' && shown.text === 'two', 'the last line');
    assert.deepEqual(
      again.events.map(({ kind, body }) => [kind, body]),
      [
        [EventKind.MESSAGE, 'one'],
        [EventKind.MESSAGE, 'two'],
      ],
      'no leave and no join: it was a member all the time',
    );
  });

  test('is waited for as long as one path works, and then for the grace', async (context) => {
    const server = await serve(context, { 'link.session_grace_ms': 20 });
    const ann = await enter(context, server, 'Ann');
    const bob = await open(context, server, { user: 'Bob', wantsUdp: true });
    await bob.link.moveToUdp();
    await bob.join({ room: 'lobby' });
    bob.link.dropStream();
    for (let line = 0; line < 10; line += 1) {
      await ann.chat.post(ann.channel, `line ${line}`);
      await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === `line ${line}`, `line ${line}`);
    }
    assert.deepEqual(server.running.stats.link!().sessions, { tcp: 1, udp: 1, none: 0 });
    bob.close();
    await ann.chat.post(ann.channel, 'anybody there?');
    await eventually(() => sessionCount(server) === 1, 'the session is given up');
    assert.equal(server.running.hub.memberCount, 2);
  });

  test('after a restart of the server resumes the same way, and posts are still taken once', async (context) => {
    const { path: data } = temporaryDirectory(context);
    const first = await serve(context, {}, data);
    const ann = await enter(context, first, 'Ann');
    const bob = await enter(context, first, 'Bob');
    const accepted = await ann.chat.post(ann.channel, 'before');
    await bob.chat.shown.nextChat();
    const cursorOf = (joined: { epoch: number; roomId: number }, chat: RawChat) => ({
      epoch: joined.epoch,
      roomId: joined.roomId,
      next: chat.events.at(-1)!.number + 1,
    });
    const [annAt, bobAt] = [cursorOf(ann, ann.chat), cursorOf(bob, bob.chat)];
    await first.stop();

    const second = await serve(context, {}, data);
    const annAgain = await open(context, second, { user: 'Ann', ticket: ann.chat.link.welcome.ticket });
    assert.equal(annAgain.link.welcome.isResumed, false);
    const { token, outboxId } = ann;
    const joined = await annAgain.join({ room: 'lobby', token, outboxId, cursor: annAt });
    assert.deepEqual([joined.isResumed, joined.isResynchronised], [true, false]);
    assert.deepEqual(await annAgain.postAs(1, joined.channel, 'before'), accepted);
    annAgain.startPostsAt(2);
    await annAgain.post(joined.channel, 'after');
    const bobAgain = await open(context, second, { user: 'Bob' });
    await bobAgain.join({ room: 'lobby', token: bob.token, cursor: bobAt });
    await bobAgain.shown.nextChat();
    assert.deepEqual(bodies(bobAgain), ['after']);
  });

  test('with a cursor that does not fit is told so', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    await ann.chat.post(ann.channel, 'hello');
    const cursors = [
      { epoch: ann.epoch + 1, roomId: ann.roomId, next: 2 },
      { epoch: ann.epoch, roomId: ann.roomId + 1, next: 2 },
      { epoch: ann.epoch, roomId: ann.roomId, next: 99 },
      { epoch: ann.epoch, roomId: ann.roomId, next: 0 },
    ];
    for (const [index, cursor] of cursors.entries()) {
      const bob = await open(context, server, { user: `Bob ${index}` });
      const joined = await bob.join({ room: 'lobby', cursor, history: 3 });
      assert.deepEqual([joined.isResynchronised, joined.isResumed], [true, false]);
      await bob.shown.until((shown) => shown.kind === 'notice' && shown.text.endsWith(' joined'), 'the room’s log');
    }
  });

  test('a member token is nothing in other hands', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    const eve = await open(context, server, { user: 'Eve' });
    const joined = await eve.join({ room: 'lobby', token: ann.token });
    assert.deepEqual([joined.isResumed, joined.token === ann.token, joined.members], [false, false, 2]);
  });

  test('a later session takes over the room from an earlier one of the same member', async (context) => {
    const server = await serve(context);
    const ann = await enter(context, server, 'Ann');
    const later = await open(context, server, { user: 'Ann' });
    const joined = await later.join({ room: 'lobby', token: ann.token });
    assert.deepEqual([joined.isResumed, joined.members], [true, 1]);
    await eventually(() => ann.chat.left.length === 1, 'the earlier one is told');
    assert.equal(ann.chat.left[0]?.reason, 3);
    assert.ok('number' in (await later.post(joined.channel, 'here')));
  });

  test('a membership without a session ends with the resume window', async (context) => {
    const server = await serve(context, { 'link.session_grace_ms': 1, 'link.resume_window_ms': 1 });
    const ann = await enter(context, server, 'Ann');
    const bob = await enter(context, server, 'Bob');
    ann.chat.link.dropStream();
    await eventually(() => {
      server.running.hub.sweep();
      return server.running.hub.memberCount === 1;
    }, 'Ann is out');
    await bob.chat.shown.notice('Ann left');
    assert.ok('number' in (await bob.chat.post(bob.channel, 'I am not')));
  });
});
