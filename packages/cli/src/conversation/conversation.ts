import type { ClosedEvent, Session } from '@confab/client';
import type { Screen } from '../terminal/screen.ts';
import { runChange } from './change-command.ts';
import type { Interrupt, Interruption } from './interruption.ts';
import { renderLink } from './link-readout.ts';
import { OutboxNotes } from './outbox-notes.ts';
import { RecentMessages } from './recent-messages.ts';
import { renderEvent } from './render.ts';
import { runCommand } from './room-command.ts';
import { Searching } from './search-command.ts';
import { Sender } from './sender.ts';
import { parseTypedLine, typedHelp } from './typed-line.ts';
import { TypingNotes } from './typing-notes.ts';

/** Leaving waits for the network so long at most, ms. */
const LEAVE_TIMEOUT_MS = 5000;
/** At the end of a script's input: time for what the outbox still holds, ms. */
const OUTBOX_TIMEOUT_MS = 30_000;
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
  /** Messages that were not accepted or not confirmed; of an outbox those that it still holds. */
  readonly failureCount: number;
}

/**
 * Say what is typed and show what is said, until somebody leaves: the one who types, the host, or the connection.
 * Whatever ends it, the room is left properly and everything that arrived has been shown.
 */
export async function converse({ session, screen, interruption, isListening }: ConversationOptions): Promise<Ending> {
  const sender = new Sender(session, screen);
  const emptied = new Emptied(session);
  const recent = new RecentMessages();
  const typists = screen.isInteractive ? new TypingNotes({ session, screen }) : undefined;
  const showing = showEvents(session, screen, { sender, emptied, recent, typists });

  const typing = readLines(session, screen, { sender, recent }).then(async (end) => {
    await sender.settled();
    if (end === 'end-of-input' && !screen.isInteractive) await emptied.wait(OUTBOX_TIMEOUT_MS);
    if (end === 'end-of-input' && isListening === true) await showing;
  });
  await Promise.race([session.closed, typing, interruption.first]);

  const { interrupt } = interruption;
  typists?.stop();
  screen.close();
  const closed = await leave(session);
  await Promise.race([showing, interrupt === undefined ? never : delay(SHOW_AFTER_INTERRUPT_MS)]);
  await sender.settled();
  const kept = session.outbox?.pending().length ?? 0;
  if (kept > 0) await screen.printStatus(`! Kept in the outbox, to be sent when you come back: ${kept}`);
  return { closed, interrupt, failureCount: sender.failureCount + kept };
}

/** Tells when the outbox holds nothing that waits any more. */
class Emptied {
  readonly #session: Session;
  readonly #reached = Promise.withResolvers<void>();
  #isAwaited = false;

  constructor(session: Session) {
    this.#session = session;
  }

  look(): void {
    if (this.#isAwaited && (this.#session.outbox?.pending(this.#session.room).length ?? 0) === 0) {
      this.#reached.resolve();
    }
  }

  /** Fulfils then, or after this time, ms, or with the end of the session. */
  async wait(timeoutMs: number): Promise<void> {
    this.#isAwaited = true;
    this.look();
    await Promise.race([this.#reached.promise, this.#session.closed, delay(timeoutMs)]);
  }
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
async function showEvents(
  session: Session,
  screen: Screen,
  {
    sender,
    emptied,
    recent,
    typists,
  }: { sender: Sender; emptied: Emptied; recent: RecentMessages; typists: TypingNotes | undefined },
): Promise<void> {
  const notes = new OutboxNotes(session);
  // A session begins over TCP; by now it may have gone on to UDP, which is to be told.
  let path: string = 'tcp';
  for await (const event of session.events()) {
    typists?.note(event);
    if (event.type === 'typing') continue;
    if (event.type === 'entered') {
      recent.clear();
      continue;
    }
    if (event.type === 'outbox') {
      emptied.look();
      const note = notes.note(event);
      if (note !== undefined) await screen.printStatus(note);
      continue;
    }
    if (event.type === 'link') {
      if (event.status.path !== path) await screen.printStatus(`! ${event.text}`);
      path = event.status.path;
      continue;
    }
    // What somebody has typed here stands on the screen already.
    if (event.type === 'message' && event.isOwn && screen.isInteractive) {
      if (session.outbox === undefined || sender.takeTyped(event.text)) {
        recent.note(event);
        continue;
      }
    }
    if (event.type === 'reachability') {
      await screen.printStatus(`! ${event.text}`);
      continue;
    }
    const text = renderEvent(event, (seq) => recent.find(seq));
    recent.note(event);
    if (text !== undefined && !(await screen.print(text))) return;
  }
}

async function readLines(
  session: Session,
  screen: Screen,
  { sender, recent }: { sender: Sender; recent: RecentMessages },
): Promise<'end-of-input' | 'leave'> {
  const searching = new Searching(session);
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
        await screen.printStatus(typedHelp(session.abilities, session.link !== undefined));
        break;
      case 'link':
        await screen.printStatus(renderLink(session));
        break;
      case 'join':
      case 'rooms':
      case 'users':
      case 'keys':
      case 'search':
        // What was said before goes out before: it belongs to the room of then.
        await sender.settled();
        await runCommand(typed, session, searching, screen);
        break;
      case 'edit':
      case 'withdraw':
      case 'react':
      case 'last':
        await sender.settled();
        await runChange(typed, session, recent, screen);
        break;
      case 'unknown-command':
        await screen.printStatus(`! There is no ${typed.command}; /help lists the commands, //text says "/text".`);
        break;
      case 'nothing':
        break;
    }
  }
}
