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
  /** Of the newest message that it can be meant for, where no number is given. */
  | { readonly kind: 'edit' | 'react'; readonly seq: number | undefined; readonly text: string }
  | { readonly kind: 'withdraw'; readonly seq: number | undefined }
  | { readonly kind: 'last' }
  | { readonly kind: 'keys'; readonly change: 'add' | 'remove' | undefined; readonly key: string }
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
    case '/edit':
    case '/react':
      return { kind: command.toLowerCase() === '/edit' ? 'edit' : 'react', ...numbered(line.slice(command.length)) };
    case '/withdraw':
    case '/delete':
      return { kind: 'withdraw', seq: numbered(line.slice(command.length)).seq };
    case '/last':
      return { kind: 'last' };
    case '/keys':
      return keysCommand(line.slice(command.length).trim());
    case '/search':
      return { kind: 'search', query: line.slice(command.length).trim() };
    case '/who':
      return { kind: 'users' };
    default:
      return { kind: 'unknown-command', command };
  }
}

function keysCommand(rest: string): TypedLine {
  if (rest === '') return { kind: 'keys', change: undefined, key: '' };
  const [change, key = ''] = rest.split(/\s+/);
  return change === 'add' || change === 'remove'
    ? { kind: 'keys', change, key }
    : { kind: 'unknown-command', command: `/keys ${change}` };
}

/** `#12 text` or `text`. */
function numbered(rest: string): { readonly seq: number | undefined; readonly text: string } {
  const match = /^\s*#(\d{1,15})(?:\s+|$)/.exec(rest);
  if (match === null) return { seq: undefined, text: rest.trim() };
  return { seq: Number(match[1]), text: rest.slice(match[0].length).trim() };
}

/** What `/help` shows: what is the same everywhere, and what this wire can do besides. */
export function typedHelp(abilities: ReadonlySet<SessionAbility>, hasLink = false): string {
  return [
    '  /help       this text',
    abilities.has('join') ? '  /join ROOM  leave this room and enter another' : undefined,
    abilities.has('rooms') ? '  /rooms      rooms that can be joined' : undefined,
    abilities.has('users') ? '  /who        who is here' : undefined,
    abilities.has('edit') ? '  /edit TEXT  put your last message in other words' : undefined,
    abilities.has('withdraw') ? '  /withdraw   take your last message back' : undefined,
    abilities.has('react') ? '  /react 👍   react to the last message of somebody else' : undefined,
    abilities.has('edit') ? '  /last       the last messages with their numbers, as in /edit #12 TEXT' : undefined,
    abilities.has('keys') ? '  /keys       device keys of your name; /keys add KEY, /keys remove KEY' : undefined,
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
