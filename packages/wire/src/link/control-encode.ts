import { CodecError } from '../errors.ts';
import { ByteWriter, refused } from './byte-writer.ts';
import {
  type ControlMessage,
  ControlType,
  type Join,
  type Joined,
  type LinkEntry,
  type ListedRoom,
  type ListedUser,
  linkEntries,
} from './control.ts';
import { writeFound, writeSearch } from './found.ts';
import { DEVICE_KEY_BYTES } from './handshake.ts';
import {
  LINK_NAME_BYTES_MAX,
  LINK_OUTBOX_ID_BYTES,
  LINK_RECORD_BYTES_MAX,
  LINK_TEXT_BYTES_MAX,
  LINK_TOKEN_BYTES_MAX,
} from './limits.ts';

/**
 * A control message to the body of its record.
 * @throws {CodecError} CODEC_INVALID_FIELD, CODEC_TOO_LARGE, CODEC_INVALID_UTF8: what the decoder would refuse, and a list
 *   that is longer than a record may be
 */
export function encodeControl(message: ControlMessage): Uint8Array {
  const bytes = write(message).finish();
  if (bytes.length > LINK_RECORD_BYTES_MAX) {
    const why = `${bytes.length} bytes exceed ${LINK_RECORD_BYTES_MAX}`;
    throw new CodecError('CODEC_TOO_LARGE', `Cannot encode ${message.type}: ${why}`, 0);
  }
  return bytes;
}

function write(message: ControlMessage): ByteWriter {
  const writer = new ByteWriter();
  switch (message.type) {
    case 'join':
      return writeJoin(writer.varint(ControlType.JOIN), message);
    case 'joined':
      return writeJoined(writer.varint(ControlType.JOINED), message);
    case 'failed':
      writer.varint(ControlType.FAILED).varint(message.request).varint(message.code);
      return writer.text(message.text, 'text', LINK_TEXT_BYTES_MAX);
    case 'leave':
      return writer.varint(ControlType.LEAVE).varint(message.request).varint(message.channel);
    case 'left':
      writer.varint(ControlType.LEFT).varint(message.request).varint(message.channel).varint(message.reason);
      return writer.text(message.text, 'text', LINK_TEXT_BYTES_MAX);
    case 'rooms':
      writer.varint(ControlType.ROOMS).varint(message.request);
      return message.after === undefined ? writer : writer.text(message.after, 'room name', LINK_NAME_BYTES_MAX);
    case 'room-list':
      writer.varint(ControlType.ROOM_LIST).varint(message.request).varint(message.rooms.length);
      for (const room of message.rooms) writeRoom(writer, room);
      return writer.varint(message.more);
    case 'users':
      writer.varint(ControlType.USERS).varint(message.request).varint(message.channel);
      return message.skip === undefined ? writer : writer.varint(message.skip);
    case 'user-list':
      writer.varint(ControlType.USER_LIST).varint(message.request).varint(message.users.length);
      for (const user of message.users) writeUser(writer, user);
      return writer.varint(message.more);
    case 'search':
      return writeSearch(writer.varint(ControlType.SEARCH), message);
    case 'found':
      return writeFound(writer.varint(ControlType.FOUND), message);
    case 'accepted':
      writer.varint(ControlType.ACCEPTED).varint(message.channel);
      return writer.varint(message.post).varint(message.number);
    case 'refused':
      writer.varint(ControlType.REFUSED).varint(message.channel).varint(message.post).varint(message.code);
      return writer.text(message.text, 'text', LINK_TEXT_BYTES_MAX);
    case 'keys':
      return writer.varint(ControlType.KEYS).varint(message.request);
    case 'add-key':
    case 'remove-key':
      writer.varint(message.type === 'add-key' ? ControlType.ADD_KEY : ControlType.REMOVE_KEY).varint(message.request);
      return writer.fixed(message.key, DEVICE_KEY_BYTES, 'device key');
    case 'key-list':
      writer.varint(ControlType.KEY_LIST).varint(message.request).varint(message.keys.length);
      for (const { key, addedMs, usedMs, isOwn } of message.keys) {
        writer.fixed(key, DEVICE_KEY_BYTES, 'device key').uint64(addedMs).uint64(usedMs).byte(flagsOf(isOwn));
      }
      return writer;
  }
}

function writeJoin(writer: ByteWriter, join: Join): ByteWriter {
  const { cursor, history } = join;
  if (join.channel === 0) throw refused('channel 0 is no room’s');
  writer.varint(join.request).varint(join.channel);
  writer.byte(entryNumber(join.entry) | (cursor === undefined ? 0 : 0x04) | (history === undefined ? 0 : 0x08));
  writer.text(join.room, 'room name', LINK_NAME_BYTES_MAX);
  writer.text(join.password, 'password', LINK_NAME_BYTES_MAX);
  writer.text(join.token, 'member token', LINK_TOKEN_BYTES_MAX);
  writer.fixed(join.outboxId, LINK_OUTBOX_ID_BYTES, 'outbox id');
  if (cursor !== undefined) writer.varint(cursor.epoch).varint(cursor.roomId).varint(cursor.next);
  if (history !== undefined) writer.varint(history);
  return writer;
}

function writeJoined(writer: ByteWriter, joined: Joined): ByteWriter {
  writer.varint(joined.request).varint(joined.channel);
  writer.byte(flagsOf(joined.isHost, joined.isHosted, joined.isResumed, joined.isResynchronised));
  writer.text(joined.room, 'room name', LINK_NAME_BYTES_MAX);
  writer.text(joined.host, 'host', LINK_NAME_BYTES_MAX);
  writer.text(joined.token, 'member token', LINK_TOKEN_BYTES_MAX);
  writer.varint(joined.epoch).varint(joined.roomId).varint(joined.first).varint(joined.head).varint(joined.members);
  return writer.uint64(joined.timeBaseMs).varint(joined.posts);
}

function writeRoom(writer: ByteWriter, listed: ListedRoom): void {
  writer.text(listed.room, 'room name', LINK_NAME_BYTES_MAX).varint(listed.members);
  writer.byte(flagsOf(listed.hasPassword, listed.isHosted));
}

function writeUser(writer: ByteWriter, listed: ListedUser): void {
  writer.text(listed.user, 'user name', LINK_NAME_BYTES_MAX);
  writer.byte(flagsOf(listed.isVerified, listed.isHost, listed.isAway));
}

function entryNumber(entry: LinkEntry): number {
  return linkEntries.indexOf(entry);
}

/** Bit 0 is the first. */
function flagsOf(...facts: readonly boolean[]): number {
  return facts.reduce((flags, fact, bit) => flags | (fact ? 1 << bit : 0), 0);
}
