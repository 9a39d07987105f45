import { type Encoding, type Reader, type RoomEvent, SYSTEM_USER, type Unit } from '@confab/core';
import { encodeUtf8 } from '@confab/wire';
import { encodeJsonSystem, JSON_DATAGRAM_BYTES_MAX } from '@confab/wire/json';
import type { OlderWires } from '../degraded.ts';
import { jsonTextOf } from '../json-events.ts';
import type { JsonPeer } from './peer.ts';

/** How a room is shown in JSON datagrams: the objects of JSON lines, one a datagram. */
export class JsonDatagramEncoding implements Encoding<JsonPeer> {
  readonly name = 'json-datagrams';
  /** Joins come with history, and a peer that does not keep up goes on where it stopped. */
  readonly isReplayed = true;
  readonly #olderWires: OlderWires;

  constructor(olderWires: OlderWires) {
    this.#olderWires = olderWires;
  }

  encode(event: RoomEvent, room: string): readonly Uint8Array[] {
    const text = jsonTextOf(event, room, this.#olderWires);
    if (text === undefined) return [];
    const bytes = encodeUtf8(text);
    if (bytes.length <= JSON_DATAGRAM_BYTES_MAX) return [bytes];
    // Only where `limits.message_bytes` was raised: no datagram holds it, and of a part nobody would know that it is one.
    const author = event.user === '' ? SYSTEM_USER : event.user;
    return [encodeUtf8(encodeJsonSystem(room, `A message of ${author} is too long for this wire`, event.position))];
  }

  deliver(units: readonly Unit[], readers: readonly Reader<JsonPeer>[]): void {
    const broadcasts = units.map(({ seq, bytes }) => ({ roomSeq: seq, seq: seqOf(bytes), bytes }));
    for (const reader of readers) {
      if (reader.state !== 'detached') reader.outlet.deliver(reader, broadcasts);
    }
  }

  skipped(reader: Reader<JsonPeer>, firstSeq: number, lastSeq: number): void {
    reader.outlet.miss(lastSeq - firstSeq + 1);
  }
}

const ZERO = 0x30;
const NINE = 0x39;

/** The number at the end of a broadcast, which ends in `"seq":n}`. */
export function seqOf(bytes: Uint8Array): number {
  let seq = 0;
  let scale = 1;
  for (let index = bytes.length - 2; index >= 0; index -= 1) {
    const byte = bytes[index]!;
    if (byte < ZERO || byte > NINE) break;
    seq += (byte - ZERO) * scale;
    scale *= 10;
  }
  return seq;
}
