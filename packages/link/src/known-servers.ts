import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import { LinkSetupError, messageOf, systemCode } from './errors.ts';
import { isFingerprint } from './fingerprint.ts';
import { configFolder } from './folders.ts';

/** Largest file of known servers, bytes: about 15,000 of them. */
export const KNOWN_SERVERS_BYTES_MAX = 1_048_576;

/** The keys of the servers that were met before. */
export interface KnownServers {
  /** Where they are kept, for messages. */
  readonly place: string;
  /** @throws {LinkSetupError} KNOWN_SERVERS_UNUSABLE */
  find(server: string): KnownServer | undefined;
  /**
   * Remember a server that is not known yet. When somebody else did so meanwhile, theirs holds.
   * @returns what is known of it now
   * @throws {LinkSetupError} KNOWN_SERVERS_UNUSABLE
   */
  add(server: string, fingerprint: string): KnownServer;
}

export interface KnownServer {
  readonly fingerprint: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** How a server is named in the file: `host:port`, host in lower case, an IPv6 address in brackets. */
export function serverName(host: string, port: number): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return isIPv6(bare) ? `[${bare}]:${port}` : `${bare}:${port}`;
}

/** Where they are kept unless the settings say otherwise. */
export function defaultKnownServersFile(): string {
  return join(configFolder(), 'known_servers');
}

/**
 * Known servers in a text file: a line `host:port fingerprint` for each, and lines that begin with `#`. The first line of a
 * server counts. Lines are only ever appended, each with one write, so that processes need no lock: whoever was first is
 * first for all, and a write that was cut short spoils its own line alone.
 */
export function knownServersFile(file: string = defaultKnownServersFile()): KnownServers {
  const explained = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof LinkSetupError) throw cause;
      const message = `Cannot use the file of known servers "${file}": ${messageOf(cause)}`;
      throw new LinkSetupError('KNOWN_SERVERS_UNUSABLE', message, { cause });
    }
  };
  const find = (server: string): KnownServer | undefined => {
    for (const [index, line] of readText(file).split('\n').entries()) {
      const [name, fingerprint = ''] = line.trim().split(/\s+/);
      if (name !== server) continue;
      // To take a damaged line for none would be to trust anybody.
      if (!isFingerprint(fingerprint)) throw new Error(`line ${index + 1} is damaged; mend or remove it`);
      return { fingerprint, line: index + 1 };
    }
    return undefined;
  };
  return {
    place: file,
    find: (server) => explained(() => find(server)),
    add: (server, fingerprint) =>
      explained(() => {
        if (/\s/.test(server) || server.startsWith('#') || !isFingerprint(fingerprint)) {
          throw new Error(`cannot remember ${JSON.stringify(server)} with ${JSON.stringify(fingerprint)}`);
        }
        const known = find(server);
        if (known !== undefined) return known;
        const text = readText(file);
        const line = `${server} ${fingerprint}\n`;
        if (text.length + line.length > KNOWN_SERVERS_BYTES_MAX) throw new Error('it is full');
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        // After a line that was cut short, begin a new one.
        appendFileSync(file, text === '' || text.endsWith('\n') ? line : `\n${line}`, { mode: 0o600 });
        return find(server)!;
      }),
  };
}

/** For who has nowhere to keep them: what was met since. */
export function knownServersInMemory(): KnownServers {
  const known = new Map<string, KnownServer>();
  return {
    place: 'memory',
    find: (server) => known.get(server),
    add: (server, fingerprint) => {
      const found = known.get(server) ?? { fingerprint, line: known.size + 1 };
      known.set(server, found);
      return found;
    },
  };
}

function readText(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size > KNOWN_SERVERS_BYTES_MAX) throw new Error(`${size} bytes exceed ${KNOWN_SERVERS_BYTES_MAX}`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
