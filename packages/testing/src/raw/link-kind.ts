/** Link as a wire like the others: a member of one room, over TLS or sealed datagrams. */
import { connect } from 'node:net';
import { varint } from './link-frames.ts';
import { Control, RawChat } from './link-room.ts';
import type { JoinRequest, ServerPorts, WireKind, WireMember } from './member.ts';
import { UdpPeer } from './ucrp.ts';

/** Flags of a packet, as an observer could make them. */
const PACKET_FLAGS = 0x43;

async function join(server: ServerPorts, request: JoinRequest, path: 'tcp' | 'udp'): Promise<WireMember> {
  const { room, user, password } = request;
  const chat = await RawChat.open(server, { user, wantsUdp: path === 'udp' });
  try {
    if (path === 'udp') await chat.link.moveToUdp();
    const { channel } = await chat.join({ room, password });
    return {
      user,
      shown: chat.shown,
      say: async (line) => void chat.post(channel, line),
      leave: async () => void (await chat.request(Control.LEAVE, varint(channel))),
      async sendJunk(bytes) {
        if (path === 'tcp') chat.link.socket.write(bytes);
        else
          await chat.link.sendDatagram(
            Buffer.concat([Buffer.from([PACKET_FLAGS]), chat.link.welcome.connectionId, bytes]),
          );
      },
      ...(path === 'tcp'
        ? { stall: () => void chat.link.socket.pause(), proceed: () => void chat.link.socket.resume() }
        : {}),
      close: () => chat.close(),
    };
  } catch (error) {
    chat.close();
    throw error;
  }
}

async function junk(server: ServerPorts, bytes: Uint8Array): Promise<void> {
  const peer = await UdpPeer.open();
  await peer.send(bytes, { address: server.address, udpPort: server.port('confab', 'udp') });
  peer.close();
  const socket = connect({ host: server.address, port: server.port('confab', 'tcp') });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.resume();
    socket.end(bytes);
  });
}

function kind(path: 'tcp' | 'udp'): WireKind {
  return {
    name: path === 'tcp' ? 'link over TLS' : 'link over sealed datagrams',
    section: 'link',
    hasEcho: true,
    hasNotices: true,
    hasRooms: true,
    canLeave: true,
    canCarryPassword: true,
    pieceBytesMax: Number.POSITIVE_INFINITY,
    closing: 'Room closed: the host has left',
    join: (server, request) => join(server, request, path),
    junk,
  };
}

export const linkKinds: readonly WireKind[] = [kind('tcp'), kind('udp')];
