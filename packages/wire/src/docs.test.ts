import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  hexBytes,
  loadVectors,
  type VectorHex,
  type VectorText,
  vectorBytes,
  vectorText,
} from '@confab/testing/vectors';
import { encodeUtf8 } from './text.ts';

/** A golden vector; the text protocols write `line` where they can. */
type NamedVector = { readonly name: string } & ({ readonly hex: VectorHex } | { readonly line: VectorText });

/** All golden vectors of a protocol, by name. */
function vectorsOf(protocol: string): Map<string, Uint8Array> {
  const folder = new URL(`./${protocol}/vectors/`, import.meta.url);
  const vectors = new Map<string, Uint8Array>();
  for (const file of readdirSync(folder)) {
    for (const vector of loadVectors<NamedVector>(new URL(file, folder))) {
      const { name } = vector;
      assert.ok(!vectors.has(name), `two ${protocol} vectors are named ${name}`);
      vectors.set(name, 'hex' in vector ? vectorBytes(vector.hex) : encodeUtf8(vectorText(vector.line)));
    }
  }
  return vectors;
}

/** The fenced blocks that open with the word `kind`: what else the opening line says, and the lines up to the closing fence. */
function blocksOf(page: string, kind: string): { label: string; lines: string[] }[] {
  const blocks = [...page.matchAll(new RegExp(`^ *\`\`\`${kind}\\b(.*)\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'))];
  assert.equal(blocks.length, page.split(`\`\`\`${kind}`).length - 1, 'a block is not closed');
  return blocks.map(([, label, body]) => ({ label: label!.trim(), lines: body!.trimEnd().split('\n') }));
}

/** Pages of docs/wires, by the protocol whose vectors they show. */
const pages = {
  tcrp: ['tcrp'],
  ucrp: ['ucrp'],
  stage1: ['stage1'],
  json: ['json-lines', 'json-datagrams', 'websocket'],
  bridge: ['bridge'],
  link: ['link'],
};

for (const [protocol, names] of Object.entries(pages)) {
  for (const name of names) {
    test(`the examples of docs/wires/${name}.md are the golden vectors they name`, () => {
      const page = readFileSync(new URL(`../../../docs/wires/${name}.md`, import.meta.url), 'utf8');
      const vectors = vectorsOf(protocol);
      const vectorOf = (label: string): number[] => {
        const [prefix, vector, ...rest] = label.split(':');
        assert.deepEqual([prefix, rest], [protocol, []], `block "${label}" names no ${protocol} vector`);
        const bytes = vectors.get(vector!);
        assert.ok(bytes !== undefined, `there is no vector "${label}"`);
        return [...bytes];
      };
      // A block of hex is one vector, with remarks; a block of JSON is one vector a line, named in this order.
      const hexBlocks = blocksOf(page, 'hex');
      for (const { label, lines } of hexBlocks) {
        const bytes = lines.flatMap((line) => hexBytes(line.replace(/#.*$/, '')));
        assert.deepEqual(bytes, vectorOf(label), label);
      }
      const jsonBlocks = blocksOf(page, 'jsonl');
      for (const { label, lines } of jsonBlocks) {
        const labels = label.split(' ');
        assert.equal(lines.length, labels.length, label);
        for (const [index, line] of lines.entries())
          assert.deepEqual([...encodeUtf8(line)], vectorOf(labels[index]!), label);
      }
      assert.ok(hexBlocks.length + jsonBlocks.length > 0, 'the page has no examples');
    });
  }
}
