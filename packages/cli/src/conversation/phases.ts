import type { ConnectPhase } from '@confab/client';
import { sanitizeLine } from '../terminal/sanitize.ts';

/** Characters of a token that may be seen: enough to tell two apart, too few to use one. */
const TOKEN_CHARACTERS_SHOWN = 10;

/** A step of connecting as a line for people, the token never whole; undefined: what the session itself tells better. */
export function renderPhase(phase: ConnectPhase): string | undefined {
  switch (phase.phase) {
    case 'control-connected':
      return `TCP: connected to ${phase.address}`;
    case 'admitted': {
      const count = phase.participantCount;
      const others = count === undefined ? '' : `, ${count} ${count === 1 ? 'participant' : 'participants'}`;
      return `TCP: admitted as ${phase.role}${others}; token ${shortToken(phase.token)}`;
    }
    case 'control-disconnected':
      return 'TCP: disconnected';
    case 'data-open':
      return undefined;
  }
}

export function shortToken(token: string): string {
  const shown = Math.min(TOKEN_CHARACTERS_SHOWN, Math.floor(token.length / 4));
  return `${sanitizeLine(token.slice(0, shown))}… (${token.length} characters)`;
}
