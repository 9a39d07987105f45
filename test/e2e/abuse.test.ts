import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prng } from '@confab/testing';
import { Conversation } from '../support/conversation.ts';
import { sharedServer } from '../support/server-process.ts';
import { CREATE, encodeTcrp, exchange, JOIN, pythonJson, requestEntry, TcrpConnection } from '../support/tcrp.ts';
import { fence, RawMember } from '../support/ucrp.ts';

const server = sharedServer({ 'hybrid.request_timeout_ms': 60_000 });
const REQUEST_TIMEOUT_MS = 400;
const impatient = sharedServer({ 'hybrid.request_timeout_ms': REQUEST_TIMEOUT_MS });
const crowded = sharedServer({ 'hybrid.connections_max': 200, 'hybrid.address_connections_max': 50 });

test('a half-sent request is closed without an answer when its time is over, and costs nobody else anything', async () => {
  const conversation = await Conversation.open(impatient(), 'patient', 4);
  const frame = { operation: CREATE, state: 0, room: 'half', payload: pythonJson('Ann') };
  const halves: Uint8Array[] = [];
  for (const layout of ['header32', 'header31'] as const) {
    const request = encodeTcrp(layout, frame);
    for (const bytes of [0, 1, 2, 3, 30, 31, 32, 34, request.length - 1]) halves.push(request.subarray(0, bytes));
  }
  // The layout without a length ends by itself, so only its beginning can be half-sent.
  for (const bytes of [1, 3, 5, 6]) halves.push(encodeTcrp('name-first', frame).subarray(0, bytes));

  const startMs = performance.now();
  let open = halves.length;
  const ended = halves.map(async (half) => {
    const connection = await TcrpConnection.open(impatient());
    if (half.length > 0) connection.write(half);
    const answer = await connection.ended();
    open -= 1;
    connection.close();
    assert.equal(answer.bytes.length, 0, `an answer to ${half.length} bytes`);
    assert.ok(performance.now() - startMs >= REQUEST_TIMEOUT_MS * 0.9, `closed too early after ${half.length} bytes`);
  });
  while (open > 0) await conversation.round();
  await Promise.all(ended);
  assert.equal(conversation.fault(), undefined);
  assert.equal((await requestEntry(impatient(), JOIN, { room: 'half', user: 'Bob' })).isAccepted, false);
});

test('a slow request that is whole in time is answered', async () => {
  const connection = await TcrpConnection.open(impatient());
  const request = encodeTcrp('header32', { operation: CREATE, state: 0, room: 'slow', payload: pythonJson('Ann') });
  for (let at = 0; at < request.length; at += 8) {
    await new Promise((resolve) => connection.socket.write(request.subarray(at, at + 8), resolve));
  }
  assert.notEqual((await connection.ended()).bytes.length, 0);
});

test('junk is closed without an answer', async () => {
  const random = prng(20_261_121);
  const junk: Uint8Array[] = [
    Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n'),
    Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'latin1'),
    Buffer.from('{"type":"join","room":"lobby","user":"Ann"}\n'.repeat(4)),
    Buffer.alloc(4096),
    Buffer.alloc(4096, 0xff),
  ];
  for (let index = 0; index < 200; index += 1) junk.push(random.bytes(random.int(1, 600)));
  for (let at = 0; at < junk.length; at += 70) {
    await Promise.all(
      junk.slice(at, at + 70).map(async (bytes) => {
        const { bytes: answer } = await exchange(impatient(), bytes);
        assert.equal(answer.length, 0, Buffer.from(bytes).toString('hex'));
      }),
    );
  }
});

test('a state other than a request’s and an unknown operation are closed without an answer', async () => {
  const frame = { operation: CREATE, state: 0, room: 'wrong', payload: pythonJson('Ann') };
  for (const layout of ['header32', 'header31', 'name-first'] as const) {
    for (const wrong of [
      { state: 1 },
      { state: 2 },
      { state: 255 },
      { operation: 0 },
      { operation: 3 },
      { operation: 255 },
    ]) {
      const { bytes } = await exchange(server(), encodeTcrp(layout, { ...frame, ...wrong }));
      assert.equal(bytes.length, 0, `${layout} ${JSON.stringify(wrong)}`);
    }
  }
  assert.equal((await requestEntry(server(), JOIN, { room: 'wrong', user: 'Bob' })).isAccepted, false);
});

test('a payload of 64 KiB is read, and a declared length above it is refused before any of it is sent', async () => {
  const largest = encodeTcrp('header32', {
    operation: CREATE,
    state: 0,
    room: 'big',
    payload: `"${'x'.repeat(65_534)}"`,
  });
  assert.match((await exchange(server(), largest)).bytes.toString('latin1'), /\{"success": 0\}/);

  for (const [layout, headerBytes] of [
    ['header32', 32],
    ['header31', 31],
  ] as const) {
    for (const [at, byte] of [
      [headerBytes - 3, 2],
      [headerBytes - 4, 1],
      [headerBytes - 5, 1],
      [4, 1],
      [4, 0xff],
    ] as const) {
      const header = encodeTcrp(layout, { operation: CREATE, state: 0, room: 'big', payload: '' });
      header[at] = byte;
      // The time for a request is longer than the test's patience: nothing of the payload is waited for.
      const answer = await exchange(server(), header);
      assert.equal(answer.bytes.length, 0, `${layout}, byte ${at} = ${byte}`);
    }
  }
  assert.equal((await requestEntry(server(), JOIN, { room: 'big', user: 'Bob' })).isAccepted, false);
});

test('a name-first payload that never ends is cut off at 64 KiB', async () => {
  const connection = await TcrpConnection.open(server());
  const head = encodeTcrp('name-first', { operation: CREATE, state: 0, room: 'endless', payload: '"' });
  connection.write(head);
  for (let sent = 0; sent < 32 && !connection.socket.destroyed; sent += 1) connection.write(Buffer.alloc(4096, 0x78));
  const { bytes } = await connection.ended();
  connection.close();
  assert.equal(bytes.length, 0);
});

test('a client that resets the connection in the middle of its answers costs nobody anything', async () => {
  const conversation = await Conversation.open(server(), 'calm', 4);
  for (const layout of ['header32', 'name-first'] as const) {
    for (const [dialect, room] of [
      ['string', 'nowhere'],
      ['object', 'nowhere'],
      ['object', 'calm'],
    ] as const) {
      const payload = dialect === 'string' ? pythonJson('Eve') : pythonJson({ username: 'Eve', password: null });
      const request = encodeTcrp(layout, { operation: JOIN, state: 0, room, payload });
      const hasty = Array.from({ length: 20 }, async () => {
        const connection = await TcrpConnection.open(server());
        const answered = new Promise((resolve) => connection.socket.once('data', resolve));
        connection.write(request);
        await answered;
        connection.reset();
      });
      await conversation.round();
      await Promise.all(hasty);
      // Not even waiting for the first answer.
      for (let index = 0; index < 20; index += 1) {
        const connection = await TcrpConnection.open(server());
        connection.write(request);
        connection.reset();
      }
      await conversation.round();
    }
  }
  assert.equal(conversation.fault(), undefined);
});

test('a thousand silent connections from one address keep nobody out, and a slow client elsewhere is not hurt', async () => {
  const slow = await TcrpConnection.open(crowded(), { localAddress: '127.0.0.2' }).catch(() => undefined);
  const slowRequest = encodeTcrp('header32', { operation: CREATE, state: 0, room: 'slow', payload: pythonJson('Eve') });
  slow?.write(slowRequest.subarray(0, 20));
  const connections: TcrpConnection[] = [];
  for (let batch = 0; batch < 10; batch += 1) {
    connections.push(...(await Promise.all(Array.from({ length: 100 }, () => TcrpConnection.open(crowded())))));
    for (const connection of connections.slice(-100)) connection.write(Buffer.from([5, CREATE, 0]));
  }
  const ann = await RawMember.create(crowded(), { room: 'crowd', user: 'Ann', dialect: 'object' });
  const bob = await RawMember.join(crowded(), { room: 'crowd', user: 'Bob' });
  await fence(ann, [ann, bob]);
  // Those that came first had to make room.
  assert.equal((await connections[0]!.ended()).bytes.length, 0);
  if (slow !== undefined) {
    slow.write(slowRequest.subarray(20));
    assert.match((await slow.ended()).bytes.toString('latin1'), /\{"success": 1\}/);
  }
  for (const connection of connections) connection.close();
});
