import { encodeUtf8 } from '../text.ts';
import { encodeExtra } from './extra.ts';
import { BRIDGE_PACKET_BYTES_MAX, type BridgeMode } from './limits.ts';
import { type BridgePacket, type BridgePeer, checkId, checkIp, checkPort, checkSize, invalid } from './packet.ts';

const END = '\r\n\r\n';
/** What follows a line between peers: the line feed that was typed, and two line ends. */
const TEXT_END = '\n\r\n\r\n';

/**
 * A packet to bytes, exactly as programs send and expect it: one segment, one datagram.
 *
 *     PROBE␍␊␍␊   PROBEACK␍␊␍␊   REGNACK␍␊␍␊
 *     REGISTER␍␊clientID: X␍␊IP: a␍␊Port: p␍␊␍␊     and so REGACK
 *     BRIDGE␍␊clientID: X␍␊␍␊
 *     BRIDGEACK␍␊clientID: Y␍␊IP: a␍␊Port: p␍␊␍␊    nobody there: clientID: ␍␊IP: ␍␊Port: ␍␊␍␊, one blank after each colon
 *     CHAT␍␊clientID1: X␍␊clientID2: Y              to the server, no line end: the close ends it
 *     CHAT␍␊clientID: X␍␊␍␊                         to a peer, opening; in UDP mode one more ␍␊
 *     CHAT␍␊clientID: X␍␊<text>␊␍␊␍␊                to a peer
 *     QUIT␍␊clientID: X␍␊␍␊   QUIT␍␊␍␊              to the server; to a peer
 *     QUITACK␍␊clientID: X␍␊␍␊
 *
 * The lines of Confab, where a packet has any, come after those of the table (`extra.ts`).
 *
 * Text may hold line feeds but no carriage return, which could end the packet early.
 * @param mode matters to the opening between peers only
 * @throws {CodecError} CODEC_INVALID_FIELD: an id, address, port or text that a reader would take for something else;
 *   CODEC_TOO_LARGE: above 1024 bytes; CODEC_INVALID_UTF8: a lone surrogate
 */
export function encodeBridgePacket(packet: BridgePacket, mode: BridgeMode = 'tcp'): Uint8Array {
  const bytes = encodeUtf8(textOf(packet, mode));
  checkSize(bytes.length);
  return bytes;
}

/**
 * Room left for the text of a line between peers, bytes of UTF-8: 746–1000.
 * @throws {CodecError} CODEC_INVALID_FIELD, CODEC_INVALID_UTF8, as `encodeBridgePacket` would for this id
 */
export function bridgeTextBytesMax(clientId: string): number {
  return BRIDGE_PACKET_BYTES_MAX - encodeBridgePacket({ type: 'CHAT', to: 'peer', clientId, text: '' }).length;
}

function textOf(packet: BridgePacket, mode: BridgeMode): string {
  switch (packet.type) {
    case 'PROBE':
    case 'PROBEACK':
    case 'REGNACK':
    case 'RELAYACK':
      return `${packet.type}${END}`;
    case 'REGISTER':
    case 'REGACK':
      return `${packet.type}\r\n${peerLines(packet)}${encodeExtra(packet)}${END}`;
    case 'BRIDGE':
    case 'QUITACK':
    case 'RELAY':
      return `${packet.type}\r\n${idLine(packet.clientId)}${encodeExtra(packet)}${END}`;
    case 'BRIDGEACK': {
      const lines = packet.peer === undefined ? 'clientID: \r\nIP: \r\nPort: ' : peerLines(packet.peer);
      return `BRIDGEACK\r\n${lines}${encodeExtra(packet)}${END}`;
    }
    case 'CHAT':
      if (packet.to === 'peer') return chatToPeer(packet.clientId, packet.text, mode);
      return `CHAT\r\nclientID1: ${checkId(packet.clientId1)}\r\nclientID2: ${checkId(packet.clientId2)}${encodeExtra(packet)}`;
    case 'QUIT':
      if (packet.clientId === undefined) return `QUIT${END}`;
      return `QUIT\r\n${idLine(packet.clientId)}${encodeExtra(packet)}${END}`;
  }
}

function chatToPeer(clientId: string, text: string | undefined, mode: BridgeMode): string {
  const head = `CHAT\r\n${idLine(clientId)}`;
  if (text === undefined) return `${head}${END}${mode === 'udp' ? '\r\n' : ''}`;
  if (text.includes('\r')) throw invalid('text holds a carriage return');
  return `${head}\r\n${text}${TEXT_END}`;
}

function peerLines(peer: BridgePeer): string {
  return `${idLine(peer.clientId)}\r\nIP: ${checkIp(peer.ip)}\r\nPort: ${checkPort(peer.port)}`;
}

function idLine(clientId: string): string {
  return `clientID: ${checkId(clientId)}`;
}
