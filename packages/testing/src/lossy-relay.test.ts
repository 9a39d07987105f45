import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LossyRelay, type LossyRelayOptions } from './lossy-relay.ts';
import { UdpPeer } from './raw/ucrp.ts';

const COUNT = 200;

/** What comes of so many datagrams, sent one by one so that nothing but the relay can reorder them. */
async function pass(context: TestContext, options: LossyRelayOptions): Promise<string[]> {
  const [server, client] = [await UdpPeer.open(), await UdpPeer.open()];
  server.hearFrom('anywhere');
  const relay = await LossyRelay.open({ address: '127.0.0.1', port: server.port }, options);
  context.after(() => {
    relay.close();
    server.close();
    client.close();
  });
  const arrived: string[] = [];
  server.onDatagram = ({ bytes }) => arrived.push(bytes.toString());
  for (let index = 0; index < COUNT; index += 1) {
    await client.send(Buffer.from(String(index)), { address: '127.0.0.1', udpPort: relay.port });
  }
  const { counts } = relay;
  const isDone = (): boolean => counts.forwarded === counts.taken - counts.lost + counts.duplicated;
  while (counts.taken < COUNT || !isDone() || arrived.length < counts.forwarded) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return arrived;
}

test('without faults everything passes, in order', async (context) => {
  const arrived = await pass(context, { seed: 1 });
  assert.deepEqual(
    arrived,
    Array.from({ length: COUNT }, (_, index) => String(index)),
  );
});

test('the same seed loses and doubles the same datagrams, another seed others', async (context) => {
  const faults = { loss: 0.3, duplicate: 0.2, reorder: 0.2 };
  const [first, again, other] = [
    await pass(context, { seed: 7, ...faults }),
    await pass(context, { seed: 7, ...faults }),
    await pass(context, { seed: 8, ...faults }),
  ];
  assert.deepEqual(first.toSorted(), again.toSorted());
  assert.notDeepEqual(first.toSorted(), other.toSorted());
  const distinct = new Set(first);
  assert.ok(distinct.size > COUNT * 0.6 && distinct.size < COUNT * 0.8, `${distinct.size} of ${COUNT} passed`);
  assert.ok(first.length > distinct.size, 'some came twice');
  assert.notDeepEqual(
    first,
    first.toSorted((left, right) => Number(left) - Number(right)),
    'some were overtaken',
  );
});
