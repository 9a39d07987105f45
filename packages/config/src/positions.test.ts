import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { parse as parseToml, stringify } from 'smol-toml';
import { locateJsonFault, locateKeys } from './positions.ts';

function located(text: string, format: 'toml' | 'json'): Record<string, string> {
  return Object.fromEntries([...locateKeys(text, format)].map(([key, { line, column }]) => [key, `${line}:${column}`]));
}

describe('Keys of a TOML file', () => {
  it('are found in tables, dotted, quoted, inline and behind values that look like keys', () => {
    const text = [
      'a = "b = 1 # no"  # c = 2',
      'd.e = 3',
      "\"f\" = '''",
      'g = 4',
      "'''",
      'h = { i = 5, j = { k = 6 } }',
      'l = [ "m = 7", # n = 8',
      '  9 ]',
      '  [o.p]',
      '  q = 2026-01-01 00:00:00',
      '[[r]]',
      's = """t = \\""" u = 1""""',
      'v = true',
    ].join('\n');
    assert.doesNotThrow(() => parseToml(text));
    assert.deepEqual(located(text, 'toml'), {
      a: '1:1',
      'd.e': '2:1',
      f: '3:1',
      h: '6:1',
      'h.i': '6:7',
      'h.j': '6:14',
      'h.j.k': '6:20',
      l: '7:1',
      'o.p': '9:4',
      'o.p.q': '10:3',
      r: '11:3',
      'r.s': '12:1',
      'r.v': '13:1',
    });
  });

  it('are all found in whatever a TOML writer writes', () => {
    const key = fc.stringMatching(/^[a-z_]{1,8}$/);
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
    const table = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf, { maxKeys: 3, noNullPrototype: true })), {
      maxKeys: 5,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(table, (tree) => {
        const text = stringify(tree);
        const lines = text.split('\n');
        for (const [name, value] of Object.entries(tree)) {
          const nested = typeof value === 'object' && !Array.isArray(value);
          for (const path of nested ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name]) {
            const place = locateKeys(text, 'toml').get(path);
            assert.ok(place !== undefined, `${path} in\n${text}`);
            assert.ok(lines[place.line - 1]!.slice(place.column - 1).startsWith(path.split('.').at(-1)!));
          }
        }
      }),
      { numRuns: propertyRuns() },
    );
  });

  it('never make it throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        locateKeys(text, 'toml');
        locateKeys(text, 'json');
        locateJsonFault(text);
      }),
      { numRuns: propertyRuns() },
    );
  });
});

describe('A JSON file', () => {
  it('has its keys found', () => {
    assert.deepEqual(located('{\n  "a": {"b": [1, {"c": "\\"d\\":"}]},\n  "e": null }', 'json'), {
      a: '2:3',
      'a.b': '2:9',
      'a.b.[].c': '2:19',
      e: '3:3',
    });
  });

  it('says where it stops being JSON, and only then', () => {
    assert.deepEqual(locateJsonFault('{"a": 1,\n "b" 2}'), { line: 2, column: 5 });
    assert.deepEqual(locateJsonFault('{"a": 1}}'), { line: 1, column: 9 });
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => assert.equal(locateJsonFault(text), undefined)),
      { numRuns: propertyRuns() },
    );
  });
});
