/** The JSON wires as clients written from their pages alone would speak them. */
import { connect, type Socket } from 'node:net';
import { type JoinRequest, type ServerPorts, ShownQueue, type WireKind, type WireMember } from './member.ts';
import { UdpPeer } from './ucrp.ts';
import { within } from './wait.ts';

interface JsonEvent {
  readonly type: string;
  readonly user?: string;
  readonly text?: string;
  readonly id?: number;
  readonly seq?: number;
}

function show(shown: ShownQueue, event: JsonEvent): void {
  const text = event.text ?? '';
  if (event.type === 'message') shown.push({ kind: 'chat', user: event.user ?? '', text });
  else if (event.type === 'system') shown.push({ kind: 'notice', text });
  else if (event.type === 'error') shown.push({ kind: 'error', text });
}

const common = {
  hasEcho: true,
  hasNotices: true,
  hasRooms: true,
  canLeave: true,
  canCarryPassword: true,
  pieceBytesMax: Number.POSITIVE_INFINITY,
  closing: 'Room closed: the host has left',
} as const;

/** A stream or message channel that carries JSON texts. */
interface Channel {
  send(text: string | Uint8Array): Promise<void>;
  readonly stall?: () => void;
  readonly proceed?: () => void;
  close(): void;
}

async function joinBy(channel: Channel, shown: ShownQueue, { room, user, password }: JoinRequest): Promise<WireMember> {
  await channel.send(JSON.stringify({ type: 'join', room, user, password }));
  await shown.notice(`${user} joined`);
  return {
    user,
    shown,
    say: (text) => channel.send(JSON.stringify({ type: 'message', text, room })),
    leave: () => channel.send(JSON.stringify({ type: 'leave' })),
    sendJunk: (bytes) => channel.send(bytes),
    ...(channel.stall === undefined ? {} : { stall: channel.stall }),
    ...(channel.proceed === undefined ? {} : { proceed: channel.proceed }),
    close: () => channel.close(),
  };
}

async function openLines(server: ServerPorts, shown: ShownQueue): Promise<Channel> {
  const socket: Socket = connect({ host: server.address, port: server.port('jsonl', 'tcp'), noDelay: true });
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.unref();
  let rest = '';
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) show(shown, JSON.parse(line) as JsonEvent);
  });
  await shown.notice(/^Welcome!/);
  return {
    send: (text) =>
      new Promise((resolve) => {
        socket.write(typeof text === 'string' ? text : Buffer.from(text));
        socket.write('\n', () => resolve());
      }),
    stall: () => void socket.pause(),
    proceed: () => void socket.resume(),
    close: () => socket.destroy(),
  };
}

async function openWebSocket(server: ServerPorts, shown: ShownQueue): Promise<Channel> {
  const socket = new WebSocket(`ws://${server.address}:${server.port('ws', 'tcp')}/ws`);
  socket.addEventListener('message', ({ data }) => show(shown, JSON.parse(String(data)) as JsonEvent));
  await shown.notice(/^Welcome!/);
  return {
    send: async (text) => socket.send(typeof text === 'string' ? text : Buffer.from(text).toString('latin1')),
    close: () => socket.close(),
  };
}

async function openDatagrams(server: ServerPorts, shown: ShownQueue): Promise<Channel> {
  const peer = await UdpPeer.open();
  const endpoint = { address: server.address, udpPort: server.port('jsonu', 'udp') };
  const pending = new Map<number, PromiseWithResolvers<void>>();
  let lastSeq = 0;
  let lastId = 0;
  peer.onDatagram = ({ bytes }) => {
    const event = JSON.parse(bytes.toString('utf8')) as JsonEvent;
    if (event.type === 'ack') {
      pending.get(event.id!)?.resolve();
      return;
    }
    if (event.seq !== undefined && event.type !== 'error') {
      void peer.send(Buffer.from(JSON.stringify({ type: 'ack', seq: event.seq })), endpoint);
      // Sent again because the acknowledgement came late.
      if (event.seq <= lastSeq) return;
      lastSeq = event.seq;
    }
    // A refusal names no id: it is for what was said last.
    if (event.type === 'error') pending.get(lastId)?.reject(new Error(event.text));
    show(shown, event);
  };
  return {
    async send(text) {
      if (typeof text !== 'string') return peer.send(text, endpoint);
      lastId += 1;
      const id = lastId;
      const acked = Promise.withResolvers<void>();
      acked.promise.catch(() => {});
      pending.set(id, acked);
      await peer.send(Buffer.from(JSON.stringify({ ...JSON.parse(text), id })), endpoint);
      await within(acked.promise, `the acknowledgement of ${id}`);
      pending.delete(id);
    },
    close() {
      peer.close();
      for (const { reject } of pending.values()) reject(new Error('closed'));
    },
  };
}

function kind(
  name: string,
  section: WireKind['section'],
  open: (server: ServerPorts, shown: ShownQueue) => Promise<Channel>,
): WireKind {
  return {
    name,
    section,
    ...common,
    async join(server, request) {
      const shown = new ShownQueue(request.user);
      return joinBy(await open(server, shown), shown, request);
    },
    async junk(server, bytes) {
      const channel = await open(server, new ShownQueue('junk'));
      await channel.send(bytes);
      channel.close();
    },
  };
}

export const jsonKinds: readonly WireKind[] = [
  kind('JSON lines', 'json_lines', openLines),
  kind('JSON datagrams', 'json_datagrams', openDatagrams),
  kind('WebSocket', 'http', openWebSocket),
];
