import type { Field } from '@confab/wire';
import { describeBridge } from '@confab/wire/bridge';
import { describeJson } from '@confab/wire/json';
import { describeLinkPacket, describeLinkStream } from '@confab/wire/link';
import { describeStage1 } from '@confab/wire/stage1';
import { describeTcrp, TcrpRequestDecoder } from '@confab/wire/tcrp';
import { describeUcrp } from '@confab/wire/ucrp';
import type { TraceRecord } from './record.ts';

/** A datagram, a frame or a line, taken apart. */
export interface Unit extends TraceRecord {
  readonly fields: readonly Field[];
}

/** Streams that are put together again at the same time; beyond it the oldest is shown as far as it came. */
const STREAMS_MAX = 1000;
/** Bytes of an unfinished unit that are held; longer than any wire lets it become. */
const HELD_BYTES_MAX = 131_072;
const LINE_FEED = 0x0a;

interface Stream {
  readonly last: TraceRecord;
  held: Uint8Array;
  readonly decoder: TcrpRequestDecoder | undefined;
}

/** Makes units of records: streams are put together again, each connection and direction by itself. */
export class UnitReader {
  readonly #streams = new Map<string, Stream>();

  /** What became whole with this record. */
  read(record: TraceRecord): Unit[] {
    if (record.isEnd) return (['in', 'out'] as const).flatMap((direction) => this.#flush({ ...record, direction }));
    switch (record.wire) {
      case 'tcrp':
        // A server writes whole frames; and once it answers, no more of the request is read.
        return record.direction === 'out'
          ? [...this.#flush({ ...record, direction: 'in' }), unit(record, record.bytes)]
          : this.#readRequest(record);
      case 'json-lines':
        return this.#readLines(record);
      default:
        return [unit(record, record.bytes)];
    }
  }

  #readRequest(record: TraceRecord): Unit[] {
    const stream = this.#hold(record);
    stream.decoder?.push(record.bytes);
    return stream.decoder?.done === true || stream.held.length > HELD_BYTES_MAX ? this.#flush(record) : [];
  }

  #readLines(record: TraceRecord): Unit[] {
    const stream = this.#hold(record);
    const units: Unit[] = [];
    for (let end = stream.held.indexOf(LINE_FEED); end >= 0; end = stream.held.indexOf(LINE_FEED)) {
      units.push(unit(record, stream.held.subarray(0, end + 1)));
      stream.held = stream.held.subarray(end + 1);
    }
    if (stream.held.length > HELD_BYTES_MAX) units.push(...this.#flush(record));
    return units;
  }

  #hold(record: TraceRecord): Stream {
    const key = keyOf(record);
    const known = this.#streams.get(key);
    const stream: Stream = {
      last: record,
      held: known === undefined ? record.bytes : Buffer.concat([known.held, record.bytes]),
      decoder: known?.decoder ?? (record.wire === 'tcrp' ? new TcrpRequestDecoder() : undefined),
    };
    for (const oldest of this.#streams.keys()) {
      if (known !== undefined || this.#streams.size < STREAMS_MAX) break;
      this.#streams.delete(oldest);
    }
    this.#streams.set(key, stream);
    return stream;
  }

  /** What is held of a stream, finished or not. */
  #flush(record: TraceRecord): Unit[] {
    const key = keyOf(record);
    const stream = this.#streams.get(key);
    this.#streams.delete(key);
    return stream === undefined || stream.held.length === 0 ? [] : [unit(stream.last, stream.held)];
  }
}

function keyOf({ wire, direction, peer }: TraceRecord): string {
  return `${wire} ${direction} ${peer}`;
}

function unit(record: TraceRecord, bytes: Uint8Array): Unit {
  return { ...record, bytes, fields: describe(record, bytes) };
}

function describe({ wire, direction }: TraceRecord, bytes: Uint8Array): Field[] {
  switch (wire) {
    case 'tcrp':
      return describeTcrp(bytes, direction);
    case 'ucrp':
      return describeUcrp(bytes, direction);
    case 'stage1':
      return describeStage1(bytes);
    case 'bridge':
      return describeBridge(bytes, direction);
    case 'json-lines':
    case 'json-datagrams':
    case 'websocket':
      return describeJson(bytes);
    case 'link-tcp':
      return describeLinkStream(bytes);
    case 'link-udp':
      return describeLinkPacket(bytes, direction === 'in' ? 'server' : 'client');
    default:
      return [{ offset: 0, length: bytes.length, name: 'bytes', value: '', note: 'a wire unknown here' }];
  }
}
