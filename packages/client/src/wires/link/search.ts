import { CodecError } from '@confab/wire';
import { LinkErrorCode } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import type { SearchOptions, SearchPage } from '../../session.ts';
import { LinkRefusal } from './refusals.ts';
import type { LinkRequests } from './requests.ts';

const ACTION = 'Cannot search';

/** @throws {ClientError} as `Session.search` */
export async function searchOverLink(
  requests: LinkRequests,
  channel: number,
  query: string,
  { before, limit = 0, signal, timeoutMs }: SearchOptions & { readonly timeoutMs: number },
): Promise<SearchPage> {
  if (before !== undefined && before <= 1) return { messages: [], before: undefined, unsearched: 0 };
  const search = { type: 'search', channel, before: before ?? 0, limit, query } as const;
  try {
    const answer = await requests.ask((request) => ({ ...search, request }), { action: ACTION, timeoutMs, signal });
    if (answer.type !== 'found') return { messages: [], before: undefined, unsearched: 0 };
    const messages = answer.messages.map(({ number, ...message }) => ({ ...message, seq: number }));
    return { messages, before: answer.before === 0 ? undefined : answer.before, unsearched: answer.unsearched };
  } catch (error) {
    throw asSearchError(error);
  }
}

function asSearchError(error: unknown): unknown {
  if (error instanceof CodecError)
    return new ClientError('QUERY_INVALID', `${ACTION}: ${error.message}`, { cause: error });
  if (!(error instanceof LinkRefusal)) return error;
  if (error.wireCode === LinkErrorCode.NOT_VALID)
    return new ClientError('QUERY_INVALID', error.message, { cause: error });
  if (error.wireCode !== LinkErrorCode.NOT_UNDERSTOOD) return error;
  return new ClientError('NOT_SUPPORTED', `${ACTION}: this server does not know the request`, { cause: error });
}
