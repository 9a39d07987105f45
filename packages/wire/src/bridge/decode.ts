import { CodecError } from '../errors.ts';
import { decodeUtf8 } from '../text.ts';
import { decodeExtra } from './extra.ts';
import { type BridgePacket, type BridgePeer, checkId, checkIp, checkPort, checkSize, invalid } from './packet.ts';

/** The values of a packet by the names of their lines, in lower case. */
type Fields = ReadonlyMap<string, string>;

/**
 * Bytes to a packet. What programs send is read as it is meant:
 *
 * - line ends are CRLF or LF, and those at the end may be missing;
 * - lines come in any order, their names in any letter case; lines of other names are ignored, of two with the same name the
 *   first counts;
 * - a value is what follows the colon, less blanks around it.
 *
 * The lines of Confab (`extra.ts`) must be as its programs write them.
 *
 * A CHAT whose next line is `clientID: X` is between peers. All that follows is text, less the `␊␍␊␍␊` after it or what there
 * is of that; if nothing follows but one or two line ends, the packet opens the conversation and has no text.
 * @throws {CodecError} CODEC_TOO_LARGE: above 1024 bytes; CODEC_TRUNCATED: no bytes at all; CODEC_INVALID_UTF8;
 *   CODEC_INVALID_FIELD: an unknown packet, a line that is missing, an id or address of 0 or more than 255 bytes or with a
 *   blank or control character in it, an id with a colon, a port that is not within 1–65535
 */
export function decodeBridgePacket(bytes: Uint8Array): BridgePacket {
  checkSize(bytes.length);
  if (bytes.length === 0) throw new CodecError('CODEC_TRUNCATED', 'Cannot decode bridge packet: it is empty', 0);
  const [type, rest] = splitLine(decodeUtf8(bytes));
  switch (type.trimEnd()) {
    case 'PROBE':
      return { type: 'PROBE' };
    case 'PROBEACK':
      return { type: 'PROBEACK' };
    case 'REGISTER':
      return withPeer('REGISTER', fieldsOf(rest));
    case 'REGACK':
      return withPeer('REGACK', fieldsOf(rest));
    case 'REGNACK':
      return { type: 'REGNACK' };
    case 'BRIDGE':
      return withId('BRIDGE', fieldsOf(rest));
    case 'BRIDGEACK':
      return bridgeAck(fieldsOf(rest));
    case 'CHAT':
      return chat(rest);
    case 'QUIT': {
      const fields = fieldsOf(rest);
      return fields.has('clientid') ? withId('QUIT', fields) : { type: 'QUIT' };
    }
    case 'RELAY':
      return withId('RELAY', fieldsOf(rest));
    case 'RELAYACK':
      return { type: 'RELAYACK' };
    case 'QUITACK':
      return { type: 'QUITACK', clientId: idOf(fieldsOf(rest)) };
    default:
      throw invalid('its first line names no packet');
  }
}

function bridgeAck(fields: Fields): BridgePacket {
  const isNobody = ['clientid', 'ip', 'port'].every((name) => fields.get(name) === '');
  return { type: 'BRIDGEACK', ...(isNobody ? {} : { peer: peerOf(fields) }), ...decodeExtra(fields) };
}

function withPeer(type: 'REGISTER' | 'REGACK', fields: Fields): BridgePacket {
  return { type, ...peerOf(fields), ...decodeExtra(fields) };
}

function withId(type: 'BRIDGE' | 'QUIT' | 'RELAY', fields: Fields): BridgePacket {
  return { type, clientId: idOf(fields), ...decodeExtra(fields) };
}

function chat(rest: string): BridgePacket {
  const [line, body] = splitLine(rest);
  const clientId = fieldsOf(line).get('clientid');
  if (clientId === undefined) {
    const fields = fieldsOf(rest);
    const ids = { clientId1: idOf(fields, 'clientID1'), clientId2: idOf(fields, 'clientID2') };
    return { type: 'CHAT', to: 'server', ...ids, ...decodeExtra(fields) };
  }
  const opening = { type: 'CHAT', to: 'peer', clientId: checkId(clientId) } as const;
  if (/^(?:\r\n){0,2}$/.test(body)) return opening;
  return { ...opening, text: body.replace(/\r?\n?(?:\r\n){0,2}$/, '') };
}

function peerOf(fields: Fields): BridgePeer {
  const port = requireField(fields, 'Port');
  // Number() would also take "", "0x50" and "1e3".
  if (!/^\d{1,5}$/.test(port)) throw invalid('a port is not within 1–65535');
  return { clientId: idOf(fields), ip: checkIp(requireField(fields, 'IP')), port: checkPort(Number(port)) };
}

function idOf(fields: Fields, name = 'clientID'): string {
  return checkId(requireField(fields, name));
}

function requireField(fields: Fields, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined) throw invalid(`line "${name}: …" is missing`);
  return value;
}

function fieldsOf(text: string): Fields {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon !== -1 && !fields.has(name)) fields.set(name, line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
  }
  return fields;
}

/** The first line without its line end, and what comes after that. */
function splitLine(text: string): [line: string, rest: string] {
  const end = text.indexOf('\n');
  if (end === -1) return [text, ''];
  return [text.slice(0, text[end - 1] === '\r' ? end - 1 : end), text.slice(end + 1)];
}
