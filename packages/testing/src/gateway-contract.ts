import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { CleanUps, type WithCleanUp } from './clean-up.ts';
import { prng } from './prng.ts';
import type { ServerPorts, WireKind, WireMember } from './raw/member.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Lines of the flood that one address sends; above every rate of the default configuration. */
const FLOOD_LINES = 3000;
/** Datagrams or requests of junk. */
const JUNK_COUNT = 300;

/** The room that members of a wire share when they cannot choose. */
export const SHARED_ROOM = 'stage1';

/** A gateway that is told apart by what it is configured to do, not by its wire. */
export interface GatewayVariant {
  readonly variant?: string;
  /** By dotted path. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** Every datagram by itself, as where the system or Node has no better. */
export const oneByOne: GatewayVariant = {
  variant: 'datagrams one by one',
  settings: { 'net.batch_datagrams': 'off' },
};

/** Streams without system calls of our own, as where the system or Node has none. */
export const byNodeNet: GatewayVariant = {
  variant: 'written to by node:net',
  settings: { 'net.direct_writes': 'off' },
};

/** Streams written to by a system call for each, as where the kernel has no io_uring. */
export const withoutRing: GatewayVariant = {
  variant: 'each stream by its own call',
  settings: { 'net.direct_writes': 'single' },
};

/**
 * What every gateway owes its members and everybody else, whatever its wire: called by the tests of each gateway for each
 * of its dialects and layouts. Members are raw clients, written from the wire's page alone.
 */
export function gatewayContract(kind: WireKind, { variant, settings = {} }: GatewayVariant = {}): void {
  const name = variant === undefined ? kind.name : `${kind.name}, ${variant}`;
  describe(`The gateway contract, ${name}`, () => {
    let server: TestServer;
    let rooms = 0;
    const suite = new CleanUps();
    after(() => suite.run());

    const open = async (): Promise<ServerPorts> => {
      server ??= await startTestServer(suite, { wires: [kind.section], settings });
      return server.ports;
    };
    const room = (): string => {
      rooms += 1;
      return kind.hasRooms ? `room ${rooms}` : SHARED_ROOM;
    };
    const enter = async (context: WithCleanUp, name: string, user: string): Promise<WireMember> => {
      const member = await kind.join(await open(), { room: name, user });
      context.after(() => member.close());
      return member;
    };
    /** Two members, each of whom is known to hear the other. */
    const pair = async (context: WithCleanUp): Promise<[WireMember, WireMember]> => {
      const name = room();
      const ann = await enter(context, name, `Ann ${rooms}`);
      const bob = await enter(context, name, `Bob ${rooms}`);
      return [ann, bob];
    };

    test('who has joined is heard, in the order of speaking, whole and as who spoke', async (context) => {
      const [ann, bob] = await pair(context);
      const texts = ['hello', 'two  blanks ', 'Grüße 🎉 日本語', '{"type":"leave"}', 'x'.repeat(200)];
      for (const text of texts) {
        await ann.say(text);
        assert.equal(await bob.shown.nextChat(), `${ann.user}: ${text}`);
      }
      await bob.say('and back');
      await ann.shown.until((shown) => shown.kind === 'chat' && shown.text === 'and back', 'the answer');
    });

    test(kind.hasEcho ? 'a line is shown to its sender, too' : 'a line is not shown to its sender', async (context) => {
      const [ann, bob] = await pair(context);
      await ann.say('mine');
      await bob.shown.nextChat();
      await bob.say('fence');
      await ann.shown.until((shown) => shown.kind === 'chat' && shown.text === 'fence', 'the fence');
      assert.equal(ann.shown.chat.includes(`${ann.user}: mine`), kind.hasEcho);
    });

    test('who has left hears nothing more and is not heard', { skip: !kind.canLeave }, async (context) => {
      const [ann, bob] = await pair(context);
      const eve = await enter(context, kind.hasRooms ? `room ${rooms}` : SHARED_ROOM, `Eve ${rooms}`);
      await eve.leave();
      if (kind.hasNotices) await ann.shown.notice(new RegExp(`${eve.user}.* left|left.*${eve.user}|${eve.user} left`));
      await eve.say('still here?').catch(() => {});
      await ann.say('fence');
      await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === 'fence', 'the fence');
      assert.ok(!bob.shown.chat.includes(`${eve.user}: still here?`));
      assert.ok(!eve.shown.chat.some((line) => line.endsWith(': fence')));
    });

    test('rooms do not hear each other', { skip: !kind.hasRooms }, async (context) => {
      const [ann, bob] = await pair(context);
      const [cid, dan] = await pair(context);
      await ann.say('in the first');
      assert.equal(await bob.shown.nextChat(), `${ann.user}: in the first`);
      await cid.say('in the second');
      assert.equal(await dan.shown.nextChat(), `${cid.user}: in the second`);
      assert.ok(!bob.shown.chat.some((line) => line.includes('second')));
    });

    test('junk from a member and from strangers costs nobody else anything', async (context) => {
      const [ann, bob] = await pair(context);
      const eve = await enter(context, kind.hasRooms ? `room ${rooms}` : SHARED_ROOM, `Eve ${rooms}`);
      const random = prng(1);
      const ports = await open();
      for (let count = 0; count < JUNK_COUNT; count += 1) {
        const bytes = random.bytes(random.int(1, 400));
        // A line feed would make several lines of it, which is no harm but hard to follow.
        for (let index = 0; index < bytes.length; index += 1) if (bytes[index] === 10) bytes[index] = 11;
        await eve.sendJunk(bytes);
        if (count % 10 === 0) await kind.junk(ports, bytes);
      }
      for (let line = 0; line < 20; line += 1) {
        await ann.say(`line ${line}`);
        await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === `line ${line}`, `line ${line}`);
      }
    });

    test('a flood of one member costs the others nothing, and the server goes on', async (context) => {
      const [ann, bob] = await pair(context);
      const name = kind.hasRooms ? room() : SHARED_ROOM;
      const eve = await enter(context, name, `Eve ${rooms}`);
      const flood = (async () => {
        // What is refused may never be confirmed: nobody waits for it.
        for (let line = 0; line < FLOOD_LINES; line += 1) void eve.say(`flood ${line}`).catch(() => {});
      })();
      for (let line = 0; line < 20; line += 1) {
        await ann.say(`line ${line}`);
        await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === `line ${line}`, `line ${line}`);
      }
      await flood;
      await ann.say('after');
      await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === 'after', 'what came after the flood');
    });

    test('a member that does not read costs the others nothing, and misses nothing when it reads on', async (context) => {
      const [ann, bob] = await pair(context);
      const eve = await enter(context, kind.hasRooms ? `room ${rooms}` : SHARED_ROOM, `Eve ${rooms}`);
      if (eve.stall === undefined) {
        context.skip('on this wire every member is written to once, whether it reads or not');
        return;
      }
      eve.stall();
      const padding = 'x'.repeat(4000);
      const count = 900;
      for (let line = 0; line < count; line += 1) {
        await ann.say(`${line} ${padding}`);
        if (line % 30 !== 29) continue;
        await bob.shown.until((shown) => shown.kind === 'chat' && shown.text.startsWith(`${line} `), `line ${line}`);
      }
      eve.proceed?.();
      await eve.shown.until(
        (shown) => shown.kind === 'chat' && shown.text.startsWith(`${count - 1} `),
        'the last line',
      );
      assert.deepEqual(
        eve.shown.chat.map((line) => Number(/: (\d+) /.exec(line)?.[1])),
        Array.from({ length: count }, (_, line) => line),
      );
    });

    test('a member that vanishes costs the others nothing', async (context) => {
      const [ann, bob] = await pair(context);
      const eve = await enter(context, kind.hasRooms ? `room ${rooms}` : SHARED_ROOM, `Eve ${rooms}`);
      eve.close();
      for (let line = 0; line < 20; line += 1) {
        await ann.say(`line ${line}`);
        await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === `line ${line}`, `line ${line}`);
      }
    });

    test('a stop of the server is orderly, and what was said is there after it', async (context) => {
      const own = await startTestServer(context, { wires: [kind.section], settings });
      const name = kind.hasRooms ? 'lobby' : SHARED_ROOM;
      const ann = await kind.join(own.ports, { room: name, user: 'Ann' });
      const bob = await kind.join(own.ports, { room: name, user: 'Bob' });
      context.after(() => {
        ann.close();
        bob.close();
      });
      await ann.say('before the stop');
      assert.equal(await bob.shown.nextChat(), 'Ann: before the stop');
      const found = own.running.hub.findRoom(name);
      await own.stop();
      assert.ok(found !== undefined);
      assert.deepEqual(
        own.log.filter((line) => /"level":[56]0/.test(line)),
        [],
        'no error is logged',
      );
    });
  });
}
