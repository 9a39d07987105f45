import { CodecError } from '../errors.ts';
import { type Direction, type Field, FieldWriter } from '../fields.ts';
import { UcrpDeliveryType } from './delivery.ts';
import { decodeDelivery, type UcrpDeliveryForm } from './delivery-decoder.ts';
import { UCRP_LEAVE, UCRP_REGISTER } from './limits.ts';

/**
 * What the bytes of a UCRP datagram mean (docs/wires/ucrp.md), whatever they are.
 * @param form How to read what a server sent, when that is known; its bytes alone do not always tell
 */
export function describeUcrp(bytes: Uint8Array, direction: Direction, form?: UcrpDeliveryForm): Field[] {
  return direction === 'in' ? describeRequest(bytes) : describeDelivery(bytes, form ?? likelyForm(bytes));
}

function describeRequest(bytes: Uint8Array): Field[] {
  const writer = new FieldWriter(bytes);
  if (bytes.length >= 2 && bytes[0] === 0 && bytes[1] === 0) {
    const room = writer.number(4, 'room length');
    writer.text(room, 'room');
    const token = writer.number(4, 'token length');
    writer.text(token, 'token');
    const message = writer.number(4, 'message length');
    writer.text(message, 'message', meaning);
    writer.rest('rest', 'bytes after the message: the datagram is not read');
  } else {
    const room = writer.number(1, 'room length');
    const token = writer.number(1, 'token length');
    writer.text(room, 'room');
    writer.text(token, 'token');
    writer.text(undefined, 'message', meaning);
  }
  return writer.fields;
}

function meaning(message: string): string {
  if (message === UCRP_REGISTER) return 'string dialect: binds the sender to its address';
  return message === UCRP_LEAVE ? 'string dialect: leaves the room' : 'chat';
}

function describeDelivery(bytes: Uint8Array, form: UcrpDeliveryForm): Field[] {
  const writer = new FieldWriter(bytes);
  if (form !== 'typed' && isClosed(form, bytes)) {
    writer.text(undefined, 'room closed', 'the host has left; no lengths');
    return writer.fields;
  }
  switch (form) {
    case 'string':
      writer.text(writer.number(1, 'sender length', 'string dialect'), 'sender');
      writer.text(undefined, 'message', 'chat');
      break;
    case 'typed': {
      writer.number(1, 'type', (type) => TYPES[type as UcrpDeliveryType] ?? 'unknown');
      const user = writer.number(1, 'user length', 'object dialect');
      const message = writer.number(1, 'message length');
      writer.text(user, 'user');
      writer.text(message, 'message');
      break;
    }
    case 'wide':
      writer.text(writer.number(4, 'sender length', 'four-byte layout'), 'sender');
      writer.text(writer.number(4, 'message length'), 'message', 'chat');
      break;
  }
  writer.rest('rest', 'bytes after the message: the datagram is not read');
  return writer.fields;
}

const TYPES = {
  [UcrpDeliveryType.CHAT]: 'chat',
  [UcrpDeliveryType.SYSTEM]: 'system',
  [UcrpDeliveryType.JOIN]: 'join',
  [UcrpDeliveryType.LEAVE]: 'leave',
} as const satisfies Record<UcrpDeliveryType, string>;

function isClosed(form: UcrpDeliveryForm, bytes: Uint8Array): boolean {
  return canBe(form, bytes) && decodeDelivery(form, bytes).kind === 'closed';
}

/** The strictest form that the whole datagram fits: string chat fits nearly anything, so it comes last. */
function likelyForm(bytes: Uint8Array): UcrpDeliveryForm {
  return (['wide', 'typed'] as const).find((form) => canBe(form, bytes) && !isClosed('string', bytes)) ?? 'string';
}

function canBe(form: UcrpDeliveryForm, bytes: Uint8Array): boolean {
  try {
    decodeDelivery(form, bytes);
    return true;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}
