import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { type LoggedEvent, messagesOf, readLog } from '../support/log.ts';
import { reservePorts, TestServer } from '../support/server-process.ts';
import { decodeChat, type MemberRequest, RawMember } from '../support/ucrp.ts';
import { within } from '../support/wait.ts';

const ROOM = 'survivors';
const LINES_EACH = 100;
/** Lines of one member that are under way at the same time. */
const WINDOW = 4;
/** How many different lines have been heard when the process is killed. */
const KILL_AT = [200, 450, 700];

/** Ten members of all kinds. */
const kinds: Omit<MemberRequest, 'room' | 'user'>[] = [
  {},
  { dialect: 'object' },
  { datagrams: 'four-byte' },
  { dialect: 'object', datagrams: 'four-byte' },
  { layout: 'header31' },
  { layout: 'name-first', dialect: 'object' },
  { layout: 'padded28' },
  { dialect: 'object', options: { dialect: 'string', echo: true }, chatDialect: 'string' },
  {},
  { dialect: 'object' },
];

test('killed three times in the middle of a thousand lines, the server loses, doubles and reorders nothing that was heard', async (context) => {
  const folder = temporaryDirectory(context);
  const data = `${folder.path}/data`;
  const ports = await reservePorts();
  const start = async (): Promise<TestServer> => folder.closing(await TestServer.start({ data, ...ports }));
  let server = await start();

  const members: RawMember[] = [];
  for (const [index, kind] of kinds.entries()) {
    const enter = index === 0 ? RawMember.create : RawMember.join;
    members.push(await enter(server, { ...kind, room: ROOM, user: `user ${index}` }));
  }

  const heard = members.map((): string[] => []);
  const heardByAny = new Set<string>();
  const waiting = new Map<string, () => void>();
  const killAt = [...KILL_AT];
  const snapshots: LoggedEvent[][] = [];
  let up = Promise.withResolvers<void>();
  let restarts: Promise<void> = Promise.resolve();

  const restart = async (): Promise<void> => {
    assert.deepEqual(await server.process.exited(), { code: null, signal: 'SIGKILL' });
    snapshots.push(readLog(data, ROOM));
    server = await start();
    up.resolve();
  };
  for (const [index, member] of members.entries()) {
    member.peer.onDatagram = ({ bytes }) => {
      const text = decodeChat(member.form, bytes)?.text ?? `not a chat line: ${bytes.toString('hex')}`;
      heard[index]!.push(text);
      heardByAny.add(text);
      waiting.get(text)?.();
      if (heardByAny.size < (killAt[0] ?? Number.POSITIVE_INFINITY)) return;
      killAt.shift();
      process.kill(server.process.pid, 'SIGKILL');
      up = Promise.withResolvers();
      // What is under way may be lost: nobody waits for it any longer.
      for (const giveUp of waiting.values()) giveUp();
      restarts = restart();
    };
  }

  // One line of each first, so that the address of each is known and kept.
  for (const [index, member] of members.entries()) {
    const isHeard = new Promise<void>((resolve) => waiting.set(`${index}: here`, resolve));
    await member.send(`${index}: here`);
    await within(isHeard, `${member.user} is heard`);
  }
  waiting.clear();
  up.resolve();

  const talk = async (index: number, lines: Iterator<number>): Promise<void> => {
    for (let line = lines.next(); line.done !== true; line = lines.next()) {
      await up.promise;
      const text = `${index}: line ${line.value}`;
      const isOver = new Promise<void>((resolve) => waiting.set(text, resolve));
      await members[index]!.send(text);
      await within(isOver, `line "${text}" is heard`);
      waiting.delete(text);
    }
  };
  await Promise.all(
    members.flatMap((_, index) => {
      const lines = Array.from({ length: LINES_EACH }, (_, line) => line + 1).values();
      return Array.from({ length: WINDOW }, () => talk(index, lines));
    }),
  );
  await restarts;
  assert.equal(snapshots.length, KILL_AT.length);
  assert.deepEqual(await server.process.end('SIGTERM'), { code: 0, signal: null });

  const log = readLog(data, ROOM);
  assert.deepEqual(
    log.map(({ seq }) => seq),
    log.map((_, index) => index + 1),
    'sequence numbers without a gap',
  );
  assert.ok(
    log.every(({ position }, index) => index === 0 || position > log[index - 1]!.position),
    'positions only rise',
  );
  for (const [kill, snapshot] of snapshots.entries()) {
    assert.ok(messagesOf(snapshot).length >= KILL_AT[kill]!, 'what was heard was in the log already');
    assert.deepEqual(
      log.slice(0, snapshot.length),
      snapshot,
      `what stood in the log at kill ${kill + 1} still stands there`,
    );
  }

  const said = messagesOf(log);
  const placeOf = new Map(said.map((text, place) => [text, place]));
  assert.equal(placeOf.size, said.length, 'no line is in the log twice');
  for (const text of heardByAny) assert.ok(placeOf.has(text), `"${text}" was heard, so it is in the log`);
  for (const [index, texts] of heard.entries()) {
    const places = texts.map((text) => placeOf.get(text)!);
    const disorder = places.findIndex((place, at) => at > 0 && place <= places[at - 1]!);
    assert.equal(disorder, -1, `user ${index} heard "${texts[disorder]}" twice or out of order`);
  }
  // Only what was under way at a kill may be missing.
  const lost = members.length * (LINES_EACH + 1) - said.length;
  assert.ok(lost <= KILL_AT.length * members.length * WINDOW, `${lost} lines lost`);
  context.diagnostic(`${said.length} lines in the log, ${heardByAny.size} heard by somebody, ${lost} lost`);

  const database = new DatabaseSync(join(data, 'confab.db'), { readOnly: true });
  assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  database.close();
});
