import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Traffic } from '../agent/protocol.ts';
import { type Agent, agentProgram, Crew } from './crew.ts';
import { arrivalRules, listCounters, parseCounters } from './firewall.ts';
import type { Block, LinkConditions, LinkFacts, Rig } from './rig.ts';
import { CommandError, runIn } from './shell.ts';

/** Each leg has a network of its own, inside namespaces of its own: these addresses exist nowhere else. */
const hosts = { a: '10.91.1.1', b: '10.91.2.1' } as const;
const clients = { a: '10.91.1.2', b: '10.91.2.2' } as const;
const legs = ['a', 'b'] as const;
const ETHERNET_BYTES = 14;
/** What a queue in front of a slow link holds, bytes, and the least that its token bucket must. */
const QUEUE_BYTES = 65_536;
const BUCKET_BYTES = 1600;
const QUEUE_PACKETS = 10_000;
/** How long an agent may take to end, ms. */
const END_TIMEOUT_MS = 5000;

/**
 * Three namespaces, joined by two pairs of virtual Ethernet: the kernel's own link. The namespaces have no name and belong to
 * the agents in them, so that they and everything in them are gone when the agents are; the host's own network is not touched.
 *
 * @throws {CommandError} the kernel or its tools said no
 */
export async function openVethRig(socketPath: string, conditions: LinkConditions): Promise<Rig> {
  const crew = await Crew.listen(socketPath);
  const processes: ChildProcess[] = [];
  const close = async (agents: readonly Agent[]): Promise<void> => {
    await Promise.all(agents.map((agent) => agent.dismiss()));
    crew.close();
    await Promise.all(processes.map(ended));
  };
  try {
    for (const name of ['server', ...legs]) processes.push(spawnAgent(crew, name));
    const [server, a, b] = await Promise.all([crew.member('server'), crew.member('a'), crew.member('b')]);
    const sides = { server, a, b };
    const delayMs = await build(sides, conditions);
    const { loss } = conditions;
    return {
      ...sides,
      hosts,
      delayMs,
      ipBytes: async () => {
        const all = await Promise.all([server, a, b].map((agent) => agent.ask<Traffic>({ call: 'traffic' })));
        return all.reduce((total, { bytes, packets }) => total + bytes - packets * ETHERNET_BYTES, 0);
      },
      block: async (block: Block | undefined) => {
        const blockedOn = (side: 'up' | 'down') => (block?.directions.includes(side) ? block.protocol : undefined);
        // All at the same time: how long a session takes to notice counts from before the first of them.
        await Promise.all([
          filter(server, loss, blockedOn('up')),
          ...legs.map((leg) => filter(sides[leg], loss, blockedOn('down'))),
        ]);
      },
      close: async (): Promise<LinkFacts> => {
        const counted = await Promise.all(
          [server, a, b].map(async ({ pid }) => parseCounters(await runIn(pid, 'nft', listCounters))),
        );
        await close([server, a, b]);
        return {
          packets: counted.reduce((total, { packets }) => total + packets, 0),
          lost: counted.reduce((total, { lost }) => total + lost, 0),
          lateUs: undefined,
        };
      },
    };
  } catch (error) {
    await close(crew.present);
    throw error;
  }
}

/** It ends by itself when its socket has closed; it is not waited for without end. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
  await once(child, 'exit');
  clearTimeout(timer);
}

function spawnAgent(crew: Crew, name: string): ChildProcess {
  const child = spawn('unshare', ['--net', '--', process.execPath, agentProgram, crew.path, name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4096);
  });
  child.once('error', (error) => crew.fail(new CommandError('unshare --net', error.message)));
  child.once('exit', () => crew.fail(new CommandError('unshare --net', output)));
  return child;
}

/** @returns the delay each way, ms */
async function build(
  sides: Readonly<Record<'server' | 'a' | 'b', Agent>>,
  { loss, delayMs, rateKbit }: LinkConditions,
): Promise<number> {
  const { server } = sides;
  for (const { pid } of Object.values(sides)) {
    await runIn(pid, 'sh', [
      '-c',
      'for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done; ip link set lo up',
    ]);
    await filter({ pid }, loss, undefined);
  }
  // Packets go one by one, as on a wire: none is cut into pieces, or put together, behind the counters' and the firewall's back.
  const single = ['gso_max_segs', '1'];
  let realDelayMs = 0;
  for (const leg of legs) {
    const { pid } = sides[leg];
    await runIn(server.pid, 'ip', [
      'link',
      'add',
      'name',
      `leg-${leg}`,
      'type',
      'veth',
      'peer',
      'name',
      'wan',
      'netns',
      String(pid),
    ]);
    for (const [side, device, address] of [
      [server.pid, `leg-${leg}`, hosts[leg]],
      [pid, 'wan', clients[leg]],
    ] as const) {
      await runIn(side, 'ip', ['link', 'set', 'dev', device, ...single]);
      await runIn(side, 'ip', ['addr', 'add', `${address}/24`, 'dev', device]);
      await runIn(side, 'ip', ['link', 'set', device, 'up']);
      realDelayMs = await shape(side, device, delayMs, rateKbit);
    }
  }
  return realDelayMs;
}

/** Delay and rate of what leaves by this device. @returns the delay; 0 where the kernel has no netem */
async function shape(pid: number, device: string, delayMs: number, rateKbit: number | undefined): Promise<number> {
  const add = ['qdisc', 'add', 'dev', device, 'root'];
  if (delayMs > 0) {
    const rate = rateKbit === undefined ? [] : ['rate', `${rateKbit}kbit`];
    try {
      await runIn(pid, 'tc', [...add, 'netem', 'delay', `${delayMs}ms`, 'limit', String(QUEUE_PACKETS), ...rate]);
      return delayMs;
    } catch (error) {
      if (!(error instanceof CommandError) || !/unknown|No such file/.test(error.stderr)) throw error;
    }
  }
  if (rateKbit !== undefined) {
    const bucket = ['rate', `${rateKbit}kbit`, 'burst', String(BUCKET_BYTES), 'limit', String(QUEUE_BYTES)];
    await runIn(pid, 'tc', [...add, 'tbf', ...bucket]);
  }
  return 0;
}

function filter({ pid }: { readonly pid: number }, loss: number, blocked: 'tcp' | 'udp' | undefined): Promise<string> {
  return runIn(pid, 'nft', ['-f', '-'], arrivalRules({ loss, blocked }));
}
