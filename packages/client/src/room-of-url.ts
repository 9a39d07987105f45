import type { ClientError } from './errors.ts';

/**
 * The room that a URL names: its path, percent-encoded (`/a%20room`), or `?room=a+room`, which can say any name: the rooms
 * `.` and `..` cannot be paths, for every parser of URLs takes those, percent-encoded or not, for a way up. Empty: none.
 * @param invalid makes the error for a fault of the URL
 * @throws {ClientError} URL_INVALID
 */
export function roomOfUrl(url: URL, invalid: (url: URL, fault: string) => ClientError): string {
  const path = url.pathname.replace(/^\//, '');
  const named = url.searchParams.getAll('room');
  if (named.length > 1 || (named.length === 1 && path !== '')) throw invalid(url, 'it names more than one room');
  if (named.length === 1) return named[0]!;
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid(url, 'the room is not properly percent-encoded');
  }
}

/** The end of a URL that names this room: `/lobby`, or `/?room=..`; `query`: what else it asks for, such as `udp=9091`. */
export function urlPathOfRoom(room: string, query = ''): string {
  const isPath = room !== '.' && room !== '..';
  const words = [isPath ? '' : `room=${room}`, query].filter((word) => word !== '').join('&');
  return `/${isPath ? encodeURIComponent(room) : ''}${words === '' ? '' : `?${words}`}`;
}
