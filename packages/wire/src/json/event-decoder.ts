import {
  invalid,
  isCount,
  type JsonId,
  type JsonMembers,
  parseMembers,
  requireCount,
  requireId,
  requireText,
} from './members.ts';

/** What a server sends; one JSON object. Members that some servers leave out are optional. */
export type JsonEvent =
  | {
      readonly type: 'message';
      readonly room: string;
      readonly user: string;
      readonly text: string;
      /** Server-wide, rising; the same whenever the event is repeated. */
      readonly seq: number;
    }
  | { readonly type: 'system'; readonly room: string; readonly text: string; readonly seq: number }
  | { readonly type: 'error'; readonly text: string; readonly seq?: number }
  | {
      readonly type: 'rooms';
      readonly rooms: readonly string[];
      readonly seq?: number;
      /** Names left out of the list because they would not fit the line. */
      readonly more?: number;
    }
  /** Confab's own: who is in the room, each member once, so that a name may be there twice. */
  | {
      readonly type: 'users';
      readonly room: string;
      readonly users: readonly string[];
      readonly seq?: number;
      /** Names left out of the list because they would not fit. */
      readonly more?: number;
      /** JSON datagrams: that of the request. */
      readonly id?: JsonId;
    }
  /** Confab's own: what a search found, newest first. */
  | {
      readonly type: 'found';
      readonly messages: readonly JsonFound[];
      readonly seq?: number;
      /** To be asked for what is older; left out: there is nothing. */
      readonly before?: number;
      /** Events that could not be searched yet. */
      readonly unsearched?: number;
      readonly id?: JsonId;
    }
  /** JSON datagrams: the request with this id has arrived. */
  | { readonly type: 'ack'; readonly id: JsonId }
  /** A type that this version does not know, to be passed over. */
  | { readonly type: 'unknown'; readonly name: string };

/** A message that was found. */
export interface JsonFound {
  readonly room: string;
  readonly user: string;
  readonly text: string;
  readonly seq: number;
  /** When it was said, ms since the Unix epoch. */
  readonly time: number;
  readonly isEdited: boolean;
}

/**
 * A line or datagram from a server to an event. Members that the type does not have are ignored. The size is not judged here:
 * who reads from the network has bounded it.
 * @throws {CodecError} CODEC_INVALID_UTF8: ill-formed, or a lone surrogate in a text; CODEC_INVALID_JSON: not a JSON object;
 *   CODEC_INVALID_FIELD: a member missing or of a wrong type
 */
export function decodeJsonEvent(input: string | Uint8Array): JsonEvent {
  const members = parseMembers(input);
  const type = requireText(members, 'type');
  switch (type) {
    case 'message': {
      const [room, user] = [requireText(members, 'room'), requireText(members, 'user')];
      return { type, room, user, text: requireText(members, 'text'), seq: requireCount(members, 'seq') };
    }
    case 'system': {
      const [room, text] = [requireText(members, 'room'), requireText(members, 'text')];
      return { type, room, text, seq: requireCount(members, 'seq') };
    }
    case 'error':
      return { type, text: requireText(members, 'text'), ...countOf(members, 'seq') };
    case 'rooms':
      return { type, rooms: namesOf(members, 'rooms'), ...countOf(members, 'seq'), ...countOf(members, 'more') };
    case 'users': {
      const list = { type, room: requireText(members, 'room'), users: namesOf(members, 'users') } as const;
      const id = members.id === undefined ? {} : { id: requireId(members) };
      return { ...list, ...countOf(members, 'seq'), ...countOf(members, 'more'), ...id };
    }
    case 'found': {
      const bounds = { ...countOf(members, 'seq'), ...countOf(members, 'before'), ...countOf(members, 'unsearched') };
      const id = members.id === undefined ? {} : { id: requireId(members) };
      return { type, messages: foundOf(members), ...bounds, ...id };
    }
    case 'ack':
      return { type, id: requireId(members) };
    default:
      return { type: 'unknown', name: type };
  }
}

function namesOf(members: JsonMembers, field: 'rooms' | 'users'): readonly string[] {
  const names = members[field];
  if (names === undefined) throw invalid(`Missing field: ${field}`);
  if (!Array.isArray(names)) throw invalid(`Field ${field} must be a list of strings`);
  return names.map((name: unknown) => requireText({ [`${field}[]`]: name }, `${field}[]`));
}

function foundOf({ messages }: JsonMembers): readonly JsonFound[] {
  if (!Array.isArray(messages)) throw invalid('Field messages must be a list of messages');
  return messages.map((message: unknown) => {
    if (typeof message !== 'object' || message === null) throw invalid('Field messages must be a list of messages');
    const members = message as JsonMembers;
    const [room, user, text] = ['room', 'user', 'text'].map((field) => requireText(members, field)) as [
      string,
      string,
      string,
    ];
    const numbers = { seq: requireCount(members, 'seq'), time: requireCount(members, 'time') };
    return { room, user, text, ...numbers, isEdited: members.edited === true };
  });
}

/** `{[field]: count}` if the member is one, else nothing. */
function countOf<Field extends string>(members: JsonMembers, field: Field): { [F in Field]?: number } {
  const value = members[field];
  return isCount(value) ? ({ [field]: value } as { [F in Field]: number }) : {};
}
