import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { listening } from '../../support/listening.ts';
import { freeTcpPort } from '../../support/ports.ts';
import { Program } from '../process.ts';
import type { LoadWire } from '../wire.ts';
import { irc, mqtt, nats } from '../wires.ts';
import type { Target } from './target.ts';

/** Ids of the user `nobody` on Debian, for servers that refuse to run as root. */
const NOBODY = 65_534;

interface Peer {
  readonly name: string;
  /** Program and Debian package. */
  readonly program: string;
  readonly wire: LoadWire;
  arguments(configuration: string): string[];
}

const known: readonly Peer[] = [
  { name: 'nats-server', program: 'nats-server', wire: nats, arguments: (file) => ['--config', file] },
  { name: 'Mosquitto, QoS 0', program: 'mosquitto', wire: mqtt, arguments: (file) => ['-c', file] },
  {
    name: 'InspIRCd',
    program: 'inspircd',
    wire: irc,
    arguments: (file) => ['--runasroot', '--nofork', '--nolog', `--config=${file}`],
  },
  { name: 'ngircd', program: 'ngircd', wire: irc, arguments: (file) => ['--nodaemon', '--config', file] },
];

/** The servers that people would otherwise choose, each with a configuration of bench/peers. */
export const peers: readonly Target[] = known.map((peer) => ({
  name: peer.name,
  kind: 'peer',
  wire: peer.wire,
  missing: () =>
    spawnSync('which', [peer.program]).status === 0
      ? undefined
      : `${peer.name} is not installed (apt-get install ${peer.program})`,
  start: async (core) => {
    const port = await freeTcpPort();
    const folder = await mkdtemp(join(tmpdir(), 'confab-bench-'));
    const file = join(folder, `${peer.program}.conf`);
    const template = await readFile(new URL(`../../peers/${peer.program}.conf`, import.meta.url), 'utf8');
    const user = userInfo().uid === 0 ? 'nobody' : userInfo().username;
    await writeFile(
      file,
      template.replaceAll('{port}', String(port)).replaceAll('{folder}', folder).replaceAll('{user}', user),
    );
    if (user === 'nobody') {
      await chmod(folder, 0o755);
      await chown(folder, NOBODY, NOBODY);
    }
    const program = new Program([peer.program, ...peer.arguments(file)], { core });
    const stop = async (): Promise<void> => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    };
    try {
      await listening(program, port);
    } catch (error) {
      await stop();
      throw error;
    }
    return { pid: program.pid, port, stop };
  },
}));
