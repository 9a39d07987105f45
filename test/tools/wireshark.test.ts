import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@confab/testing';
import { loadVectors, type VectorHex, vectorBytes } from '@confab/testing/vectors';
import type { Field } from '@confab/wire';
import { describeBridge } from '@confab/wire/bridge';
import { describeStage1 } from '@confab/wire/stage1';
import { describeTcrp } from '@confab/wire/tcrp';
import { describeUcrp } from '@confab/wire/ucrp';
import { type CapturedUnit, pcapOf } from '../support/pcap.ts';

const script = fileURLToPath(new URL('../../tools/wireshark/confab.lua', import.meta.url));
const hasTshark = spawnSync('tshark', ['--version']).status === 0;

interface Vector {
  readonly name: string;
  readonly hex: VectorHex;
  /** Layout of a stage 1 datagram, which its address decides and not its bytes. */
  readonly datagram?: { readonly layout: 'typed' | 'plain' };
}

const load = (path: string): Vector[] =>
  loadVectors<Vector>(new URL(`../../packages/wire/src/${path}.json`, import.meta.url));

interface Expected extends CapturedUnit {
  readonly name: string;
  readonly fields: readonly Field[];
}

/** A port of a client for each unit, so that each has a stream of its own. */
let clientPort = 20_000;

function unit(
  protocol: 'tcp' | 'udp',
  serverPort: number,
  direction: 'in' | 'out',
  { name, hex }: Vector,
  describe: (bytes: Uint8Array) => Field[],
): Expected {
  clientPort += 1;
  const [sourcePort, destinationPort] = direction === 'in' ? [clientPort, serverPort] : [serverPort, clientPort];
  const bytes = vectorBytes(hex);
  return { name, protocol, sourcePort, destinationPort, bytes, fields: describe(bytes) };
}

type Layers = Record<string, unknown>;

/** What tshark makes of a capture, a tree for each packet. */
function dissect(
  context: TestContext,
  units: readonly CapturedUnit[],
  segmentBytes?: number,
): { layers: Layers[]; stderr: string } {
  const file = join(temporaryDirectory(context).path, 'vectors.pcap');
  writeFileSync(file, pcapOf(units, segmentBytes));
  const { status, stdout, stderr } = spawnSync(
    'tshark',
    ['-X', `lua_script:${script}`, '-r', file, '-T', 'jsonraw', '--no-duplicate-keys'],
    {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    },
  );
  assert.equal(status, 0, stderr);
  const packets = JSON.parse(stdout) as { _source: { layers: Layers } }[];
  return { layers: packets.map(({ _source }) => _source.layers), stderr };
}

/** The fields of a protocol, in the order of their bytes, as `name: hex`. */
function fieldsOf(layers: Layers, protocol: string): string[] {
  const found: [number, string][] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    for (const [key, value] of Object.entries(node)) {
      const match = new RegExp(`^${protocol}\\.(\\w+)_raw$`).exec(key);
      if (match === null) {
        if (!key.endsWith('_raw')) visit(value);
        continue;
      }
      // One field is [hex, offset, length, …]; several of the same name are a list of these.
      const entries = (Array.isArray((value as unknown[])[0]) ? value : [value]) as [string, number][];
      for (const [hex, offset] of entries) found.push([offset, `${match[1]}: ${hex}`]);
    }
  };
  visit(layers[protocol]);
  return found.sort(([left], [right]) => left - right).map(([, text]) => text);
}

function wanted({ fields, bytes }: Expected, protocol: string): string[] {
  return fields.map(({ name, offset, length }) => {
    const hex = Buffer.from(bytes.subarray(offset, offset + length)).toString('hex');
    return `${protocol === 'bridge' ? bridgeName(name) : name.replaceAll(' ', '_')}: ${hex}`;
  });
}

function bridgeName(name: string): string {
  const known: Readonly<Record<string, string>> = {
    packet: 'packet',
    clientid: 'client_id',
    ip: 'ip',
    port: 'port',
    end: 'end',
  };
  return known[name.toLowerCase()] ?? 'line';
}

function check(context: TestContext, protocol: string, units: readonly Expected[], segmentBytes?: number): void {
  const { layers, stderr } = dissect(context, units, segmentBytes);
  assert.doesNotMatch(stderr, /lua|error/i);
  const byPort = new Map<string, Layers>();
  for (const packet of layers) {
    assert.ok(!JSON.stringify(packet).includes('Lua Error'), JSON.stringify(packet));
    // Of a unit in several segments, the one that made it whole is the last.
    const ports = JSON.stringify(packet.tcp ?? packet.udp).match(
      /"(?:tcp|udp)\.(?:src|dst)port_raw":\["?([0-9a-f]{4})/g,
    );
    byPort.set(String(ports), packet);
  }
  assert.equal(byPort.size, units.length);
  for (const [index, packet] of [...byPort.values()].entries()) {
    const expected = units[index]!;
    assert.deepEqual(fieldsOf(packet, protocol), wanted(expected, protocol), expected.name);
  }
}

const options = { skip: hasTshark ? false : 'tshark is not installed (Debian: apt-get install tshark)' };

test('the dissector reads TCRP as the codec does, also in small segments', options, (context) => {
  const units = [
    ...load('tcrp/vectors/requests').map((vector) =>
      unit('tcp', 9090, 'in', vector, (bytes) => describeTcrp(bytes, 'in')),
    ),
    ...load('tcrp/vectors/answers').map((vector) =>
      unit('tcp', 12_346, 'out', vector, (bytes) => describeTcrp(bytes, 'out')),
    ),
  ];
  check(context, 'tcrp', units);
  const framed = units.filter(
    ({ fields }) => fields.some(({ name }) => name === 'payload length') && fields.length > 4,
  );
  assert.ok(framed.length > 20);
  check(
    context,
    'tcrp',
    framed.filter(({ bytes }) => bytes.length < 2000),
    7,
  );
});

test('the dissector reads UCRP as the codec does', options, (context) => {
  check(context, 'ucrp', [
    ...load('ucrp/vectors/requests').map((vector) =>
      unit('udp', 9091, 'in', vector, (bytes) => describeUcrp(bytes, 'in')),
    ),
    ...load('ucrp/vectors/deliveries').map((vector) =>
      unit('udp', 12_347, 'out', vector, (bytes) => describeUcrp(bytes, 'out')),
    ),
  ]);
});

test('the dissector reads stage 1 as the codec does', options, (context) => {
  const units = load('stage1/vectors/datagrams').map((vector) =>
    unit('udp', 12_345, 'in', vector, (bytes) => describeStage1(bytes)),
  );
  check(context, 'stage1', units);
});

test('the dissector reads bridge packets as the codec does, over TCP and UDP', options, (context) => {
  const packets = load('bridge/vectors/packets');
  check(context, 'bridge', [
    ...packets.map((vector) => unit('tcp', 7000, 'in', vector, (bytes) => describeBridge(bytes, 'in'))),
    ...packets.map((vector) => unit('udp', 7001, 'out', vector, (bytes) => describeBridge(bytes, 'out'))),
  ]);
});

test('broken units break no dissector', options, (context) => {
  const nothing = (): Field[] => [];
  const units = [
    ...load('tcrp/vectors/errors').flatMap((vector) =>
      (['in', 'out'] as const).map((direction) => unit('tcp', 9090, direction, vector, nothing)),
    ),
    ...['ucrp/vectors/errors', 'stage1/vectors/errors', 'bridge/vectors/errors'].flatMap((path) =>
      load(path).flatMap((vector) =>
        (['in', 'out'] as const).flatMap((direction) =>
          [9091, 12_345, 7001].map((port) => unit('udp', port, direction, vector, nothing)),
        ),
      ),
    ),
  ].filter(({ bytes }) => bytes.length > 0 && bytes.length < 60_000);
  const { layers, stderr } = dissect(context, units);
  assert.ok(layers.length >= units.length);
  assert.doesNotMatch(stderr, /lua|error/i);
  assert.ok(!JSON.stringify(layers).includes('Lua Error'));
});
