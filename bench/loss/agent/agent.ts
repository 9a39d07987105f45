/*
 * A process of the benchmark inside a namespace: `agent.ts SOCKET NAME`. It does what it is asked over a Unix socket, which
 * no namespace of networks divides, and ends when that closes: so nothing outlives the benchmark, however that ends.
 */
import { rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { nowUs } from '../../support/clock.ts';
import { goFirst } from '../../support/priority.ts';
import { Lag } from './lag.ts';
import { Players } from './players.ts';
import { Posters } from './posters.ts';
import type { AgentAnswer, AgentCall, AgentRequest, Hello } from './protocol.ts';
import { ServerHost } from './server-host.ts';
import { bulk, stream } from './stream.ts';
import { readTraffic } from './traffic.ts';

// The server inherits it.
goFirst();

const [path, name] = process.argv.slice(2) as [string, string];
const lag = new Lag();
const players = new Players();
const posters = new Posters();
const server = new ServerHost();
const finished = new AbortController();

const socket = createConnection(path);
const end = async (isOrphan: boolean): Promise<void> => {
  await server.clear();
  // The socket's folder is the benchmark's to remove, if it still can.
  if (isOrphan && name === 'server') await rm(dirname(path), { recursive: true, force: true });
  process.exit();
};
socket.on('close', () => void end(true)).on('error', () => socket.destroy());
process.on('SIGTERM', () => void end(false));
// Those who ask stop us by closing the socket, after what they need is in their hands.
process.on('SIGINT', () => {});

const say = (line: Hello | AgentAnswer): void => void socket.write(`${JSON.stringify(line)}\n`);
say({ name, pid: process.pid, serverHost: process.env.LINK_SERVER });

createInterface({ input: socket }).on('line', async (line) => {
  const { id, request } = JSON.parse(line) as AgentRequest;
  try {
    say({ id, value: (await answer(request)) ?? null });
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) });
  }
});

async function answer(request: AgentCall): Promise<unknown> {
  switch (request.call) {
    case 'serve':
      return server.serve(request).then(() => nowUs());
    case 'kill':
      return server.kill();
    case 'usage':
      return server.usage();
    case 'traffic':
      return readTraffic();
    case 'open':
      return players.open(request.seats);
    case 'stream':
      lag.restart();
      return { ...(await stream(players.all, request, finished.signal)), lagUs: lag.p999Us };
    case 'collect':
      lag.restart();
      return { ...(await players.collect(request)), lagUs: lag.p999Us };
    case 'finish':
      return finished.abort();
    case 'bulk':
      return { ...(await bulk(players.all[0]!, request)), lagUs: lag.p999Us };
    case 'link-log':
      return players.takeNotes();
    case 'post':
      return posters.begin(request);
    case 'stop-posting':
      await posters.quieten();
      return null;
    case 'first-after':
      return posters.firstAfter(request.timesUs);
    case 'close':
      return posters.end();
  }
}
