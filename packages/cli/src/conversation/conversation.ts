import type { ClosedEvent, Session } from '@confab/client';
import { sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';
import type { Interrupt, Interruption } from './interruption.ts';
import { renderEvent } from './render.ts';
import { runCommand } from './room-command.ts';
import { Sender } from './sender.ts';
import { parseTypedLine, typedHelp } from './typed-line.ts';

/** Leaving waits for the network so long at most, ms. */
const LEAVE_TIMEOUT_MS = 5000;
/** Somebody who interrupts does not wait longer than this for an output that is not read, ms. */
const SHOW_AFTER_INTERRUPT_MS = 1000;

export interface ConversationOptions {
  readonly session: Session;
  readonly screen: Screen;
  readonly interruption: Interruption;
  /** Stay after the end of input, until the room closes, a signal comes, or nobody reads the output any more. */
  readonly isListening?: boolean;
}

/** How a conversation ended. */
export interface Ending {
  readonly closed: ClosedEvent;
  /** What made it end, when it was a signal. */
  readonly interrupt: Interrupt | undefined;
  /** Messages that were not accepted or not confirmed. */
  readonly failureCount: number;
}

/**
 * Say what is typed and show what is said, until somebody leaves: the one who types, the host, or the connection.
 * Whatever ends it, the room is left properly and everything that arrived has been shown.
 */
export async function converse({ session, screen, interruption, isListening }: ConversationOptions): Promise<Ending> {
  const sender = new Sender(session, screen);
  const showing = showEvents(session, screen);
  if (screen.isInteractive) screen.setPrompt(`${sanitizeName(session.user)}> `);

  const typing = readLines(session, screen, sender).then(async (end) => {
    await sender.settled();
    if (end === 'end-of-input' && isListening === true) await showing;
  });
  await Promise.race([session.closed, typing, interruption.first]);

  const { interrupt } = interruption;
  screen.close();
  const closed = await leave(session);
  await Promise.race([showing, interrupt === undefined ? never : delay(SHOW_AFTER_INTERRUPT_MS)]);
  await sender.settled();
  return { closed, interrupt, failureCount: sender.failureCount };
}

const never = new Promise<never>(() => {});

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

async function leave(session: Session): Promise<ClosedEvent> {
  // A session that cannot be left in time is over for us all the same.
  await Promise.race([session.leave().catch(() => {}), delay(LEAVE_TIMEOUT_MS)]);
  if (session.status === 'closed') return session.closed;
  return { type: 'closed', reason: 'left', text: 'You have left the room' };
}

/** Until the session is over or nobody reads any more. */
async function showEvents(session: Session, screen: Screen): Promise<void> {
  for await (const event of session.events()) {
    // What somebody has typed here stands on the screen already.
    if (event.type === 'message' && event.isOwn && screen.isInteractive) continue;
    if (event.type === 'reachability') {
      await screen.printStatus(`! ${event.text}`);
      continue;
    }
    const text = renderEvent(event);
    if (text !== undefined && !(await screen.print(text))) return;
  }
}

async function readLines(session: Session, screen: Screen, sender: Sender): Promise<'end-of-input' | 'leave'> {
  for (;;) {
    const line = await screen.nextLine();
    if (line === undefined) return 'end-of-input';
    const typed = parseTypedLine(line, screen.isInteractive);
    switch (typed.kind) {
      case 'leave':
        return 'leave';
      case 'say':
        await sender.say(typed.text);
        break;
      case 'help':
        await screen.printStatus(typedHelp(session.abilities));
        break;
      case 'join':
      case 'rooms':
      case 'users':
        // What was said before goes out before: it belongs to the room of then.
        await sender.settled();
        await runCommand(typed, session, screen);
        break;
      case 'unknown-command':
        await screen.printStatus(`! There is no ${typed.command}; /help lists the commands, //text says "/text".`);
        break;
      case 'nothing':
        break;
    }
  }
}
