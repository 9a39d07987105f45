import { deviceKeyText } from '@confab/link';
import type { ControlMessage } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import type { OwnKey } from '../../session.ts';
import type { LinkRequests } from './requests.ts';

/** Pages of a list that are asked for; each has room for some thousand names. */
const PAGES_MAX = 100;
const DEVICE_KEY_BYTES = 32;

interface Asking {
  /** Of each page, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Names of the rooms that can be joined, sorted. @throws {ClientError} as `LinkRequests.ask` */
export async function listRooms(requests: LinkRequests, asking: Asking): Promise<string[]> {
  const names = new Set<string>();
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const behind = after === undefined ? {} : { after };
    const answer = await ask(
      requests,
      (request) => ({ type: 'rooms', request, ...behind }),
      'Cannot list rooms',
      asking,
    );
    if (answer.type !== 'room-list') break;
    for (const { room } of answer.rooms) names.add(room);
    after = answer.rooms.at(-1)?.room;
    if (answer.more === 0 || after === undefined) break;
  }
  return [...names].sort();
}

/** Names of those in the room of a channel, in the order they came. @throws {ClientError} as `LinkRequests.ask` */
export async function listUsers(requests: LinkRequests, channel: number, asking: Asking): Promise<string[]> {
  const names: string[] = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const skip = names.length === 0 ? {} : { skip: names.length };
    const question = (request: number): ControlMessage => ({ type: 'users', request, channel, ...skip });
    const answer = await ask(requests, question, 'Cannot tell who is here', asking);
    if (answer.type !== 'user-list') break;
    names.push(...answer.users.map(({ user }) => user));
    if (answer.more === 0 || answer.users.length === 0) break;
  }
  return names;
}

/**
 * The device keys of one's own name, after one was added or taken away, if any.
 * @throws {ClientError} KEY_INVALID: what is to be changed is no device key; as `LinkRequests.ask`
 */
export async function ownKeys(
  requests: LinkRequests,
  change: { readonly type: 'add-key' | 'remove-key'; readonly key: string } | undefined,
  asking: Asking,
): Promise<OwnKey[]> {
  const action = { 'add-key': 'Cannot add the key', 'remove-key': 'Cannot remove the key', keys: 'Cannot list keys' };
  const question = (request: number): ControlMessage =>
    change === undefined ? { type: 'keys', request } : { type: change.type, request, key: keyOf(change.key) };
  const answer = await ask(requests, question, action[change?.type ?? 'keys'], asking);
  if (answer.type !== 'key-list') return [];
  return answer.keys.map(({ key, addedMs, usedMs, isOwn }) => ({
    key: deviceKeyText(key),
    addedMs,
    usedMs,
    isThisDevice: isOwn,
  }));
}

function keyOf(text: string): Uint8Array {
  const bytes = Buffer.from(text.trim(), 'base64url');
  // What is not base64url is passed over when it is read: it must come out again as it went in.
  if (bytes.length === DEVICE_KEY_BYTES && deviceKeyText(bytes) === text.trim()) return bytes;
  throw new ClientError('KEY_INVALID', `Cannot change keys: "${text.slice(0, 80)}" is no device key`);
}

function ask(
  requests: LinkRequests,
  question: (request: number) => ControlMessage,
  action: string,
  asking: Asking,
): Promise<ControlMessage> {
  return requests.ask(question, { action, ...asking });
}
