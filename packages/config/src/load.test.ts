import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError } from './errors.ts';
import { type ConfigSources, loadConfig } from './load.ts';
import { listSettings } from './schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'confab-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The one-line message that these sources are refused with. */
function refusal(sources: ConfigSources): string {
  try {
    loadConfig(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.ok(!error.message.includes('\n'), error.message);
    return error.message;
  }
  assert.fail('the configuration was accepted');
}

describe('Loading the configuration', () => {
  it('gives the documented defaults when there is no source', () => {
    const { config, origins } = loadConfig({});
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.data, './data');
    assert.deepEqual([config.hybrid.tcpPort, config.hybrid.udpPort], [9090, 9091]);
    assert.deepEqual([config.hybrid.alternate.tcpPort, config.hybrid.alternate.udpPort], [12_346, 12_347]);
    assert.equal(config.hybrid.memberTimeoutMs, 24 * 60 * 60 * 1000);
    assert.equal(config.limits.messageBytes, 4096);
    assert.equal(origins.size, 0);
  });

  it('lets the environment win over the file and a flag over both, and says where each came from', () => {
    const toml = file(
      'a.toml',
      'host = "::1"\n[hybrid]\ntcp_port = 1\nudp_port = 2\n[hybrid.alternate]\nenabled = false\n',
    );
    const { config, origins, settings } = loadConfig({
      file: toml,
      environment: {
        CONFAB_HYBRID_TCP_PORT: '3',
        CONFAB_HYBRID_UDP_PORT: '4',
        CONFAB_HYBRID_NOTICES: 'yes',
        OTHER: 'x',
      },
      flags: [{ path: 'hybrid.udp_port', value: '5', flag: '--udp-port' }],
    });
    assert.equal(config.host, '::1');
    assert.deepEqual([config.hybrid.tcpPort, config.hybrid.udpPort], [3, 5]);
    assert.equal(config.hybrid.notices, true);
    assert.equal(config.hybrid.alternate.enabled, false);
    assert.deepEqual(Object.fromEntries(origins), {
      host: { kind: 'file', name: toml, position: { line: 1, column: 1 } },
      'hybrid.tcp_port': { kind: 'variable', name: 'CONFAB_HYBRID_TCP_PORT' },
      'hybrid.udp_port': { kind: 'flag', name: '--udp-port' },
      'hybrid.notices': { kind: 'variable', name: 'CONFAB_HYBRID_NOTICES' },
      'hybrid.alternate.enabled': { kind: 'file', name: toml, position: { line: 6, column: 1 } },
    });
    const effective = new Map(settings.map(({ setting, value, origin }) => [setting.path.join('.'), [value, origin]]));
    assert.deepEqual(effective.get('hybrid.udp_port'), [5, { kind: 'flag', name: '--udp-port' }]);
    assert.deepEqual(effective.get('data'), ['./data', undefined]);
    assert.equal(effective.size, listSettings().length);
  });

  it('reads JSON when the file name says so', () => {
    const json = file('a.json', '{"limits": {"rooms": 7, "member_messages": {"burst": 9}}}');
    const { config } = loadConfig({ file: json });
    assert.equal(config.limits.rooms, 7);
    assert.deepEqual(config.limits.memberMessages, { perSecond: 100, burst: 9 });
  });

  it('names the file, the line and the column of a syntax error', () => {
    const toml = file('b.toml', 'host = "a"\ndata = = 1\n');
    assert.match(refusal({ file: toml }), /b\.toml:2:8: cannot parse/);
    assert.match(
      refusal({ file: file('b.json', '{\n  "host": }') }),
      /b\.json:2:11: cannot parse configuration file: /,
    );
    assert.match(refusal({ file: file('c.json', '[]') }), /not a table of settings/);
  });

  it('says that a file does not exist', () => {
    assert.match(
      refusal({ file: join(folder, 'none.toml') }),
      /none\.toml: cannot read configuration file: it does not exist$/,
    );
  });

  it('refuses an unknown key and suggests the nearest known one', () => {
    const toml = file('d.toml', '[hybrid]\ntcp_prot = 1\n');
    assert.match(
      refusal({ file: toml }),
      /d\.toml:2:1: unknown setting "hybrid\.tcp_prot"; did you mean "hybrid\.tcp_port"\?/,
    );
    const flags = [{ path: 'limits.romms', value: '1', flag: '--set limits.romms' }];
    assert.match(
      refusal({ flags }),
      /^--set limits\.romms: unknown setting "limits\.romms"; did you mean "limits\.rooms"\?$/,
    );
  });

  it('names the source, the setting and the value of what is not allowed', () => {
    assert.match(
      refusal({ environment: { CONFAB_HYBRID_TCP_PORT: '70000' } }),
      /^CONFAB_HYBRID_TCP_PORT: invalid value 70000 for hybrid\.tcp_port: allowed is a whole number from 0 to 65535$/,
    );
    assert.match(
      refusal({ flags: [{ path: 'hybrid.udp_port', value: 'abc', flag: '--udp-port' }] }),
      /^--udp-port: invalid value "abc" for hybrid\.udp_port: allowed is a whole number/,
    );
    assert.match(
      refusal({ file: file('e.toml', 'host = ""\n') }),
      /e\.toml:1:1: invalid value "" for host: allowed is text that is not empty/,
    );
    assert.match(
      refusal({ file: file('g2.toml', '[store]\nkind = "files"\n') }),
      /g2\.toml:2:1: invalid value "files" for store\.kind: allowed is "sqlite", "memory"/,
    );
    assert.match(
      refusal({ file: file('g.toml', 'limits = 3\n') }),
      /g\.toml:1:1: invalid value 3 for limits: allowed is a table of settings/,
    );
  });

  it('finds everything that is wrong at once, in the order of the file', () => {
    const toml = file(
      'many.toml',
      '# a comment with = and "quotes"\nhost = ""\n\n[hybrid]\ntcp_prot = 1 # wrong\nudp_port = -1\n[limts]\nrooms = 1\n',
    );
    assert.throws(
      () => loadConfig({ file: toml, flags: [{ flag: '--set', path: 'log.levle', value: 'info' }] }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(
          error.problems.map(({ source, line, column, key }) => [source, line, column, key]),
          [
            ['--set', undefined, undefined, 'log.levle'],
            [toml, 2, 1, 'host'],
            [toml, 5, 1, 'hybrid.tcp_prot'],
            [toml, 6, 1, 'hybrid.udp_port'],
            [toml, 7, 2, 'limts'],
          ],
        );
        assert.match(error.message, /^--set: .* \(and 4 more; "confab config check FILE" shows all\)$/);
        return true;
      },
    );
  });

  it('is not fooled by keys that JavaScript objects have by themselves', () => {
    const json = file('h.json', '{"__proto__": {"host": "evil"}, "constructor": 1}');
    assert.match(refusal({ file: json }), /unknown setting/);
    assert.equal(({} as { host?: string }).host, undefined);
  });

  it('has a variable of its own and a description for every setting', () => {
    const settings = listSettings();
    assert.ok(settings.length > 30);
    assert.equal(new Set(settings.map((setting) => setting.variable)).size, settings.length);
    for (const setting of settings) {
      assert.notEqual(setting.description, '', setting.variable);
      assert.notEqual(setting.fallback, undefined, setting.variable);
      assert.notEqual(setting.allowed, '', setting.variable);
    }
  });
});
