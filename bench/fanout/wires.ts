import { requestToken } from './tokens.ts';
import { BODY_BYTES, bytesOf, type LoadWire, type MemberScript, NOTHING, roomName, userName } from './wire.ts';

/** JSON lines (docs/wires/json-lines.md). */
export const jsonLines: LoadWire = {
  name: 'jsonl',
  protocol: 'tcp',
  hasEcho: true,
  script: (room, place) => ({
    room,
    steps: [
      { say: NOTHING, await: bytesOf('Welcome!') },
      { say: bytesOf(`${joinText(room, place)}\n`), await: bytesOf(`"${userName(room, place)} joined"`) },
    ],
    before: bytesOf(MESSAGE_HEAD),
    behind: bytesOf(`${MESSAGE_TAIL}\n`),
  }),
};

/** The same objects over WebSocket (docs/wires/websocket.md). */
export const webSocket: LoadWire = {
  name: 'ws',
  protocol: 'tcp',
  hasEcho: true,
  script: (room, place) => ({
    room,
    steps: [
      upgradeTo('/ws', 'Welcome!'),
      { say: maskedFrame(joinText(room, place)), await: bytesOf(`"${userName(room, place)} joined"`) },
    ],
    ...aroundFrame(MESSAGE_HEAD, MESSAGE_TAIL),
  }),
};

/** Length of a token of the string dialect. */
const TOKEN_LENGTH = 38;

/** TCRP and UCRP, string dialect (docs/wires/ucrp.md). Nobody is told what they said themselves. */
export const ucrp: LoadWire = {
  name: 'ucrp',
  protocol: 'udp',
  hasEcho: false,
  script: async (room, place, { controlPort }) => {
    const name = roomName(room);
    const token = await requestToken(controlPort!, place === 0 ? 'create' : 'join', name, userName(room, place));
    return ucrpScript(room, token);
  },
};

/** The same datagrams, for a fan-out that takes any token whose end is the user's name (bench/hybrid/bare-fanout.ts). */
export const bareUcrp: LoadWire = {
  name: 'bare ucrp',
  protocol: 'udp',
  hasEcho: false,
  script: (room, place) => ucrpScript(room, userName(room, place).padStart(TOKEN_LENGTH, '.')),
};

/** Confab's own wire, by TLS or by sealed datagrams (docs/wires/link.md). An author gets a receipt in place of the message. */
const link = (protocol: 'tcp' | 'udp', name: string): LoadWire => ({
  name,
  protocol,
  isLink: true,
  hasEcho: false,
  script: (room, place) => ({
    room,
    steps: [{ say: bytesOf(userName(room, place)), await: bytesOf(roomName(room)) }],
    before: NOTHING,
    behind: NOTHING,
  }),
});
export const linkStream = link('tcp', 'link/tls');
export const linkDatagrams = link('udp', 'link/udp');

/**
 * The floors' own (bench/floors): a line for each message, of the length that JSON lines has for the same one, so that they
 * move the same bytes.
 */
export const relayLines: LoadWire = {
  name: 'lines',
  protocol: 'tcp',
  hasEcho: true,
  script: (room, place) => ({
    room,
    steps: [{ say: bytesOf(`JOIN ${roomName(room)}\n`), await: bytesOf('IN\n') }],
    before: bytesOf(`{"type":"message","room":"${roomName(room)}","user":"${userName(room, place)}","text":"`),
    behind: bytesOf('","seq":1000000}\n'),
  }),
};

/** The UDP floor's: a datagram for each message, of the length that UCRP's string dialect has. */
export const relayDatagrams: LoadWire = {
  name: 'datagrams',
  protocol: 'udp',
  hasEcho: true,
  script: (room, place) => ({
    room,
    steps: [{ say: bytesOf(`JOIN ${roomName(room)}`), await: bytesOf('IN') }],
    before: bytesOf(`.${userName(room, place)}`),
    behind: NOTHING,
  }),
};

/** A plain WebSocket broadcast: the message's text alone. */
export const plainWebSocket: LoadWire = {
  name: 'ws text',
  protocol: 'tcp',
  hasEcho: true,
  script: (room) => ({ room, steps: [upgradeTo(`/${roomName(room)}`, '\r\n\r\n')], ...aroundFrame('', '') }),
};

/** The protocol of nats-server, without acknowledgements. */
export const nats: LoadWire = {
  name: 'NATS',
  protocol: 'tcp',
  hasEcho: true,
  script: (room) => ({
    room,
    steps: [
      { say: NOTHING, await: bytesOf('\r\n') },
      {
        say: bytesOf(`CONNECT {"verbose":false,"pedantic":false,"echo":true}\r\nSUB ${roomName(room)} 1\r\nPING\r\n`),
        await: bytesOf('PONG\r\n'),
      },
    ],
    before: bytesOf(`PUB ${roomName(room)} ${BODY_BYTES}\r\n`),
    behind: bytesOf('\r\n'),
  }),
};

/** MQTT 3.1.1, QoS 0 (§3.1, §3.8, §3.3 of its specification). */
export const mqtt: LoadWire = {
  name: 'MQTT',
  protocol: 'tcp',
  hasEcho: true,
  script: (room, place) => {
    const topic = lengthPrefixed(roomName(room));
    const client = lengthPrefixed(userName(room, place));
    const connect = Buffer.concat([lengthPrefixed('MQTT'), Buffer.from([4, 0x02, 0, 0]), client]);
    const subscribe = Buffer.concat([Buffer.from([0, 1]), topic, Buffer.from([0])]);
    return {
      room,
      steps: [
        { say: Buffer.concat([Buffer.from([0x10, connect.length]), connect]), await: Uint8Array.of(0x20, 2, 0, 0) },
        { say: Buffer.concat([Buffer.from([0x82, subscribe.length]), subscribe]), await: Uint8Array.of(0x90, 3) },
      ],
      before: Buffer.concat([Buffer.from([0x30, topic.length + BODY_BYTES]), topic]),
      behind: NOTHING,
    };
  },
};

/** IRC (RFC 2812). Nobody is told what they said themselves. */
export const irc: LoadWire = {
  name: 'IRC',
  protocol: 'tcp',
  hasEcho: false,
  script: (room, place) => {
    const nick = `u${room}x${place}`;
    return {
      room,
      steps: [
        { say: bytesOf(`NICK ${nick}\r\nUSER ${nick} 0 * :${nick}\r\n`), await: bytesOf(' 001 ') },
        { say: bytesOf(`JOIN #${roomName(room)}\r\n`), await: bytesOf(' 366 ') },
      ],
      before: bytesOf(`PRIVMSG #${roomName(room)} :`),
      behind: bytesOf('\r\n'),
    };
  },
};

function ucrpScript(room: number, token: string): MemberScript {
  const name = roomName(room);
  const head = Buffer.concat([Buffer.from([name.length, token.length]), Buffer.from(name + token)]);
  const register = Buffer.concat([head, Buffer.from('__REGISTER__')]);
  return { room, steps: [{ say: register, await: NOTHING }], before: head, behind: NOTHING };
}

const MESSAGE_HEAD = '{"type":"message","text":"';
const MESSAGE_TAIL = '"}';

function joinText(room: number, place: number): string {
  return JSON.stringify({ type: 'join', room: roomName(room), user: userName(room, place) });
}

function lengthPrefixed(text: string): Buffer {
  return Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
}

function upgradeTo(path: string, awaited: string): { say: Uint8Array; await: Uint8Array } {
  const head = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  return { say: bytesOf(`${head.join('\r\n')}\r\n\r\n`), await: bytesOf(awaited) };
}

/** A text frame as a client sends it (RFC 6455 §5.2); with a masking key of zeros its payload stands as it is. */
function maskedFrame(text: string): Uint8Array {
  return Buffer.concat([frameHead(Buffer.byteLength(text)), Buffer.from(text)]);
}

function aroundFrame(before: string, behind: string): { before: Uint8Array; behind: Uint8Array } {
  const head = frameHead(before.length + BODY_BYTES + behind.length);
  return { before: Buffer.concat([head, Buffer.from(before)]), behind: bytesOf(behind) };
}

function frameHead(length: number): Buffer {
  const isShort = length < 126;
  return Buffer.from([0x81, ...(isShort ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff]), 0, 0, 0, 0]);
}
