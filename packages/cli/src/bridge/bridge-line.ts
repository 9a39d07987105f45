/** What a line means in `confab bridge`, typed or piped in. */
export type BridgeLine =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'register' | 'chat' | 'leave' | 'status' | 'quit' | 'help' | 'nothing' }
  | { readonly kind: 'bridge'; readonly wanted: string | undefined }
  | { readonly kind: 'unknown-command'; readonly command: string };

const quittingWords = new Set(['exit', 'quit', 'q']);

/** Commands begin with `/`, in scripts too: without them nobody would be found. `//text` says `/text`. */
export function parseBridgeLine(line: string): BridgeLine {
  const word = line.trim();
  if (word === '') return { kind: 'nothing' };
  if (quittingWords.has(word.toLowerCase())) return { kind: 'quit' };
  if (!line.startsWith('/')) return { kind: 'say', text: line };
  if (line.startsWith('//')) return { kind: 'say', text: line.slice(1) };
  const command = line.split(/\s/, 1)[0]!;
  const rest = line.slice(command.length).trim();
  switch (command.toLowerCase()) {
    case '/id':
      return { kind: 'id', id: rest };
    case '/register':
    case '/chat':
    case '/leave':
    case '/status':
    case '/help':
    case '/quit':
      return { kind: command.slice(1).toLowerCase() as 'register' };
    case '/bridge':
      return { kind: 'bridge', wanted: rest === '' ? undefined : rest };
    case '/exit':
    case '/q':
      return { kind: 'quit' };
    case '/?':
      return { kind: 'help' };
    default:
      return { kind: 'unknown-command', command };
  }
}

export const bridgeLineHelp = [
  '  /id NAME      the id to be known by',
  '  /register     let others find you',
  '  /bridge [ID]  find somebody; if nobody is there, wait to be found',
  '  /chat         talk to whom /bridge found',
  '  /leave        end the conversation, and stay here',
  '  /status       where things stand',
  '  /quit         leave; also exit, quit, q, Ctrl+C and Ctrl+D',
  '  //text        say "/text"',
].join('\n');
