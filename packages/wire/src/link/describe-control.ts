import type { FieldWriter } from '../fields.ts';
import { ControlType, linkEntries } from './control.ts';
import { linkErrorName } from './errors.ts';
import { LINK_OUTBOX_ID_BYTES } from './limits.ts';

const names = new Map<number, string>(Object.entries(ControlType).map(([name, type]) => [type, name]));

/** What a record of the control channel says (docs/wires/link.md "Control messages"). */
export function describeControl(writer: FieldWriter, left: () => number): void {
  const type = writer.varint('control', (value) => names.get(value) ?? '');
  const text = (name: string): void => {
    if (left() === 0) return;
    const length = writer.varint(`${name} length`);
    if (length !== undefined && length > 0) writer.text(Math.min(length, left()), name);
  };
  const numbers = (...fields: readonly string[]): void => {
    for (const name of fields) if (left() > 0) writer.varint(name);
  };
  switch (type) {
    case ControlType.JOIN:
      numbers('request', 'channel');
      writer.number(1, 'flags', (value) => linkEntries[value & 3] ?? '');
      for (const name of ['room', 'password', 'member token']) text(name);
      writer.bytes(Math.min(LINK_OUTBOX_ID_BYTES, left()), 'outbox id');
      break;
    case ControlType.JOINED:
      numbers('request', 'channel');
      writer.number(1, 'flags');
      for (const name of ['room', 'host', 'member token']) text(name);
      numbers('epoch', 'room id', 'first', 'head', 'members');
      break;
    case ControlType.FAILED:
      numbers('request');
      writer.varint('code', (value) => linkErrorName(value) ?? '');
      text('text');
      break;
    case ControlType.LEFT:
      numbers('request', 'channel', 'reason');
      text('text');
      break;
    case ControlType.ACCEPTED:
      numbers('channel', 'post', 'number');
      break;
    case ControlType.REFUSED:
      numbers('channel', 'post');
      writer.varint('code', (value) => linkErrorName(value) ?? '');
      text('text');
      break;
    case ControlType.SEARCH:
      numbers('request', 'channel', 'before', 'limit');
      text('query');
      break;
    case ControlType.FOUND:
      numbers('request', 'before', 'unsearched');
      if (left() > 0) writer.bytes(left(), 'list');
      break;
    case ControlType.LEAVE:
    case ControlType.USERS:
      numbers('request', 'channel');
      break;
    case ControlType.ROOMS:
    case ControlType.ROOM_LIST:
    case ControlType.USER_LIST:
    case ControlType.KEYS:
    case ControlType.ADD_KEY:
    case ControlType.REMOVE_KEY:
    case ControlType.KEY_LIST:
      numbers('request');
      if (left() > 0) writer.bytes(left(), 'list');
      break;
    default:
      if (left() > 0) writer.bytes(left(), 'control rest');
  }
  if (left() > 0) writer.bytes(left(), 'more');
}
