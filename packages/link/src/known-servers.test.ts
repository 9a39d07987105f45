import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { isFingerprint } from './fingerprint.ts';
import { configFolder, stateFolder } from './folders.ts';
import { KNOWN_SERVERS_BYTES_MAX, knownServersFile, knownServersInMemory, serverName } from './known-servers.ts';

const fingerprint = (byte: number): string => Buffer.alloc(32, byte).toString('base64url');
const unusable = (message: RegExp) => ({ name: 'LinkSetupError', code: 'KNOWN_SERVERS_UNUSABLE', message });

for (const [kind, open] of [
  ['in a file', (file: string) => knownServersFile(file)],
  ['in memory', () => knownServersInMemory()],
] as const) {
  describe(`Known servers ${kind}`, () => {
    it('are found by host and port, with the fingerprint that was there first', (context) => {
      const servers = open(join(temporaryDirectory(context).path, 'known_servers'));
      assert.equal(servers.find('a:1'), undefined);
      assert.deepEqual(servers.add('a:1', fingerprint(1)), { fingerprint: fingerprint(1), line: 1 });
      assert.deepEqual(servers.add('b:1', fingerprint(2)), { fingerprint: fingerprint(2), line: 2 });
      assert.equal(servers.add('a:1', fingerprint(3)).fingerprint, fingerprint(1));
      assert.equal(servers.find('a:1')?.fingerprint, fingerprint(1));
      assert.equal(servers.find('a:2'), undefined);
    });
  });
}

describe('The file of known servers', () => {
  it('is readable by its owner alone, as is its folder, and is made when there is something to write', (context) => {
    const file = join(temporaryDirectory(context).path, 'confab', 'known_servers');
    const servers = knownServersFile(file);
    servers.find('a:1');
    assert.equal(existsSync(dirname(file)), false);
    servers.add('a:1', fingerprint(1));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
    assert.equal(readFileSync(file, 'utf8'), `a:1 ${fingerprint(1)}\n`);
  });

  it('may be edited by hand: comments, blanks and other line ends are read', (context) => {
    const file = join(temporaryDirectory(context).path, 'known_servers');
    writeFileSync(file, `# mine\r\n\r\n  a:1\t${fingerprint(1)}  since May\r\n`);
    const servers = knownServersFile(file);
    assert.deepEqual(servers.find('a:1'), { fingerprint: fingerprint(1), line: 3 });
    servers.add('b:1', fingerprint(2));
    assert.equal(servers.find('b:1')?.line, 4);
  });

  it('survives a write that was cut short: the next one begins its own line', (context) => {
    const file = join(temporaryDirectory(context).path, 'known_servers');
    const servers = knownServersFile(file);
    servers.add('a:1', fingerprint(1));
    appendFileSync(file, 'b:1 AQEB');
    servers.add('c:1', fingerprint(3));
    assert.deepEqual([servers.find('a:1')?.line, servers.find('c:1')?.line], [1, 3]);
  });

  it('with a damaged line does not make that server one that was never met', (context) => {
    const file = join(temporaryDirectory(context).path, 'known_servers');
    writeFileSync(file, 'a:1 AQEB\nb:1\n');
    const servers = knownServersFile(file);
    assert.throws(() => servers.find('a:1'), unusable(/line 1 is damaged/));
    assert.throws(() => servers.add('b:1', fingerprint(1)), unusable(/line 2 is damaged/));
  });

  it('is shared by processes: all of them end with the same key for a server', async (context) => {
    const file = join(temporaryDirectory(context).path, 'known_servers');
    const results = await Promise.all(
      Array.from({ length: 4 }, (_, index) => {
        const child = fork(new URL('./fixtures/remember.ts', import.meta.url), [file, fingerprint(index + 1)]);
        return new Promise<string[]>((resolve, reject) => {
          child.once('message', (found) => resolve(found as string[]));
          child.once('exit', (code) => reject(new Error(`exit ${code}`)));
        });
      }),
    );
    for (const found of results) assert.deepEqual(found, results[0]);
    assert.equal(results[0]?.length, 20);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    for (const line of lines) assert.match(line, /^server-\d+:1 [\w-]{43}$/);
  });

  it('is bounded, in reading and in writing', (context) => {
    const file = join(temporaryDirectory(context).path, 'known_servers');
    const servers = knownServersFile(file);
    writeFileSync(file, `#${'x'.repeat(KNOWN_SERVERS_BYTES_MAX - 2)}\n`);
    assert.equal(servers.find('a:1'), undefined);
    assert.throws(() => servers.add('a:1', fingerprint(1)), unusable(/it is full/));
    appendFileSync(file, '\n');
    assert.throws(() => servers.find('a:1'), unusable(/exceed 1048576/));
  });

  it('takes no name that would be another line, and no fingerprint that is none', (context) => {
    const servers = knownServersFile(join(temporaryDirectory(context).path, 'known_servers'));
    for (const name of ['a b:1', 'a:1\nb:1', '#a:1']) {
      assert.throws(() => servers.add(name, fingerprint(1)), unusable(/cannot remember/));
    }
    assert.throws(() => servers.add('a:1', 'short'), unusable(/cannot remember/));
  });

  it('that cannot be used says so instead of trusting anybody', (context) => {
    const { path } = temporaryDirectory(context);
    assert.throws(() => knownServersFile(path).find('a:1'), unusable(/EISDIR|directory/));
    const file = join(path, 'known_servers');
    writeFileSync(file, '', { mode: 0o400 });
    chmodSync(file, 0o400);
    if (process.getuid?.() !== 0)
      assert.throws(() => knownServersFile(file).add('a:1', fingerprint(1)), unusable(/EACCES/));
  });
});

describe('The name of a server', () => {
  it('is host and port, in the one way there is to write them', () => {
    assert.equal(serverName('Chat.Example', 9443), 'chat.example:9443');
    assert.equal(serverName('192.0.2.1', 1), '192.0.2.1:1');
    assert.equal(serverName('[2001:DB8::1]', 9443), '[2001:db8::1]:9443');
    assert.equal(serverName('2001:db8::1', 9443), '[2001:db8::1]:9443');
  });
});

describe('A fingerprint', () => {
  it('is 32 bytes in base64url, written in the one way there is', () => {
    assert.equal(isFingerprint(fingerprint(255)), true);
    const last = fingerprint(0).slice(0, -1);
    for (const wrong of ['', last, `${last}B`, `${fingerprint(0)}=`, '+'.repeat(43), ' '.repeat(43), 'A'.repeat(44)]) {
      assert.equal(isFingerprint(wrong), false, wrong);
    }
  });
});

describe("The user's folders", () => {
  const home = '/home/ann';
  const at = (environment: Record<string, string>, platform: NodeJS.Platform = 'linux') => {
    const context = { environment, platform, home };
    return [configFolder(context), stateFolder(context)];
  };

  it('are those of the XDG specification, which has relative paths ignored', () => {
    assert.deepEqual(at({}), ['/home/ann/.config/confab', '/home/ann/.local/state/confab']);
    assert.deepEqual(at({ XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s' }), ['/c/confab', '/s/confab']);
    assert.deepEqual(at({ XDG_CONFIG_HOME: 'c', XDG_STATE_HOME: '' }), at({}));
  });

  it("are the system's on Windows", () => {
    assert.deepEqual(at({ APPDATA: '/roaming', LOCALAPPDATA: '/local' }, 'win32'), [
      '/roaming/confab',
      '/local/confab',
    ]);
  });
});
