import type { SessionAbility } from '@confab/client';

/** What a line means that somebody typed or a script piped in. */
export type TypedLine =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'leave' }
  | { readonly kind: 'help' }
  | { readonly kind: 'join'; readonly room: string }
  | { readonly kind: 'rooms' }
  | { readonly kind: 'users' }
  | { readonly kind: 'search'; readonly query: string }
  | { readonly kind: 'link' }
  | { readonly kind: 'unknown-command'; readonly command: string }
  | { readonly kind: 'nothing' };

/** Lines that leave, on every wire; they are never sent. */
const leavingWords = new Set(['exit', 'quit', 'q']);

/**
 * @param hasCommands whether lines that begin with `/` are commands: where people type, but not in what scripts pipe in
 */
export function parseTypedLine(line: string, hasCommands: boolean): TypedLine {
  const word = line.trim();
  if (word === '') return { kind: 'nothing' };
  if (leavingWords.has(word.toLowerCase())) return { kind: 'leave' };
  if (!hasCommands || !line.startsWith('/')) return { kind: 'say', text: line };
  if (line.startsWith('//')) return { kind: 'say', text: line.slice(1) };
  const command = line.split(/\s/, 1)[0]!;
  switch (command.toLowerCase()) {
    case '/quit':
    case '/exit':
    case '/q':
    case '/leave':
      return { kind: 'leave' };
    case '/help':
    case '/?':
      return { kind: 'help' };
    case '/join':
      return { kind: 'join', room: line.slice(command.length).trim() };
    case '/rooms':
      return { kind: 'rooms' };
    case '/link':
      return { kind: 'link' };
    case '/search':
      return { kind: 'search', query: line.slice(command.length).trim() };
    case '/who':
      return { kind: 'users' };
    default:
      return { kind: 'unknown-command', command };
  }
}

/** What `/help` shows: what is the same everywhere, and what this wire can do besides. */
export function typedHelp(abilities: ReadonlySet<SessionAbility>, hasLink = false): string {
  return [
    '  /help       this text',
    abilities.has('join') ? '  /join ROOM  leave this room and enter another' : undefined,
    abilities.has('rooms') ? '  /rooms      rooms that can be joined' : undefined,
    abilities.has('users') ? '  /who        who is here' : undefined,
    abilities.has('search')
      ? '  /search WORDS  what was said here; "in a row", begin*; /search alone: what is older'
      : undefined,
    hasLink ? '  /link       which path the chat takes, and how good it is' : undefined,
    '  /quit       leave; also exit, quit, q, Ctrl+C and Ctrl+D',
    '  //text      say "/text"',
    '  Arrow keys: move in the line, bring back earlier ones.',
  ]
    .filter((line) => line !== undefined)
    .join('\n');
}
