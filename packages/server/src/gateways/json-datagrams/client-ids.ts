import { CLIENT_ID_LENGTH_MAX, EventKind, type RoomEvent } from '@confab/core';
import type { JsonId } from '@confab/wire/json';
import type { JsonPeer } from './peer.ts';

const bodies = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The name under which the log takes a message once: `member.generation|ip|port|id`. The member's number is never given
 * again, so a later program at the same address cannot meet an old name; and names rise with time, which keeps the store's
 * index cheap. Undefined where the id is too long for that: then only the ids in memory stand against a repetition.
 */
export function clientIdOf({ member, generation, key }: JsonPeer, id: JsonId): string | undefined {
  const clientId = `${member?.id ?? 0}.${generation}|${key}|${JSON.stringify(id)}`;
  return clientId.length <= CLIENT_ID_LENGTH_MAX ? clientId : undefined;
}

/**
 * What the program at this address said shortly before, by the log: the texts of its messages by id. So a message that was
 * written before the server was killed, and is repeated to the next one for want of an acknowledgement, is known again.
 * @param sinceMs wall clock; what is older nobody repeats any more
 */
export function recall(events: readonly RoomEvent[], key: string, sinceMs: number): Map<JsonId, string> {
  const texts = new Map<JsonId, string>();
  const middle = `|${key}|`;
  for (const { kind, clientId, timeMs, body } of events) {
    if (kind !== EventKind.MESSAGE || clientId === undefined || timeMs < sinceMs) continue;
    const at = clientId.indexOf('|');
    if (!clientId.startsWith(middle, at)) continue;
    const id = idOf(clientId.slice(at + middle.length));
    if (id !== undefined) texts.set(id, bodies.decode(body));
  }
  return texts;
}

function idOf(json: string): JsonId | undefined {
  try {
    return JSON.parse(json) as JsonId;
  } catch {
    // Made by another wire, that happens to look like ours.
    return undefined;
  }
}
