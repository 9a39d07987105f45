/** What a line means that somebody typed or a script piped in. */
export type TypedLine =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'leave' }
  | { readonly kind: 'help' }
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
    default:
      return { kind: 'unknown-command', command };
  }
}

export const typedHelp = [
  '  /help   this text',
  '  /quit   leave; also exit, quit, q, Ctrl+C and Ctrl+D',
  '  //text  say "/text"',
  '  Arrow keys: move in the line, bring back earlier ones.',
].join('\n');
