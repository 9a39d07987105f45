import { type Direction, type Field, FieldWriter } from '../fields.ts';

/** What the bytes of a bridge packet mean (docs/wires/bridge.md), whatever they are: one field a line. */
export function describeBridge(packet: Uint8Array, direction: Direction): Field[] {
  const writer = new FieldWriter(packet);
  let at = 0;
  while (at < packet.length) {
    const lineFeed = packet.indexOf(LINE_FEED, at);
    const end = lineFeed < 0 ? packet.length : lineFeed + 1;
    const name = at === 0 ? 'packet' : nameOf(packet.subarray(at, end));
    const text = writer.text(end - at, name, at === 0 ? (line) => meaning(line.trim(), direction) : '');
    at = end;
    // What people say may be in no lines at all, or sealed.
    if (text === undefined) break;
  }
  writer.rest('rest', 'no packet of ours');
  return writer.fields;
}

const LINE_FEED = 0x0a;

/** What stands before the colon, if it can be a name; `end` for a blank line. */
function nameOf(line: Uint8Array): string {
  if (line.every((byte) => byte === 0x0d || byte === LINE_FEED)) return 'end';
  const match = /^[\w-]{1,32}(?=\s*:)/.exec(String.fromCharCode(...line.subarray(0, 64)));
  return match?.[0] ?? 'line';
}

function meaning(type: string, direction: Direction): string {
  const meanings = direction === 'in' ? requests : answers;
  return meanings.get(type) ?? 'unknown';
}

const requests: ReadonlyMap<string, string> = new Map(
  Object.entries({
    PROBE: 'which mode is this?',
    REGISTER: 'who and where I am',
    BRIDGE: 'whom can I talk to?',
    CHAT: 'these two have found each other',
    QUIT: 'forget me',
    RELAY: 'what follows is for the other one of the pair',
  }),
);

const answers: ReadonlyMap<string, string> = new Map(
  Object.entries({
    PROBEACK: 'this is the mode',
    REGACK: 'registered',
    REGNACK: 'refused: the id is taken',
    BRIDGEACK: 'whom to talk to, or nobody yet',
    QUITACK: 'forgotten',
    RELAYACK: 'both of the pair are there',
  }),
);
