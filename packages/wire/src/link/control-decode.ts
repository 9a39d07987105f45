import { CodecError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import {
  type ControlMessage,
  ControlType,
  type Join,
  type Joined,
  type ListedKey,
  type ListedRoom,
  type ListedUser,
  linkEntries,
  type UnknownControl,
} from './control.ts';
import { readFound, readSearch } from './found.ts';
import { DEVICE_KEY_BYTES } from './handshake.ts';
import { LINK_NAME_BYTES_MAX, LINK_OUTBOX_ID_BYTES, LINK_TEXT_BYTES_MAX, LINK_TOKEN_BYTES_MAX } from './limits.ts';

const JOIN_ENTRY_BITS = 0x03;
const JOIN_HAS_CURSOR = 0x04;
const JOIN_HAS_HISTORY = 0x08;
const JOIN_FLAGS = JOIN_ENTRY_BITS | JOIN_HAS_CURSOR | JOIN_HAS_HISTORY;

/**
 * The body of a control record. Flags that are not known are passed over, except in JOIN, where they may mean a field; bytes
 * after the last field are passed over in answers, where a later version may have more to say, and refused in requests.
 * @throws {CodecError} CODEC_TRUNCATED; CODEC_TOO_LARGE: a text above its limit, a number above 2^53 − 1;
 *   CODEC_INVALID_FIELD: flags, channel 0, bytes after the last field; CODEC_INVALID_UTF8
 */
export function decodeControl(bytes: Uint8Array): ControlMessage | UnknownControl {
  const reader = new ByteReader(bytes, 'control message');
  const type = reader.varint();
  switch (type) {
    case ControlType.JOIN:
      return whole(reader, readJoin(reader));
    case ControlType.JOINED:
      return readJoined(reader);
    case ControlType.FAILED:
      return { type: 'failed', request: reader.varint(), code: reader.varint(), text: readText(reader) };
    case ControlType.LEAVE:
      return whole(reader, { type: 'leave', request: reader.varint(), channel: reader.varint() });
    case ControlType.LEFT:
      return {
        type: 'left',
        request: reader.varint(),
        channel: reader.varint(),
        reason: reader.varint(),
        text: readText(reader),
      };
    case ControlType.ROOMS:
      return whole(reader, readRooms(reader));
    case ControlType.ROOM_LIST:
      return { type: 'room-list', request: reader.varint(), rooms: readList(reader, readRoom), more: readMore(reader) };
    case ControlType.USERS:
      return whole(reader, readUsers(reader));
    case ControlType.USER_LIST:
      return { type: 'user-list', request: reader.varint(), users: readList(reader, readUser), more: readMore(reader) };
    case ControlType.ACCEPTED:
      return { type: 'accepted', channel: reader.varint(), post: reader.varint(), number: reader.varint() };
    case ControlType.REFUSED:
      return {
        type: 'refused',
        channel: reader.varint(),
        post: reader.varint(),
        code: reader.varint(),
        text: readText(reader),
      };
    case ControlType.KEYS:
      return whole(reader, { type: 'keys', request: reader.varint() });
    case ControlType.ADD_KEY:
      return whole(reader, { type: 'add-key', request: reader.varint(), key: readKey(reader) });
    case ControlType.REMOVE_KEY:
      return whole(reader, { type: 'remove-key', request: reader.varint(), key: readKey(reader) });
    case ControlType.KEY_LIST:
      return { type: 'key-list', request: reader.varint(), keys: readList(reader, readListedKey) };
    case ControlType.SEARCH:
      return whole(reader, readSearch(reader));
    case ControlType.FOUND:
      return readFound(reader);
    default:
      return { type: 'unknown', number: type, request: requestOf(reader) };
  }
}

function readJoin(reader: ByteReader): Join {
  const request = reader.varint();
  const channel = reader.varint();
  if (channel === 0) throw reader.error('CODEC_INVALID_FIELD', 'channel 0 is no room’s', reader.at - 1);
  const flags = reader.byte();
  if ((flags & ~JOIN_FLAGS) !== 0)
    throw reader.error('CODEC_INVALID_FIELD', `flags ${flags} are not all known`, reader.at - 1);
  const head = {
    type: 'join',
    request,
    channel,
    entry: linkEntries[flags & JOIN_ENTRY_BITS]!,
    room: readName(reader, 'room name'),
    password: readName(reader, 'password'),
    token: reader.text('member token', LINK_TOKEN_BYTES_MAX),
    outboxId: reader.take(LINK_OUTBOX_ID_BYTES).slice(),
  } as const;
  const cursor =
    (flags & JOIN_HAS_CURSOR) === 0
      ? {}
      : { cursor: { epoch: reader.varint(), roomId: reader.varint(), next: reader.varint() } };
  const history = (flags & JOIN_HAS_HISTORY) === 0 ? {} : { history: reader.varint() };
  return { ...head, ...cursor, ...history };
}

function readJoined(reader: ByteReader): Joined {
  const request = reader.varint();
  const channel = reader.varint();
  const flags = reader.byte();
  return {
    type: 'joined',
    request,
    channel,
    isHost: (flags & 0x01) !== 0,
    isHosted: (flags & 0x02) !== 0,
    isResumed: (flags & 0x04) !== 0,
    isResynchronised: (flags & 0x08) !== 0,
    room: readName(reader, 'room name'),
    host: readName(reader, 'host'),
    token: reader.text('member token', LINK_TOKEN_BYTES_MAX),
    epoch: reader.varint(),
    roomId: reader.varint(),
    first: reader.varint(),
    head: reader.varint(),
    members: reader.varint(),
    timeBaseMs: reader.uint64(),
    posts: reader.varint(),
  };
}

function readRooms(reader: ByteReader): ControlMessage {
  const request = reader.varint();
  return reader.left === 0
    ? { type: 'rooms', request }
    : { type: 'rooms', request, after: readName(reader, 'room name') };
}

function readUsers(reader: ByteReader): ControlMessage {
  const head = { type: 'users', request: reader.varint(), channel: reader.varint() } as const;
  return reader.left === 0 ? head : { ...head, skip: reader.varint() };
}

function readMore(reader: ByteReader): number {
  return reader.left === 0 ? 0 : reader.varint();
}

function readKey(reader: ByteReader): Uint8Array {
  return reader.take(DEVICE_KEY_BYTES).slice();
}

function readListedKey(reader: ByteReader): ListedKey {
  const facts = { key: readKey(reader), addedMs: reader.uint64(), usedMs: reader.uint64() };
  return { ...facts, isOwn: (reader.byte() & 0x01) !== 0 };
}

/** As many as are said; each takes bytes, so that more than a record holds end it with CODEC_TRUNCATED. */
function readList<Item>(reader: ByteReader, readItem: (reader: ByteReader) => Item): Item[] {
  const count = reader.varint();
  const items: Item[] = [];
  while (items.length < count) items.push(readItem(reader));
  return items;
}

function readRoom(reader: ByteReader): ListedRoom {
  const room = readName(reader, 'room name');
  const members = reader.varint();
  const flags = reader.byte();
  return { room, members, hasPassword: (flags & 0x01) !== 0, isHosted: (flags & 0x02) !== 0 };
}

function readUser(reader: ByteReader): ListedUser {
  const user = readName(reader, 'user name');
  const flags = reader.byte();
  return { user, isVerified: (flags & 0x01) !== 0, isHost: (flags & 0x02) !== 0, isAway: (flags & 0x04) !== 0 };
}

function readName(reader: ByteReader, name: string): string {
  return reader.text(name, LINK_NAME_BYTES_MAX);
}

function readText(reader: ByteReader): string {
  return reader.text('text', LINK_TEXT_BYTES_MAX);
}

function requestOf(reader: ByteReader): number | undefined {
  try {
    return reader.varint();
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function whole<Message>(reader: ByteReader, message: Message): Message {
  reader.finish();
  return message;
}
