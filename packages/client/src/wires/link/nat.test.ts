import assert from 'node:assert/strict';
import { networkInterfaces, platform } from 'node:os';
import { describe, it, type TestContext } from 'node:test';
import { startTestServer } from '@confab/testing/test-server';
import { enter, urlOf } from './fixtures/chatters.ts';
import { NAT_HOST, Nat } from './fixtures/nat.ts';

/** Linux answers on all of 127.0.0.0/8. */
const skip = platform() !== 'linux' && !networkInterfaces().lo0?.some(({ address }) => address === NAT_HOST);
const REBINDINGS = 4;

async function behindNat(context: TestContext) {
  const server = await startTestServer(context, { wires: ['link'] });
  const ports = { tcp: server.ports.port('confab', 'tcp'), udp: server.ports.port('confab', 'udp') };
  const nat = await Nat.start(context, ports);
  const ann = await enter(context, `confab://${NAT_HOST}:${nat.tcpPort}/lobby`, 'Ann');
  const bob = await enter(context, urlOf(server), 'Bob');
  await ann.reader.until((event) => event.type === 'link' && event.status.path === 'udp');
  return { server, nat, ann, bob };
}

describe('A client whose NAT gives it another port in mid-session', { skip }, () => {
  for (const hasTcp of [true, false]) {
    it(`goes on over UDP ${hasTcp ? 'beside' : 'without'} its connection: nothing is missing or doubled, and nobody logs in anew`, async (context) => {
      const { nat, ann, bob } = await behindNat(context);
      if (!hasTcp) {
        nat.cut();
        await ann.session.send('cut');
      }
      const said = hasTcp ? [] : ['cut'];
      const eventsBefore = ann.reader.events.length;
      for (let turn = 0; turn < REBINDINGS; turn += 1) {
        // What is under way at that moment, in both directions, is part of the test.
        const crossing = [ann.session.send(`up ${turn}`), bob.session.send(`down ${turn}`)];
        await nat.rebind();
        await Promise.all([...crossing, ann.session.send(`after ${turn}`)]);
        await bob.session.send(`answer ${turn}`);
        await ann.reader.says(`answer ${turn}`);
        said.push(`up ${turn}`, `down ${turn}`, `after ${turn}`, `answer ${turn}`);
      }
      await bob.reader.says(`answer ${REBINDINGS - 1}`);
      assert.deepEqual(ann.reader.texts, bob.reader.texts);
      assert.deepEqual([...ann.reader.texts].sort(), said.toSorted());
      assert.equal(nat.connections, 1);
      const since = ann.reader.events.slice(eventsBefore);
      assert.ok(!since.some((event) => event.type === 'reachability'));
      assert.ok(!since.some((event) => event.type === 'link' && event.status.path === 'tcp'));
      assert.equal(ann.session.link?.path, 'udp');
    });
  }

  it('is answered there three times the bytes that came from it until it has answered a challenge, and nowhere else after that', async (context) => {
    const { nat, ann, bob } = await behindNat(context);
    await nat.rebind();
    const moved = nat.mappings.at(-1)!;
    await ann.session.send('here I am');
    // Bob's words need the new address once it has answered; the old one is not told them again.
    await bob.session.send('x'.repeat(3_000));
    await ann.reader.says('x'.repeat(3_000));
    const [first] = moved.passed;
    assert.equal(first?.direction, 'up');
    let [up, down, packets] = [0, 0, 0];
    for (const { direction, bytes } of moved.passed) {
      if (direction === 'up') packets += 1;
      if (direction === 'up') up += bytes;
      else down += bytes;
      // The second packet from there is the answer at the earliest.
      if (packets < 2) assert.ok(down <= 3 * up, `${down} bytes for ${up}`);
    }
    assert.ok(down >= 3_000);
    const old = nat.mappings.at(-2)!.passed.length;
    for (let line = 0; line < 5; line += 1) {
      await bob.session.send(`line ${line}`);
      await ann.reader.says(`line ${line}`);
    }
    assert.equal(nat.mappings.at(-2)!.passed.length, old);
  });
});
