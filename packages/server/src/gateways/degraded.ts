import type { Config } from '@confab/config';
import type { RoomEvent } from '@confab/core';

/** What wires that know only lines of chat show of the rest; read each time, so that a reload counts from then on. */
export type OlderWires = Config['olderWires'];

/** What stands before a correction, where a wire knows no corrections: it is a new line that says it is one. */
const CORRECTION_MARK = '* ';

/** Bodies are text as far as any wire lets in; what is not UTF-8 is shown with U+FFFD, and a byte order mark is kept. */
const bodies = new TextDecoder('utf-8', { ignoreBOM: true });

export function textOf({ body }: RoomEvent): string {
  return bodies.decode(body);
}

/** The line of chat that stands for an edit; undefined: none. */
export function correctionOf(event: RoomEvent, { edits }: OlderWires): string | undefined {
  return edits ? CORRECTION_MARK + textOf(event) : undefined;
}

/** The notice that stands for a reaction; undefined: none. */
export function reactionOf(event: RoomEvent, { reactions }: OlderWires): string | undefined {
  return reactions && event.body.length > 0 ? `${event.user} reacted: ${textOf(event)}` : undefined;
}
