/** Rooms whose names no path can say, by the URLs that can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, urlPathOfRoom } from '@confab/client';
import { afterwards } from '@confab/testing';
import { startTestServer } from '@confab/testing/test-server';

test('the rooms "." and ".." are met on every wire that chooses its room', async (context) => {
  const { ports } = await startTestServer(context, { wires: ['hybrid', 'json_lines', 'json_datagrams', 'http'] });
  const { address } = ports;
  const places = [
    [`ucrp://${address}:${ports.port('ucrp', 'tcp')}`, `udp=${ports.port('ucrp', 'udp')}`],
    [`jsonl://${address}:${ports.port('jsonl', 'tcp')}`, ''],
    [`jsonu://${address}:${ports.port('jsonu', 'udp')}`, ''],
    [`ws://${address}:${ports.port('ws', 'tcp')}`, ''],
  ] as const;
  for (const room of ['.', '..']) {
    const sessions = [];
    for (const [index, [place, query]] of places.entries()) {
      const session = await connect(`${place}${urlPathOfRoom(room, query)}`, { user: `user ${index}` });
      afterwards(context, () => session.leave());
      assert.equal(session.room, room);
      sessions.push(session);
    }
    const users = places.map((_, index) => `user ${index}`);
    for (const session of sessions.slice(1)) assert.deepEqual(await session.users(), users);
    await sessions[0]!.send('hello');
    for (const session of sessions.slice(1)) {
      for await (const event of session.events()) if (event.type === 'message' && event.text === 'hello') break;
    }
  }
});
