import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeTcrpFrame, encodeTcrpRequest, TcrpOperation, TcrpState } from '@confab/wire/tcrp';
import { parseTraceLine, type TraceRecord } from './record.ts';
import { renderUnit } from './render.ts';
import { UnitReader } from './units.ts';

function record(wire: string, bytes: string | Uint8Array, more: Partial<TraceRecord> = {}): TraceRecord {
  return {
    time: '2026-01-02T03:04:05.678Z',
    wire,
    direction: 'in',
    peer: '127.0.0.1:5000',
    bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
    isEnd: false,
    ...more,
  };
}

const request = encodeTcrpFrame({
  layout: 'header32',
  operation: TcrpOperation.CREATE,
  state: TcrpState.REQUEST,
  room: 'lobby',
  payload: encodeTcrpRequest({ dialect: 'object', user: 'Ann', password: undefined, options: {} }),
});

test('a TCRP request is put together again, however it was cut, for each connection by itself', () => {
  for (let cut = 1; cut < request.length; cut += 1) {
    const reader = new UnitReader();
    assert.deepEqual(reader.read(record('tcrp', request.subarray(0, cut))), []);
    assert.deepEqual(reader.read(record('tcrp', request.subarray(0, 3), { peer: '127.0.0.1:6000' })), []);
    const [unit, ...others] = reader.read(record('tcrp', request.subarray(cut)));
    assert.deepEqual(others, []);
    assert.deepEqual(Buffer.from(unit!.bytes), Buffer.from(request));
    assert.equal(unit!.fields.find(({ name }) => name === 'room')?.value, '"lobby"');
  }
});

test('what is unfinished is shown when the server answers, when the stream ends, and when it is too long', () => {
  const nameFirst = Buffer.from('\x05lobby\x02\x00Bob');
  const answer = encodeTcrpFrame({
    layout: 'name-first',
    operation: TcrpOperation.JOIN,
    state: TcrpState.RESPONSE,
    room: 'lobby',
    payload: Buffer.from('{"success": 1}'),
  });
  const reader = new UnitReader();
  assert.deepEqual(reader.read(record('tcrp', nameFirst)), []);
  const shown = reader.read(record('tcrp', answer, { direction: 'out' }));
  assert.deepEqual(
    shown.map(({ direction }) => direction),
    ['in', 'out'],
  );
  assert.equal(shown[0]!.fields.at(-1)?.value, '"Bob"');
  assert.equal(shown[1]!.fields.at(-1)?.value, '"{\\"success\\": 1}"');

  assert.deepEqual(reader.read(record('tcrp', request.subarray(0, 20))), []);
  const [cut] = reader.read(record('tcrp', new Uint8Array(0), { isEnd: true }));
  assert.equal(cut!.bytes.length, 20);
  assert.deepEqual(reader.read(record('tcrp', new Uint8Array(0), { isEnd: true })), []);

  const endless = new Uint8Array(1000).fill(0x61);
  let held = 0;
  let units = reader.read(record('json-lines', endless));
  for (; units.length === 0 && held < 1000; held += 1) units = reader.read(record('json-lines', endless));
  assert.ok(held < 140, `${held} kilobytes held`);
});

test('JSON lines are put together again, and several in one chunk are several', () => {
  const reader = new UnitReader();
  assert.deepEqual(reader.read(record('json-lines', '{"type":"mess')), []);
  const units = reader.read(record('json-lines', 'age"}\n{"type":"leave"}\n{"ty'));
  assert.deepEqual(
    units.map(({ bytes }) => Buffer.from(bytes).toString()),
    ['{"type":"message"}\n', '{"type":"leave"}\n'],
  );
});

test('many streams that never end are not all held', () => {
  const reader = new UnitReader();
  for (let port = 0; port < 3000; port += 1) reader.read(record('json-lines', 'x', { peer: `127.0.0.1:${port}` }));
  assert.deepEqual(reader.read(record('json-lines', '', { peer: '127.0.0.1:0', isEnd: true })), []);
  assert.equal(reader.read(record('json-lines', '', { peer: '127.0.0.1:2999', isEnd: true })).length, 1);
});

test('a unit is shown field by field, with offset, length, bytes, name, value and meaning', () => {
  const bytes = Buffer.from('\x05\x06lobby******Hello, everybody');
  const [unit] = new UnitReader().read(record('ucrp', bytes));
  const plain = renderUnit(unit!, { hasColor: false, isHexWhole: false });
  assert.equal(
    plain,
    [
      '03:04:05.678 ucrp in  <- 127.0.0.1:5000  29 bytes',
      '    0     1  05                        room length       5',
      '    1     1  06                        token length      6',
      '    2     5  6c 6f 62 62 79            room              "lobby"',
      '    7     6  2a 2a 2a 2a 2a 2a         token             "******"',
      '   13    16  48 65 6c 6c 6f 2c 20 65…  message           "Hello, everybody"  chat',
      '',
    ].join('\n'),
  );
  const whole = renderUnit(unit!, { hasColor: false, isHexWhole: true });
  assert.match(whole, /48 65 6c 6c 6f 2c 20 65 {3}message.*\n {13}76 65 72 79 62 6f 64 79\n$/);
  const colored = renderUnit(unit!, { hasColor: true, isHexWhole: false });
  assert.notEqual(colored, plain);
  assert.equal(colored.replace(/\x1b\[\d*m/g, ''), plain);
});

test('nothing off the network reaches the terminal as it is', () => {
  const evil = '\x1b]0;title\x07\x1b[2J\u202e\u009b2J';
  for (const wire of ['ucrp', 'stage1', 'json-lines', 'bridge', 'tcrp', `other${evil}`]) {
    const bytes = Buffer.from(`\x01\x01ab${evil}\n`);
    for (const unit of new UnitReader().read(
      record(wire, bytes, { direction: 'out', peer: `p${evil}`, time: evil.repeat(9) }),
    )) {
      const text = renderUnit(unit, { hasColor: false, isHexWhole: true });
      assert.doesNotMatch(text.replaceAll('\n', ''), /[\x00-\x1f\x7f-\x9f\u202a-\u202e]/);
    }
  }
});

test('lines that are no trace are passed over', () => {
  for (const line of [
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"time":1}',
    '{"time":"t","wire":"w","peer":"p","bytes":"","direction":"up"}',
  ]) {
    assert.equal(parseTraceLine(line), undefined);
  }
});
