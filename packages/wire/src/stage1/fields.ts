import { type Field, FieldWriter } from '../fields.ts';
import { stage1LayoutOf } from './decode.ts';
import { STAGE1_SYSTEM_USER, type Stage1Layout, Stage1Type } from './limits.ts';

/**
 * What the bytes of a stage 1 datagram mean (docs/wires/stage1.md), whatever they are.
 * @param layout How to read them, when that is known; by themselves they do not always tell
 */
export function describeStage1(bytes: Uint8Array, layout: Stage1Layout = stage1LayoutOf(bytes)): Field[] {
  const writer = new FieldWriter(bytes);
  if (layout === 'typed') writer.number(1, 'type', (type) => TYPES[type as Stage1Type] ?? 'unknown');
  const user = writer.number(1, 'user name length', layout === 'typed' ? '' : 'layout without a type');
  writer.text(user, 'user name', (name) => (name === STAGE1_SYSTEM_USER ? 'the server' : ''));
  writer.text(undefined, 'message');
  return writer.fields;
}

const TYPES = {
  [Stage1Type.CHAT]: 'chat',
  [Stage1Type.JOIN]: 'join',
  [Stage1Type.SYSTEM]: 'system',
  [Stage1Type.HEARTBEAT]: 'heartbeat',
  [Stage1Type.DISCONNECT]: 'disconnect',
  [Stage1Type.PING]: 'ping',
} as const satisfies Record<Stage1Type, string>;
