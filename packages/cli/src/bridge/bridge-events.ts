import { type BridgeEvent, type BridgeState, chatText, heldText, wayText } from '@confab/client';
import { renderMessage } from '../conversation/render.ts';
import { sanitizeLine } from '../terminal/sanitize.ts';

type Shown = Exclude<BridgeEvent, { type: 'state' | 'closed' | 'held' }>;

/** What the output shows of an event. */
export function renderBridgeEvent(event: Shown): string {
  switch (event.type) {
    case 'message':
      return renderMessage(event.user, event.text);
    case 'chat':
      return `* ${sanitizeLine(chatText(event))}`;
    case 'path':
      return `* The way is now ${sanitizeLine(wayText(event))}`;
    case 'ended':
    case 'notice':
      return `* ${sanitizeLine(event.text)}`;
  }
}

export function renderHeld(count: number): string {
  return `! ${heldText(count)}`;
}

const states: Readonly<Record<BridgeState, string>> = {
  idle: 'not registered; /register lets others find you',
  registered: 'registered; /bridge finds somebody',
  waiting: 'nobody is there yet; waiting to be found',
  found: 'somebody is there; /chat talks to them',
  chatting: 'talking',
  closed: 'closed',
};

/** Where a client stands, and what can be done next. */
export function stateText(state: BridgeState): string {
  return states[state];
}
