import { type Direction, type Field, FieldWriter } from '../fields.ts';
import { isTcrpOperation, isTcrpState, TCRP_PAYLOAD_BYTES_MAX, TcrpOperation, TcrpState } from './frame.ts';
import { HEADER31_BYTES, HEADER32_BYTES, layoutOf, readPayloadLength } from './layout.ts';

/** What the bytes of a TCRP frame mean (docs/wires/tcrp.md), whatever they are. */
export function describeTcrp(frame: Uint8Array, direction: Direction): Field[] {
  const writer = new FieldWriter(frame);
  const [roomLength = 0, operation = 0, state = 0] = frame;
  if (roomLength === 0) writer.rest('frame', 'no room name: not read');
  else if (isTcrpOperation(operation) && (direction === 'in' ? state === TcrpState.REQUEST : isTcrpState(state))) {
    describeWithHeader(writer, direction === 'in' ? requestHeader(frame) : answerHeader(frame));
  } else if (operation >= 0x20) describeNameFirst(writer);
  else writer.rest('frame', frame.length < 3 ? 'cut short in its header' : 'unknown operation or state: not read');
  return writer.fields;
}

function describeWithHeader(writer: FieldWriter, headerBytes: number): void {
  const room = writer.number(1, 'room length');
  const operation = writer.number(1, 'operation', operationNote);
  const state = writer.number(1, 'state', stateNote);
  const payload = writer.number(headerBytes - 3, 'payload length', (bytes) =>
    bytes > TCRP_PAYLOAD_BYTES_MAX ? `above ${TCRP_PAYLOAD_BYTES_MAX}: refused` : `${headerBytes}-byte header`,
  );
  writer.text(room, 'room');
  if (operation !== undefined && payload !== undefined) {
    writer.text(Math.min(payload, TCRP_PAYLOAD_BYTES_MAX), 'payload', (text) => payloadNote(text, state));
  }
  writer.rest('rest', 'bytes after the frame: not read');
}

function describeNameFirst(writer: FieldWriter): void {
  writer.text(writer.number(1, 'room length', 'name-first layout'), 'room');
  writer.number(1, 'operation', operationNote);
  const state = writer.number(1, 'state', stateNote);
  writer.text(undefined, 'payload', (text) => payloadNote(text, state));
}

function requestHeader(frame: Uint8Array): number {
  return layoutOf(frame, TCRP_PAYLOAD_BYTES_MAX) === 'header31' ? HEADER31_BYTES : HEADER32_BYTES;
}

/** An answer is whole, so its own length tells. */
function answerHeader(frame: Uint8Array): number {
  const fits = (header: number): boolean =>
    frame.length >= HEADER32_BYTES && header + frame[0]! + readPayloadLength(frame, header) === frame.length;
  return !fits(HEADER32_BYTES) && fits(HEADER31_BYTES) ? HEADER31_BYTES : HEADER32_BYTES;
}

function operationNote(operation: number): string {
  if (operation === TcrpOperation.CREATE) return 'create';
  return operation === TcrpOperation.JOIN ? 'join' : 'unknown';
}

function stateNote(state: number): string {
  if (state === TcrpState.REQUEST) return 'request';
  if (state === TcrpState.RESPONSE) return 'response: the verdict';
  return state === TcrpState.COMPLETE ? 'complete: the token' : 'unknown';
}

function payloadNote(text: string, state: number | undefined): string {
  const start = text.trimStart()[0];
  const isObject = start === '{';
  if (state === TcrpState.REQUEST) {
    if (isObject) return 'object dialect: user and password';
    return start === '"' ? 'string dialect: the user name' : 'the bare user name';
  }
  return state === TcrpState.RESPONSE ? 'granted or refused' : 'what UCRP needs';
}
