import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import type { Traffic } from '../agent/protocol.ts';
import { type Agent, agentProgram, Crew } from './crew.ts';
import type { LinkConditions, LinkFacts, Rig } from './rig.ts';

/** How long the tool may take to end when its commands have, ms. */
const END_TIMEOUT_MS = 5000;
const DEFAULT_HOST = '10.99.0.2';

interface ToolStats {
  readonly up: DirectionStats;
  readonly down: DirectionStats;
}

interface DirectionStats {
  readonly in_pkts: number;
  readonly lost: number;
  readonly late_us?: { readonly p999: number };
}

/**
 * The link is a program's: it runs the server in one namespace and both groups of clients in another, and forwards packets
 * between them (bench/loss/README.md has its interface). It starts the clients when the server listens.
 *
 * @param serve asks the server's agent to start the server on `port`
 */
export async function openToolRig(
  tool: string,
  socketPath: string,
  conditions: LinkConditions,
  port: number,
  serve: (server: Agent) => Promise<void>,
): Promise<Rig> {
  const crew = await Crew.listen(socketPath);
  const statsFile = `${socketPath}.stats`;
  const { loss, lossRun, delayMs, rateKbit, seed } = conditions;
  const options = {
    delay: delayMs,
    loss,
    seed,
    'wait-tcp': port,
    stats: statsFile,
    ...(lossRun > 1 ? { burst: lossRun } : {}),
    ...(rateKbit === undefined ? {} : { rate: rateKbit }),
  };
  const agent = (name: string): string[] => [process.execPath, agentProgram, crew.path, name];
  const child = spawn(
    tool,
    [
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...['--', ...agent('server'), ':::', ...agent('a'), ':::', ...agent('b')],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4096);
  });
  const exited = once(child, 'exit').catch((error: unknown) => {
    crew.fail(new Error(`Cannot run the link's tool: ${error instanceof Error ? error.message : String(error)}`));
  });
  void exited.then(() => crew.fail(new Error(`The link's tool ended: ${output.trim()}`)));
  const terminate = (): void => void child.kill('SIGTERM');
  process.once('exit', terminate);
  const finish = async (agents: readonly Agent[]): Promise<void> => {
    // The clients first: the tool ends when they have.
    await Promise.all(agents.map((member) => member.dismiss()));
    const timer = setTimeout(terminate, END_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
    process.off('exit', terminate);
    crew.close();
  };
  try {
    const server = await crew.member('server');
    await serve(server);
    const [a, b] = await Promise.all([crew.member('a'), crew.member('b')]);
    const host = server.serverHost ?? DEFAULT_HOST;
    return {
      server,
      a,
      b,
      hosts: { a: host, b: host },
      delayMs,
      ipBytes: async () => {
        // Both groups of clients share a namespace; its device carries bare IP.
        const all = await Promise.all([server, a].map((member) => member.ask<Traffic>({ call: 'traffic' })));
        return all.reduce((total, { bytes }) => total + bytes, 0);
      },
      block: undefined,
      close: async () => {
        await finish([a, b]);
        return readFacts(statsFile);
      },
    };
  } catch (error) {
    terminate();
    await finish(crew.present);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${output.trim()}`, { cause: error });
  }
}

async function readFacts(file: string): Promise<LinkFacts | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  await rm(file);
  return parseFacts(text);
}

/** What the tool's `--stats` file says. */
export function parseFacts(text: string): LinkFacts {
  const { up, down } = JSON.parse(text) as ToolStats;
  const lateUs = Math.max(up.late_us?.p999 ?? Number.NaN, down.late_us?.p999 ?? Number.NaN);
  return {
    packets: up.in_pkts + down.in_pkts,
    lost: up.lost + down.lost,
    lateUs: Number.isNaN(lateUs) ? undefined : lateUs,
  };
}
