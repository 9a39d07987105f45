/** Everybody on every wire, in the same rooms and in the same order. Members are raw clients of each wire. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EventKind } from '@confab/core';
import { CleanUps } from '@confab/testing';
import { SHARED_ROOM } from '@confab/testing/gateway-contract';
import type { WireKind, WireMember } from '@confab/testing/raw/member';
import { wireKinds } from '@confab/testing/raw/wire-kinds';
import { startTestServer, type TestServer } from '@confab/testing/test-server';
import type { WireSection } from '@confab/testing/wire-settings';

const suite = new CleanUps();
after(() => suite.run());

const wires = [...new Set(wireKinds.map((kind) => kind.section))] as WireSection[];
const server: TestServer = await startTestServer(suite, { wires });
let rooms = 0;

function freshRoom(...kinds: readonly WireKind[]): string {
  rooms += 1;
  return kinds.every((kind) => kind.hasRooms) ? `room ${rooms}` : SHARED_ROOM;
}

type Context = { after(hook: () => void): void };

async function enter(context: Context, kind: WireKind, room: string, user: string, { ports } = server) {
  const member = await kind.join(ports, { room, user });
  context.after(() => member.close());
  return member;
}

const isSaid = (text: string) => (shown: { kind: string; text: string }) =>
  shown.kind === 'chat' && shown.text === text;

describe('For every pair of wires', () => {
  for (const first of wireKinds) {
    for (const second of wireKinds) {
      test(`${first.name} and ${second.name} hear each other in one room`, async (context) => {
        const room = freshRoom(first, second);
        const ann = await enter(context, first, room, `Ann ${rooms}`);
        const bob = await enter(context, second, room, `Bob ${rooms}`);
        if (first.hasNotices)
          await ann.shown.notice(
            second.section === 'stage1' || first.section === 'stage1' ? /Bob/ : `${bob.user} joined`,
          );
        for (const text of ['one', 'two', 'drei 🎉']) {
          await ann.say(text);
          await bob.shown.until(
            (shown) => shown.kind === 'chat' && shown.user === ann.user && shown.text === text,
            text,
          );
          await bob.say(`re ${text}`);
          await ann.shown.until(isSaid(`re ${text}`), `re ${text}`);
        }
        if (!first.canLeave) return;
        const isHost = first.section === 'hybrid' && room !== SHARED_ROOM;
        await ann.leave();
        if (isHost && second.closing !== undefined) await bob.shown.notice(second.closing);
        else if (second.hasNotices) await bob.shown.notice(new RegExp(`${ann.user}.*left`));
      });
    }
  }
});

test('members on all wires together hear the same lines in the same order', async (context) => {
  const members: { kind: WireKind; member: WireMember }[] = [];
  for (const [index, kind] of wireKinds.entries()) {
    members.push({ kind, member: await enter(context, kind, SHARED_ROOM, `member ${index}`) });
  }
  for (const { member } of members) member.shown.chat.length = 0;
  const rounds = 10;
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(members.map(({ member }) => member.say(`round ${round}`)));
    for (const { member, kind } of members) {
      const expected = (round + 1) * (members.length - (kind.hasEcho ? 0 : 1));
      while (member.shown.chat.length < expected) await member.shown.nextChat();
    }
  }
  const order = members.find(({ kind }) => kind.hasEcho)!.member.shown.chat;
  assert.equal(new Set(order).size, rounds * members.length);
  for (const { kind, member } of members) {
    const expected = kind.hasEcho ? order : order.filter((line) => !line.startsWith(`${member.user}: `));
    assert.deepEqual(member.shown.chat, expected, kind.name);
  }
});

describe('What a wire cannot say, it says as best it can', () => {
  for (const kind of wireKinds) {
    test(`an edit arrives on ${kind.name} as a new line that says so`, async (context) => {
      const room = freshRoom(kind);
      const ann = await enter(context, wireKinds.find(({ section }) => section === 'json_lines')!, room, 'Ann');
      const bob = await enter(context, kind, room, 'Bob');
      await ann.say('helo');
      await bob.shown.until(isSaid('helo'), 'the first text');
      const { hub } = server.running;
      const author = [...hub.members()].find((member) => member.user === 'Ann' && member.room.name === room)!;
      const [message] = (await hub.history(author, author.room.log.headSeq, 1)).slice(-1);
      const refused = hub.post(author, {
        kind: EventKind.EDIT,
        target: message!.seq,
        body: new TextEncoder().encode('hello'),
      });
      assert.equal(refused, undefined);
      await bob.shown.until(isSaid('* hello'), 'the corrected text');
      // A reaction and a deletion say nothing here; what follows is the next thing that is shown.
      hub.post(author, { kind: EventKind.REACTION, target: message!.seq, body: new TextEncoder().encode('👍') });
      hub.post(author, { kind: EventKind.DELETE, target: message!.seq, body: new Uint8Array(0) });
      const shownBefore = bob.shown.notices.length;
      await ann.say('fence');
      assert.equal(await bob.shown.nextChat(), 'Ann: fence');
      assert.equal(bob.shown.notices.length, shownBefore);
    });

    test(`a long line arrives on ${kind.name} whole, in pieces where the wire has no room for it`, async (context) => {
      const room = freshRoom(kind);
      const ann = await enter(context, wireKinds.find(({ section }) => section === 'json_lines')!, room, 'Ann');
      const bob = await enter(context, kind, room, 'Bob');
      bob.shown.chat.length = 0;
      const text = '日本語🎉'.repeat(315);
      assert.ok(Buffer.byteLength(text) <= 4096);
      await ann.say(text);
      await ann.say('end of it');
      await bob.shown.until(isSaid('end of it'), 'the line after it');
      const pieces = bob.shown.chat.slice(0, -1).map((line) => line.slice('Ann: '.length));
      assert.equal(pieces.join(''), text);
      if (Buffer.byteLength(text) <= kind.pieceBytesMax) assert.equal(pieces.length, 1);
    });
  }
});

describe('By configuration', async () => {
  const other = await startTestServer(suite, {
    wires,
    settings: { 'older_wires.edits': false, 'older_wires.reactions': true, 'hybrid.notices': true },
  });
  const lines = wireKinds.find(({ section }) => section === 'json_lines')!;

  // Link says both as what they are, so that nothing is to be configured.
  for (const kind of wireKinds.filter(({ section }) => section !== 'link')) {
    test(`${kind.name} shows a reaction as a notice and an edit not at all`, async (context) => {
      const room = freshRoom(kind);
      const ann = await enter(context, lines, room, 'Ann', other);
      const bob = await enter(context, kind, room, 'Bob', other);
      await ann.say('hello');
      await bob.shown.until(isSaid('hello'), 'the message');
      const { hub } = other.running;
      const author = [...hub.members()].find((member) => member.user === 'Ann' && member.room.name === room)!;
      const target = author.room.log.headSeq;
      const post = (kindOf: number, text: string) => {
        const refused = hub.post(author, { kind: kindOf, target, body: new TextEncoder().encode(text) });
        assert.equal(refused, undefined);
      };
      post(EventKind.EDIT, 'hallo');
      post(EventKind.REACTION, '👍');
      await ann.say('fence');
      const reacted = 'Ann reacted: 👍';
      const shown = await bob.shown.until(({ text }) => text === reacted || text === '* hallo', 'the reaction');
      // The string dialect has no word for a notice: it is chat of the server's own.
      assert.deepEqual(
        shown.kind === 'chat' ? [shown.user, shown.text] : [shown.text],
        shown.kind === 'chat' ? ['system', reacted] : [reacted],
      );
      await bob.shown.until(isSaid('fence'), 'the line after it');
    });
  }
});

describe('A room with a password', () => {
  const host = wireKinds.find(({ name }) => name === 'ucrp, object dialect')!;

  for (const kind of wireKinds.filter(({ hasRooms }) => hasRooms)) {
    test(`${kind.name}: ${kind.canCarryPassword ? 'the password opens it' : 'it stays closed'}`, async (context) => {
      const room = freshRoom(kind);
      const ann = await host.join(server.ports, { room, user: 'Ann', password: 'open sesame' });
      context.after(() => ann.close());
      const joining = kind.join(server.ports, { room, user: 'Bob', password: 'open sesame' });
      if (!kind.canCarryPassword) {
        await assert.rejects(joining);
        return;
      }
      const bob = await joining;
      context.after(() => bob.close());
      await ann.say('inside');
      await bob.shown.until(isSaid('inside'), 'what is said inside');
    });
  }
});
