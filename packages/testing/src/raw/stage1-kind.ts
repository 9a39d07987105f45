/** Stage 1 as a client written from docs/wires/stage1.md alone would speak it. */
import { type ServerPorts, ShownQueue, type WireKind, type WireMember } from './member.ts';
import { UdpPeer } from './ucrp.ts';

const CHAT = 0;
const JOIN = 1;
const SYSTEM = 2;
const DISCONNECT = 4;

type Layout = 'typed' | 'plain';

function encode(layout: Layout, type: number, user: string, text: string): Buffer {
  const name = Buffer.from(user);
  const head = layout === 'typed' ? [type, name.length] : [name.length];
  return Buffer.concat([Buffer.from(head), name, Buffer.from(text)]);
}

function decode(layout: Layout, bytes: Buffer): { type: number; user: string; text: string } {
  const at = layout === 'typed' ? 2 : 1;
  const end = at + bytes[at - 1]!;
  const user = bytes.toString('utf8', at, end);
  const type = layout === 'typed' ? bytes[0]! : user === 'SYSTEM' ? SYSTEM : CHAT;
  return { type, user, text: bytes.toString('utf8', end) };
}

async function join(server: ServerPorts, user: string, layout: Layout): Promise<WireMember> {
  const peer = await UdpPeer.open();
  const endpoint = { address: server.address, udpPort: server.port('stage1', 'udp') };
  const shown = new ShownQueue(user);
  peer.onDatagram = ({ bytes }) => {
    const { type, user: sender, text } = decode(layout, bytes);
    if (type === SYSTEM) shown.push({ kind: 'notice', text });
    else shown.push({ kind: 'chat', user: sender, text });
  };
  const send = (type: number, text: string): Promise<void> => peer.send(encode(layout, type, user, text), endpoint);
  if (layout === 'typed') {
    await send(JOIN, '');
    await shown.notice(`🎉 ${user} has joined the chat`);
  } else {
    // This layout has no join: whoever speaks is in, and is not told so. Who joins after that is.
    await send(CHAT, '(here)');
    const witness = await join(server, `witness of ${user}`, 'typed');
    await witness.leave();
    witness.close();
  }
  return {
    user,
    shown,
    say: (text) => send(CHAT, text),
    leave: () => send(DISCONNECT, ''),
    sendJunk: (bytes) => peer.send(bytes, endpoint),
    close: () => peer.close(),
  };
}

function kind(layout: Layout): WireKind {
  return {
    name: `stage 1, ${layout} layout`,
    section: 'stage1',
    hasEcho: false,
    hasNotices: layout === 'typed',
    hasRooms: false,
    canLeave: layout === 'typed',
    canCarryPassword: false,
    pieceBytesMax: 3800,
    closing: undefined,
    join: (server, { user }) => join(server, user, layout),
    async junk(server, bytes) {
      const peer = await UdpPeer.open();
      await peer.send(bytes, { address: server.address, udpPort: server.port('stage1', 'udp') });
      peer.close();
    },
  };
}

export const stage1Kinds: readonly WireKind[] = [kind('typed'), kind('plain')];
