/** Junk, half-open connections and floods of packets, while two talk through the server's relay. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type BridgeClient, openBridge } from '@confab/client';
import { prng } from '@confab/testing';
import { type Mode, PROBE, RawUdp, sharedBridge } from '../support/bridge.ts';
import { inMib, percentile, residentBytes, withoutProc } from '../support/process-memory.ts';
import { eventually } from '../support/wait.ts';

const DATAGRAMS = 20_000;
const CONNECTIONS = 2000;
const LINES_MIN = 50;
/** Connections of one IP address that the server keeps unfinished. */
const UNFINISHED_MAX = 256;
/** Where floods come from: those who talk are at another address. */
const FLOOD_ADDRESS = '127.0.0.9';

/** Two that talk through the relay alone. */
async function pair(context: TestContext, port: number): Promise<{ ann: BridgeClient; bob: BridgeClient }> {
  const url = `bridge://127.0.0.1:${port}`;
  const [ann, bob] = [await openBridge(url, { path: 'relay' }), await openBridge(url, { path: 'relay' })];
  context.after(() => Promise.all([ann.close(), bob.close()]));
  await ann.register('ann');
  await ann.bridge();
  await bob.register('bob');
  await bob.bridge();
  await bob.chat();
  return { ann, bob };
}

/** Everything at once. Gives what is to be closed and how many datagrams were answered. */
async function flood(tcpPort: number, udpPort: number): Promise<{ sources: RawUdp[]; sockets: Socket[] }> {
  const random = prng(20_261_121);
  const junk = Array.from({ length: 8 }, () => Buffer.from(random.bytes(300)));
  const sources = await Promise.all(Array.from({ length: 20 }, () => RawUdp.open()));
  const sockets: Socket[] = [];
  for (let sent = 0; sent < DATAGRAMS; sent += 1) {
    const packet = sent % 3 === 0 ? junk[sent % junk.length]! : sent % 3 === 1 ? Buffer.alloc(60, 0xff) : PROBE;
    sources[sent % sources.length]!.send(udpPort, packet);
    if (sent % (DATAGRAMS / CONNECTIONS) === 0) {
      const socket = connect({ host: '127.0.0.1', port: tcpPort, localAddress: FLOOD_ADDRESS });
      socket.on('error', () => {});
      socket.resume();
      socket.write('REGISTER\r\n');
      sockets.push(socket);
    }
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { sources, sockets };
}

describe('Those who talk through the relay lose nothing under a flood', { skip: withoutProc ?? false }, () => {
  for (const mode of ['udp', 'tcp'] satisfies Mode[]) {
    const server = sharedBridge();

    test(`${DATAGRAMS} datagrams and ${CONNECTIONS} half-open connections, ${mode} mode`, async (context) => {
      const { tcpPort, udpPort, server: shared } = server();
      const { ann, bob } = await pair(context, mode === 'tcp' ? tcpPort : udpPort);
      const said: string[] = [];
      /** Bob says lines until it is over, each when the one before it is confirmed. How long each took, ms. */
      const talk = async (isOver: () => boolean): Promise<number[]> => {
        const latencies: number[] = [];
        while (!isOver() || latencies.length < LINES_MIN) {
          const text = `line ${said.length}`;
          said.push(text);
          const saidMs = performance.now();
          assert.deepEqual(await bob.send(text), { status: 'accepted' });
          latencies.push(performance.now() - saidMs);
        }
        return latencies.sort((left, right) => left - right);
      };
      const flooded = async (): Promise<number[]> => {
        let isFlooding = true;
        const flooding = flood(tcpPort, udpPort).finally(() => {
          isFlooding = false;
        });
        const latencies = await talk(() => !isFlooding);
        const { sources, sockets } = await flooding;
        const isWithinBounds = (): boolean => sockets.filter(({ destroyed }) => !destroyed).length <= UNFINISHED_MAX;
        await eventually(isWithinBounds, 'connections are within bounds');
        // Sources of floods are ignored.
        const answered = sources.reduce((sum, source) => sum + source.untaken, 0);
        assert.ok(answered <= 10 * sources.length, `${answered} answers`);
        for (const source of sources) source.close();
        for (const socket of sockets) socket.destroy();
        return latencies;
      };

      // Once before anything is measured: what is loaded, compiled and pooled by then is no leak.
      await flooded();
      const startBytes = residentBytes(shared.process.pid);
      const calm = await talk(() => true);
      const latencies = await flooded();
      const heard: string[] = [];
      for await (const event of ann.events()) {
        if (event.type === 'message') heard.push(event.text);
        if (heard.length === said.length) break;
      }
      assert.deepEqual(heard, said);
      const bytes = (): number => residentBytes(shared.process.pid);
      await eventually(() => bytes() <= startBytes * 1.2, 'memory is within 20 % of its start', 60_000);
      const [p99, calmP99] = [percentile(latencies, 0.99).toFixed(1), percentile(calm, 0.99).toFixed(1)];
      context.diagnostic(
        `p99 of ${latencies.length} lines and their confirmations ${p99} ms, without the flood ${calmP99} ms`,
      );
      context.diagnostic(
        `memory ${inMib(startBytes)} at the start, ${inMib(bytes())} now; none of ${said.length} lines lost`,
      );
    });
  }
});
