import { type JoinRequest, type ServerPorts, ShownQueue, type WireKind, type WireMember } from './member.ts';
import { type Dialect, exchange } from './tcrp.ts';
import { decodeChat, type HybridEndpoint, LEAVE, RawMember, ROOM_CLOSED, type UcrpLayout, UdpPeer } from './ucrp.ts';

function endpointOf(server: ServerPorts): HybridEndpoint {
  return { address: server.address, tcpPort: server.port('ucrp', 'tcp'), udpPort: server.port('ucrp', 'udp') };
}

/** What an object member is shown first, so that the server knows where it is: its own line, by the echo. */
const HERE = '(here)';

async function join(
  server: ServerPorts,
  { room, user, password }: JoinRequest,
  dialect: Dialect,
  datagrams: UcrpLayout,
): Promise<WireMember> {
  const endpoint = endpointOf(server);
  const request = { room, user, dialect, datagrams, password };
  const member = await RawMember.join(endpoint, request).catch(() => RawMember.create(endpoint, request));
  const shown = new ShownQueue(user);
  member.peer.onDatagram = ({ bytes }) => {
    if (bytes.equals(ROOM_CLOSED)) {
      shown.push({ kind: 'notice', text: bytes.toString() });
      return;
    }
    const chat = decodeChat(member.form, bytes);
    if (chat === undefined) shown.push({ kind: 'notice', text: bytes.toString('utf8', 3 + bytes[1]!) });
    else if (chat.user === 'system') shown.push({ kind: 'notice', text: chat.text });
    else shown.push({ kind: 'chat', ...chat });
  };
  if (member.hasEcho) {
    await member.send(HERE);
    await shown.until((item) => item.kind === 'chat' && item.text === HERE, 'its own first line');
    shown.chat.length = 0;
  }
  return {
    user,
    shown,
    say: (text) => member.send(text),
    leave: () => member.send(LEAVE),
    sendJunk: (bytes) => member.peer.send(bytes, endpoint),
    close: () => member.peer.close(),
  };
}

function kind(dialect: Dialect, datagrams: UcrpLayout): WireKind {
  const isString = dialect === 'string';
  const isWide = datagrams === 'four-byte';
  return {
    name: `ucrp, ${dialect} dialect${isWide ? ', four-byte layout' : ''}`,
    section: 'hybrid',
    hasEcho: !isString,
    hasNotices: false,
    hasRooms: true,
    canLeave: isString,
    canCarryPassword: !isString,
    pieceBytesMax: isString || isWide ? 3800 : 255,
    closing: isString || isWide ? '__ROOM_CLOSED__' : 'Room closed: the host has left',
    join: (server, request) => join(server, request, dialect, datagrams),
    async junk(server, bytes) {
      const endpoint = endpointOf(server);
      const peer = await UdpPeer.open();
      await peer.send(bytes, endpoint);
      peer.close();
      await exchange(endpoint, Buffer.concat([Buffer.from([0]), bytes]));
    },
  };
}

export const hybridKinds: readonly WireKind[] = [
  kind('string', 'one-byte'),
  kind('string', 'four-byte'),
  kind('object', 'one-byte'),
  kind('object', 'four-byte'),
];
