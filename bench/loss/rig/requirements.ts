import { spawnSync } from 'node:child_process';

/** Programs that the rig of veth pairs is made with, and Debian's packages that bring them. */
const PROGRAMS = [
  ['unshare', 'util-linux', ['--version']],
  ['nsenter', 'util-linux', ['--version']],
  ['ip', 'iproute2', ['-V']],
  ['tc', 'iproute2', ['-V']],
  ['nft', 'nftables', ['--version']],
] as const;

/** Why there can be no namespaces here, in a sentence; undefined when there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'Network namespaces need Linux.';
  const missing = PROGRAMS.filter(([program, , args]) => spawnSync(program, args).status !== 0);
  if (missing.length > 0) {
    const programs = missing.map(([program, packageName]) => `${program} (package ${packageName})`);
    return `Missing: ${programs.join(', ')}.`;
  }
  const probe = spawnSync('unshare', ['--net', '--', 'nft', 'list', 'ruleset'], { encoding: 'utf8' });
  if (probe.status === 0) return undefined;
  return `Network namespaces and firewall rules in them need root (${probe.stderr.trim().split('\n')[0]}).`;
}

/** Whether packets can be delayed by the kernel. Asked in a namespace of its own. */
export function hasNetem(): boolean {
  const args = ['--net', '--', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'];
  return spawnSync('unshare', args).status === 0;
}
