import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexBytes, loadVectors, type VectorHex, vectorBytes } from '@confab/testing/vectors';
import { nodeLinkCrypto } from '../../../link/src/crypto.ts';
import { CodecError, type CodecErrorCode } from '../errors.ts';
import {
  type AttributedEphemeral,
  type ControlMessage,
  decodeAttributed,
  decodeControl,
  decodeEvent,
  decodeFrames,
  decodePost,
  decodeTyping,
  encodeAttributed,
  encodeControl,
  encodeEvent,
  encodeHandshake,
  encodeOwnEvent,
  encodePost,
  FrameStreamDecoder,
  FrameWriter,
  HandshakeDecoder,
  type HandshakeFrame,
  type LinkFrame,
  type LinkOwnEventBefore,
  type LinkPost,
  PacketProtection,
  writeFrame,
} from './index.ts';
import { hkdfExpandLabel } from './keys.ts';
import { isOwnEventBody } from './records.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

interface Vector {
  readonly name: string;
  readonly hex: VectorHex;
}

const load = <More>(name: string) => loadVectors<Vector & More>(new URL(`./vectors/${name}.json`, import.meta.url));

/** Fields that hold bytes, written as hex in the vectors. */
const byteFields = new Set([
  'data',
  'body',
  'bytes',
  'key',
  'signature',
  'ticket',
  'sessionId',
  'connectionId',
  'outboxId',
]);

/** A vector's value with its hex made bytes, at any depth. */
function valueFrom<Value>(value: unknown): Value {
  if (typeof value !== 'object' || value === null) return value as Value;
  if (Array.isArray(value)) return value.map((item) => valueFrom(item)) as Value;
  const entries = Object.entries(value).map(([name, member]) => [
    name,
    typeof member === 'string' && byteFields.has(name) ? Uint8Array.from(hexBytes(member)) : valueFrom(member),
  ]);
  return Object.fromEntries(entries) as Value;
}

/** Buffers and undefined members are told apart from their like by deepStrictEqual, and by nothing else here. */
function plain<Value>(value: Value): Value {
  if (value instanceof Uint8Array) return Uint8Array.from(value) as Value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain) as Value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.map(([name, member]) => [name, plain(member)])) as Value;
}

const shown = (frame: LinkFrame): LinkFrame[] => (frame.type === 'padding' ? [] : [frame]);

for (const vector of load<{ frame: unknown; packet?: true }>('frames')) {
  const bytes = vectorBytes(vector.hex);
  const frame = valueFrom<LinkFrame>(vector.frame);
  const isPacket = vector.packet === true;

  test(`frame ${vector.name} is decoded as written down`, () => {
    assert.deepEqual(plain(decodeFrames(bytes, isPacket)), shown(frame));
    if (!isPacket) assert.deepEqual(plain(new FrameStreamDecoder().push(bytes)), { frames: shown(frame) });
  });

  test(`frame ${vector.name} is encoded as written down`, () => {
    const out = new Uint8Array(200);
    const writer = new FrameWriter(isPacket);
    writer.begin(out);
    assert.ok(writeFrame(writer, frame));
    assert.deepEqual(out.slice(0, writer.finish()), bytes);
  });
}

for (const vector of load<{ frames: unknown; packet?: true }>('tolerated-frames')) {
  test(`frames ${vector.name} are read`, () => {
    const frames = decodeFrames(vectorBytes(vector.hex), vector.packet === true);
    assert.deepEqual(plain(frames), valueFrom(vector.frames));
  });
}

for (const vector of load<{ frame: unknown }>('handshake')) {
  const bytes = vectorBytes(vector.hex);
  const frame = valueFrom<HandshakeFrame>(vector.frame);

  test(`handshake ${vector.name} is decoded as written down`, () => {
    const read = new HandshakeDecoder().push(bytes);
    assert.deepEqual(plain(read), { frame, rest: new Uint8Array(0) });
  });

  test(`handshake ${vector.name} is encoded as written down`, () => {
    const given = frame.type === 'welcome' ? { ...frame, udpPort: frame.udpPort } : frame;
    assert.deepEqual(encodeHandshake(given), bytes);
  });
}

for (const vector of load<{ frame: unknown }>('tolerated-handshake')) {
  test(`handshake ${vector.name} is read`, () => {
    const { frame } = new HandshakeDecoder().push(vectorBytes(vector.hex));
    assert.deepEqual(plain(frame), valueFrom(vector.frame));
  });
}

for (const vector of load<{ message: unknown }>('control')) {
  const message = valueFrom<ControlMessage>(vector.message);

  test(`control message ${vector.name} is decoded as written down`, () => {
    assert.deepEqual(plain(decodeControl(vectorBytes(vector.hex))), message);
  });

  test(`control message ${vector.name} is encoded as written down`, () => {
    assert.deepEqual(encodeControl(message), vectorBytes(vector.hex));
  });
}

for (const vector of load<{ message: unknown }>('tolerated-control')) {
  test(`control message ${vector.name} is read`, () => {
    assert.deepEqual(plain(decodeControl(vectorBytes(vector.hex))), valueFrom(vector.message));
  });
}

for (const vector of load<{ post: unknown; before?: number }>('posts')) {
  const post = valueFrom<LinkPost>(vector.post);

  test(`post ${vector.name} is encoded and decoded as written down`, () => {
    assert.deepEqual(plain(decodePost(vectorBytes(vector.hex), vector.before)), post);
    assert.deepEqual(encodePost(post, vector.before), vectorBytes(vector.hex));
  });
}

for (const vector of load<{ event: unknown; before?: LinkOwnEventBefore }>('events')) {
  const event = valueFrom<ReturnType<typeof decodeEvent>>(vector.event);

  test(`event ${vector.name} is encoded and decoded as written down`, () => {
    assert.deepEqual(plain(decodeEvent(vectorBytes(vector.hex), vector.before)), event);
    const encoded = 'outbox' in event ? encodeOwnEvent(event, vector.before) : encodeEvent(event);
    assert.deepEqual(encoded, vectorBytes(vector.hex));
    assert.equal(isOwnEventBody(encoded), 'outbox' in event);
  });
}

for (const vector of load<{ ephemeral: unknown; isTyping: boolean }>('ephemerals')) {
  const ephemeral = valueFrom<AttributedEphemeral>(vector.ephemeral);

  test(`ephemeral ${vector.name} is encoded and decoded as written down`, () => {
    assert.deepEqual(plain(decodeAttributed(vectorBytes(vector.hex))), ephemeral);
    assert.deepEqual(encodeAttributed(ephemeral), vectorBytes(vector.hex));
    assert.equal(decodeTyping(ephemeral.body), vector.isTyping);
  });
}

for (const vector of load<{ value: number; canonical?: false }>('rfc9000-numbers')) {
  test(`number ${vector.name} of RFC 9000 is read, and written if it is the shortest form`, () => {
    const bytes = vectorBytes(vector.hex);
    assert.equal(readVarint(bytes, 0), vector.value);
    if (vector.canonical === false) return;
    const out = new Uint8Array(8);
    assert.equal(writeVarint(out, 0, vector.value), bytes.length);
    assert.equal(varintBytes(vector.value), bytes.length);
    assert.deepEqual(out.slice(0, bytes.length), bytes);
  });
}

for (const file of ['keys', 'rfc9001-keys']) {
  for (const vector of load<{ secret: string; label: string }>(file)) {
    test(`key ${vector.name} is expanded as written down`, () => {
      const expected = vectorBytes(vector.hex);
      const secret = Uint8Array.from(hexBytes(vector.secret));
      const key = hkdfExpandLabel(nodeLinkCrypto, secret, vector.label, expected.length);
      assert.deepEqual(plain(key), expected);
    });
  }
}

for (const vector of load<{ hp: string; sample: string }>('rfc9001-masks')) {
  test(`the mask ${vector.name} of RFC 9001 is made of its sample`, () => {
    const cipher = nodeLinkCrypto.aes128Block(Uint8Array.from(hexBytes(vector.hp)));
    const mask = cipher.encrypt(Uint8Array.from(hexBytes(vector.sample)));
    assert.deepEqual(Uint8Array.from(mask.subarray(0, 5)), vectorBytes(vector.hex));
  });
}

interface PacketVector {
  readonly from: 'client' | 'server';
  readonly number: number;
  readonly largestAcked: number;
  readonly phase: number;
  readonly frames: string;
  readonly secret: string;
  readonly connectionId: string;
}

for (const vector of load<PacketVector>('packets')) {
  test(`packet ${vector.name} is sealed and opened as written down`, () => {
    const bytes = vectorBytes(vector.hex);
    const endOf = (role: 'client' | 'server', keyPackets: number) =>
      new PacketProtection({
        role,
        crypto: nodeLinkCrypto,
        datagramSecret: Uint8Array.from(hexBytes(vector.secret)),
        connectionId: Uint8Array.from(hexBytes(vector.connectionId)),
        keyPackets,
      });
    // The phase turns with the packet itself.
    const sender = endOf(vector.from, vector.phase === 0 ? 2 ** 20 : vector.number);
    const receiver = endOf(vector.from === 'client' ? 'server' : 'client', 2 ** 20);
    const frames = Uint8Array.from(hexBytes(vector.frames));
    const filler = new Uint8Array(3);
    receiver.seal(filler, -1);
    while (sender.nextNumber < vector.number) {
      const packet = sender.seal(filler, sender.nextNumber - 1);
      assert.equal(typeof receiver.open(packet), 'object');
    }
    assert.deepEqual(sender.seal(frames, vector.largestAcked), bytes);
    const opened = receiver.open(bytes);
    assert.deepEqual(plain(opened), { number: vector.number, frames, isNewest: true });
    assert.equal(receiver.phases.in, vector.phase);
  });
}

type Codec = 'packet' | 'stream' | 'handshake' | 'control' | 'post' | 'event';

/** What a codec throws or gives for these bytes. */
function errorOf(what: Codec, bytes: Uint8Array): CodecError | undefined {
  if (what === 'stream') return new FrameStreamDecoder().push(bytes).error;
  if (what === 'handshake') return new HandshakeDecoder().push(bytes).error;
  const decode = { packet: decodePacketFrames, control: decodeControl, post: decodePost, event: decodeEvent }[what];
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof CodecError);
    return error;
  }
}

function decodePacketFrames(bytes: Uint8Array): LinkFrame[] {
  return decodeFrames(bytes, true);
}

for (const vector of load<{ what: Codec; code: CodecErrorCode; offset: number }>('errors')) {
  test(`${vector.what} ${vector.name} is refused with ${vector.code}`, () => {
    const error = errorOf(vector.what, vectorBytes(vector.hex));
    assert.deepEqual({ code: error?.code, offset: error?.offset }, { code: vector.code, offset: vector.offset });
  });
}
