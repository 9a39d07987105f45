import { type BridgePacket, checkId, invalid } from './packet.ts';

/**
 * Lines that Confab's own clients and server add to their packets (docs/wires/bridge.md, "What Confab adds"). Programs that
 * do not know them are never sent any by the server, and pass over those that a client sends.
 */
export interface BridgeExtra {
  /** `Confab-Key`: an X25519 public key (RFC 7748 §5), 32 bytes in base64url, 43 characters. */
  readonly key?: string;
  /** `Confab-Token`: what the server knows the owner of a registration by, 16 bytes in base64url, 22 characters. */
  readonly token?: string;
  /** `Confab-Seen`: the address that the server saw, `ip:port`, an IPv6 address in brackets. */
  readonly seen?: string;
  /** `Confab-Pair`: names two clients that were introduced to each other, 8 bytes in base64url, 11 characters. */
  readonly pair?: string;
  /** `Confab-Peer`: the client id that one wants to be introduced to. */
  readonly peer?: string;
  /** `Confab-Wait: yes`: answer when somebody is there (TCP mode). */
  readonly isWaiting?: boolean;
  /** `Confab-Relay: yes` or `no`: whether the server relays for this pair. */
  readonly isRelayed?: boolean;
}

/** Types of packets that can have such lines. */
export type ExtraPacketType = 'REGISTER' | 'REGACK' | 'BRIDGE' | 'BRIDGEACK' | 'CHAT' | 'QUIT' | 'RELAY';

interface Line<Value> {
  readonly name: string;
  write(value: Value): string;
  /** @throws {CodecError} CODEC_INVALID_FIELD */
  read(text: string): Value;
}

type Lines = { readonly [Key in keyof Required<BridgeExtra>]: Line<Required<BridgeExtra>[Key]> };

/** In the order they are written. */
const lines: Lines = {
  key: textLine('Confab-Key', (text) => checkBase64(text, 43)),
  token: textLine('Confab-Token', (text) => checkBase64(text, 22)),
  seen: textLine('Confab-Seen', checkSeen),
  pair: textLine('Confab-Pair', (text) => checkBase64(text, 11)),
  peer: textLine('Confab-Peer', checkId),
  isWaiting: flagLine('Confab-Wait'),
  isRelayed: flagLine('Confab-Relay'),
};

const keys = Object.keys(lines) as (keyof BridgeExtra)[];

/** The lines of a packet, each with `␍␊` before it; empty for a packet without any. */
export function encodeExtra(packet: BridgePacket): string {
  const extra = 'extra' in packet ? packet.extra : undefined;
  if (extra === undefined) return '';
  let text = '';
  for (const key of keys) {
    const value = extra[key];
    if (value === undefined) continue;
    const line = lines[key] as Line<unknown>;
    text += `\r\n${line.name}: ${line.write(value)}`;
  }
  return text;
}

/**
 * @param fields The values of a packet by the names of their lines, in lower case.
 * @returns `{ extra }`, or `{}` when the packet has none of these lines.
 * @throws {CodecError} CODEC_INVALID_FIELD: a value that is not as above
 */
export function decodeExtra(fields: ReadonlyMap<string, string>): { extra?: BridgeExtra } {
  const extra: Record<string, unknown> = {};
  for (const key of keys) {
    const line = lines[key];
    const text = fields.get(line.name.toLowerCase());
    if (text !== undefined) extra[key] = line.read(text);
  }
  return Object.keys(extra).length === 0 ? {} : { extra };
}

function textLine(name: string, check: (text: string) => string): Line<string> {
  return { name, write: check, read: check };
}

function flagLine(name: string): Line<boolean> {
  return {
    name,
    write: (value) => (value ? 'yes' : 'no'),
    read: (text) => {
      if (text === 'yes' || text === 'no') return text === 'yes';
      throw invalid('a line of Confab is neither yes nor no');
    },
  };
}

function checkBase64(text: string, length: number): string {
  if (text.length === length && /^[\w-]+$/.test(text)) return text;
  throw invalid(`a line of Confab is not ${length} characters of base64url`);
}

function checkSeen(text: string): string {
  const match = /^(?:[\d.]{7,15}|\[[\da-fA-F:.]{2,45}\]):(\d{1,5})$/.exec(text);
  const port = Number(match?.[1]);
  if (port >= 1 && port <= 65_535) return text;
  throw invalid('a line of Confab is not an address and port');
}
