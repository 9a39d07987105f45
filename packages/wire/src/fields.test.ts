import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import { loadVectors, type VectorHex, type VectorText, vectorBytes, vectorText } from '@confab/testing/vectors';
import fc from 'fast-check';
import { describeBridge } from './bridge/index.ts';
import type { Direction, Field } from './fields.ts';
import { describeJson } from './json/index.ts';
import { describeStage1 } from './stage1/index.ts';
import { describeTcrp } from './tcrp/index.ts';
import { encodeUtf8 } from './text.ts';
import { describeUcrp } from './ucrp/index.ts';

interface Vector {
  readonly name: string;
  readonly hex: VectorHex;
}

const load = <More>(path: string) => loadVectors<Vector & More>(new URL(path, import.meta.url));

/** Each field begins where the one before it ends, and the last one ends with the unit. */
function assertCovers(fields: readonly Field[], bytes: Uint8Array): void {
  let at = 0;
  for (const { offset, length, name } of fields) {
    assert.equal(offset, at, name);
    assert.ok(length >= 1, name);
    at += length;
  }
  assert.equal(at, bytes.length);
}

const said = (fields: readonly Field[], name: string): string | undefined =>
  fields.find((field) => field.name === name)?.value;
/** A text field as the wire's page has it; an empty text has no field. */
const quoted = (text: VectorText): string | undefined =>
  vectorText(text) === '' ? undefined : JSON.stringify(vectorText(text));

describe('The fields of TCRP', () => {
  interface FrameVector {
    readonly frame: { layout: string; operation: number; state: number; room: string; payload: VectorText };
  }
  for (const [file, direction] of [
    ['requests', 'in'],
    ['answers', 'out'],
  ] as const) {
    for (const { name, hex, frame } of load<FrameVector>(`./tcrp/vectors/${file}.json`)) {
      it(`say what the codec reads in ${file} ${name}`, () => {
        const bytes = vectorBytes(hex);
        const fields = describeTcrp(bytes, direction);
        assertCovers(fields, bytes);
        assert.equal(said(fields, 'room'), JSON.stringify(frame.room));
        assert.equal(said(fields, 'room length'), String(encodeUtf8(frame.room).length));
        assert.equal(said(fields, 'operation'), String(frame.operation));
        assert.equal(said(fields, 'state'), String(frame.state));
        assert.equal(said(fields, 'payload'), quoted(frame.payload));
        const payloadLength = fields.find((field) => field.name === 'payload length');
        assert.equal(payloadLength?.length, { header32: 29, header31: 28, 'name-first': undefined }[frame.layout]);
        assert.equal(said(fields, 'rest'), undefined);
      });
    }
  }
});

describe('The fields of UCRP', () => {
  interface RequestVector {
    readonly request: { layout: string; room: VectorText; token: VectorText; message: VectorText };
  }
  for (const { name, hex, request } of load<RequestVector>('./ucrp/vectors/requests.json')) {
    it(`say what the codec reads in request ${name}`, () => {
      const bytes = vectorBytes(hex);
      const fields = describeUcrp(bytes, 'in');
      assertCovers(fields, bytes);
      assert.equal(said(fields, 'room'), quoted(request.room));
      assert.equal(said(fields, 'token'), quoted(request.token));
      assert.equal(said(fields, 'message'), quoted(request.message));
      assert.equal(fields[0]!.length, request.layout === 'wide' ? 4 : 1);
    });
  }

  interface DeliveryVector {
    readonly form: 'string' | 'typed' | 'wide';
    readonly delivery: { kind: string; user?: VectorText; text?: VectorText };
  }
  for (const { name, hex, form, delivery } of load<DeliveryVector>('./ucrp/vectors/deliveries.json')) {
    for (const known of [form, undefined]) {
      it(`say what the codec reads in delivery ${name}, its form ${known === undefined ? 'un' : ''}known`, () => {
        const bytes = vectorBytes(hex);
        const fields = describeUcrp(bytes, 'out', known);
        assertCovers(fields, bytes);
        if (delivery.kind === 'closed') assert.equal(said(fields, 'room closed'), '"__ROOM_CLOSED__"');
        else {
          assert.equal(said(fields, form === 'typed' ? 'user' : 'sender'), quoted(delivery.user!));
          assert.equal(said(fields, 'message'), quoted(delivery.text!));
        }
      });
    }
  }
});

describe('The fields of stage 1', () => {
  interface DatagramVector {
    readonly datagram: { layout: 'typed' | 'plain'; type: number; user: VectorText; message: VectorText };
  }
  for (const { name, hex, datagram } of load<DatagramVector>('./stage1/vectors/datagrams.json')) {
    it(`say what the codec reads in ${name}`, () => {
      const bytes = vectorBytes(hex);
      const fields = describeStage1(bytes, datagram.layout);
      assertCovers(fields, bytes);
      assert.equal(said(fields, 'type'), datagram.layout === 'typed' ? String(datagram.type) : undefined);
      assert.equal(said(fields, 'user name'), quoted(datagram.user));
      assert.equal(said(fields, 'message'), quoted(datagram.message));
    });
  }
});

describe('The fields of JSON', () => {
  for (const file of ['requests', 'events']) {
    for (const vector of loadVectors<{ name: string; line?: VectorText }>(
      new URL(`./json/vectors/${file}.json`, import.meta.url),
    )) {
      if (vector.line === undefined) continue;
      const line = vectorText(vector.line);
      it(`are the members of ${file} ${vector.name}`, () => {
        const bytes = encodeUtf8(`${line}\n`);
        const fields = describeJson(bytes);
        assertCovers(fields, bytes);
        // A member that comes twice has two fields.
        const names = new Set(fields.slice(1, -1).map(({ name }) => name));
        assert.deepEqual([...names].sort(), Object.keys(JSON.parse(line) as object).sort());
        for (const { value } of fields.slice(1, -1)) {
          const member = (JSON.parse(value) as string).replace(/,\s*$/, '');
          assert.doesNotThrow(() => JSON.parse(`{${member}}`), member);
        }
      });
    }
  }

  it('are one when it is none', () => {
    for (const text of ['', '[1]', '{"a":}', 'hello', '{"a":1', '"x"']) {
      const bytes = encodeUtf8(text);
      assertCovers(describeJson(bytes), bytes);
    }
  });
});

describe('The fields of bridge packets', () => {
  interface PacketVector {
    readonly packet: { type: string; clientId?: string; ip?: string; port?: number };
  }
  for (const { name, hex, packet } of load<PacketVector>('./bridge/vectors/packets.json')) {
    it(`say what the codec reads in ${name}`, () => {
      const bytes = vectorBytes(hex);
      const fields = describeBridge(bytes, /ACK$|NACK$/.test(packet.type) ? 'out' : 'in');
      assertCovers(fields, bytes);
      assert.equal((JSON.parse(said(fields, 'packet')!) as string).trim(), packet.type);
      if (packet.ip !== undefined) assert.equal(said(fields, 'IP'), JSON.stringify(`IP: ${packet.ip}\r\n`));
      if (packet.clientId !== undefined)
        assert.match(said(fields, 'clientID')!, new RegExp(`^"clientID: ${packet.clientId}`));
    });
  }
});

describe('The fields of anything', () => {
  const describers: Record<string, (bytes: Uint8Array, direction: Direction) => Field[]> = {
    tcrp: describeTcrp,
    ucrp: describeUcrp,
    stage1: (bytes) => describeStage1(bytes),
    json: describeJson,
    bridge: describeBridge,
  };
  const errors = ['tcrp', 'ucrp', 'stage1', 'bridge'].flatMap((wire) => load<object>(`./${wire}/vectors/errors.json`));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.string().map((text) => encodeUtf8(text.toWellFormed())),
    fc.uint8Array({ maxLength: 40 }).map((tail) => Uint8Array.from([5, 1, 0, ...new Array(28).fill(0), 7, ...tail])),
    fc.json().map((text) => encodeUtf8(text.toWellFormed())),
  );
  for (const [wire, describeUnit] of Object.entries(describers)) {
    for (const direction of ['in', 'out'] as const) {
      it(`cover every byte once: ${wire}, ${direction}`, () => {
        for (const { hex } of errors) {
          const unit = vectorBytes(hex);
          assertCovers(describeUnit(unit, direction), unit);
        }
        fc.assert(
          fc.property(bytes, (unit) => assertCovers(describeUnit(unit, direction), unit)),
          { numRuns: propertyRuns() },
        );
      });
    }
  }
});
