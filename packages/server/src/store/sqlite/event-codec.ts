import type { RoomEvent } from '@confab/core';

/**
 * Events on their way between threads. An object each would be taken apart and put together again by the structured
 * clone, key by key; this is one buffer, which moves without a copy, and one string. Never stored or sent.
 *
 * The buffer, in native byte order: for each event eleven f64 (room id, seq, position, kind, time ms, author, target,
 * length of the user in UTF-16 units, of the client id, of the body in bytes; -1: no target, no client id; 1: the user is
 * verified), then all bodies.
 */
export interface EncodedEvents {
  readonly count: number;
  readonly buffer: ArrayBuffer;
  /** The user and client id of each event, one after the other. Kept as text, since SQLite's binding takes text. */
  readonly text: string;
}

const NUMBERS = 11;
const NONE = -1;

export function encodeEvents(events: readonly RoomEvent[]): EncodedEvents {
  const count = events.length;
  const numbersBytes = count * NUMBERS * Float64Array.BYTES_PER_ELEMENT;
  let bodiesBytes = 0;
  for (const { body } of events) bodiesBytes += body.length;
  const buffer = new ArrayBuffer(numbersBytes + bodiesBytes);
  const numbers = new Float64Array(buffer, 0, count * NUMBERS);
  const bytes = new Uint8Array(buffer);
  let text = '';
  let at = numbersBytes;
  let number = 0;
  for (const { roomId, seq, position, kind, timeMs, author, user, isVerified, clientId, target, body } of events) {
    numbers[number] = roomId;
    numbers[number + 1] = seq;
    numbers[number + 2] = position;
    numbers[number + 3] = kind;
    numbers[number + 4] = timeMs;
    numbers[number + 5] = author;
    numbers[number + 6] = target ?? NONE;
    numbers[number + 7] = user.length;
    numbers[number + 8] = clientId?.length ?? NONE;
    numbers[number + 9] = body.length;
    numbers[number + 10] = isVerified === true ? 1 : 0;
    number += NUMBERS;
    text += clientId === undefined ? user : user + clientId;
    bytes.set(body, at);
    at += body.length;
  }
  return { count, buffer, text };
}

/**
 * @param bodies `copied`: each body stands for itself. `shared`: each is a view that keeps the whole buffer alive, for a
 *   reader that is done with all of them at once
 */
export function decodeEvents({ count, buffer, text }: EncodedEvents, bodies: 'copied' | 'shared'): RoomEvent[] {
  const numbers = new Float64Array(buffer, 0, count * NUMBERS);
  const bytes = new Uint8Array(buffer);
  const events: RoomEvent[] = [];
  let textAt = 0;
  let bodyAt = numbers.byteLength;
  for (let number = 0; number < numbers.length; number += NUMBERS) {
    const target = numbers[number + 6]!;
    const userEnd = textAt + numbers[number + 7]!;
    const hasClientId = numbers[number + 8] !== NONE;
    const clientIdEnd = hasClientId ? userEnd + numbers[number + 8]! : userEnd;
    const bodyEnd = bodyAt + numbers[number + 9]!;
    events.push({
      roomId: numbers[number]!,
      seq: numbers[number + 1]!,
      position: numbers[number + 2]!,
      kind: numbers[number + 3]!,
      timeMs: numbers[number + 4]!,
      author: numbers[number + 5]!,
      user: text.slice(textAt, userEnd),
      isVerified: numbers[number + 10] === 1 ? true : undefined,
      clientId: hasClientId ? text.slice(userEnd, clientIdEnd) : undefined,
      target: target === NONE ? undefined : target,
      body: bodies === 'copied' ? bytes.slice(bodyAt, bodyEnd) : bytes.subarray(bodyAt, bodyEnd),
    });
    textAt = clientIdEnd;
    bodyAt = bodyEnd;
  }
  return events;
}
