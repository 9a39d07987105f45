import type { Session } from '@confab/client';
import { codeOf, reasonOf } from '../failure.ts';
import { excerpt, sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';
import type { RecentMessages } from './recent-messages.ts';
import type { TypedLine } from './typed-line.ts';

type ChangeCommand = Extract<TypedLine, { kind: 'edit' | 'withdraw' | 'react' | 'last' }>;

/** Messages that `/last` shows. */
const LAST_COUNT = 10;

/** `/edit`, `/withdraw`, `/react` and `/last`: what they did comes back as an event; only what they could not do is said here. */
export async function runChange(
  command: ChangeCommand,
  session: Session,
  recent: RecentMessages,
  screen: Screen,
): Promise<void> {
  if (command.kind === 'last') {
    await screen.printStatus(listLast(recent));
    return;
  }
  const fault = await change(command, session, recent);
  if (fault !== undefined) await screen.printStatus(`! ${fault}`);
}

async function change(
  command: Exclude<ChangeCommand, { kind: 'last' }>,
  session: Session,
  recent: RecentMessages,
): Promise<string | undefined> {
  const seq = command.seq ?? recent.newest(command.kind !== 'react')?.seq;
  if (seq === undefined && session.abilities.has(command.kind)) {
    return command.kind === 'react' ? 'Nobody has said anything to react to' : 'You have said nothing yet';
  }
  try {
    switch (command.kind) {
      case 'edit':
        if (command.text === '') return '/edit needs the new text, as in /edit hello';
        await session.edit(seq ?? 0, command.text);
        break;
      case 'react':
        if (command.text === '') return '/react needs what to react with, as in /react 👍';
        await session.react(seq ?? 0, command.text);
        break;
      case 'withdraw':
        await session.withdraw(seq ?? 0);
        break;
    }
    return undefined;
  } catch (error) {
    // It is kept, and whoever looks after the outbox tells what becomes of it.
    if (session.outbox !== undefined && codeOf(error) === 'SEND_UNCERTAIN') return undefined;
    return reasonOf(error);
  }
}

function listLast(recent: RecentMessages): string {
  const messages = recent.last(LAST_COUNT);
  if (messages.length === 0) return 'Nothing was said yet.';
  const width = String(messages.at(-1)!.seq).length + 1;
  return messages
    .map(({ seq, user, text }) => `  ${`#${seq}`.padStart(width)}  ${sanitizeName(user)}: ${excerpt(text)}`)
    .join('\n');
}
