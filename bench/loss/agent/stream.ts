import { nowUs, sleepUntil } from '../../support/clock.ts';
import { quantile } from '../quantile.ts';
import { composeMessage } from './message.ts';
import type { Player } from './players.ts';
import type { BulkCall, StreamCall, Streamed } from './protocol.ts';

/** Counts what becomes of messages that nobody waits for. */
class Receipts {
  accepted = 0;
  firstRefusal: string | undefined;
  readonly #open = new Set<Promise<void>>();

  add(sending: Promise<{ readonly status: string }>): Promise<void> {
    const settled = sending.then(
      ({ status }) => {
        if (status === 'accepted') this.accepted += 1;
      },
      (error: unknown) => {
        this.firstRefusal ??= error instanceof Error ? error.message : String(error);
      },
    );
    const entry = settled.then(() => void this.#open.delete(entry));
    this.#open.add(entry);
    return settled;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }
}

/** Say everything at the time it is due, whatever becomes of it, and then wait for the receipts. */
export async function stream(
  players: readonly Player[],
  call: StreamCall,
  finished: AbortSignal,
): Promise<Omit<Streamed, 'lagUs'>> {
  const { startUs, gapUs, burst, messages, messageBytes } = call;
  const receipts = new Receipts();
  const latenesses: number[] = [];
  const turns = Math.ceil(messages / burst) * players.length;
  let sent = 0;
  for (let turn = 0; turn < turns && !finished.aborted; turn += 1) {
    const dueUs = startUs + (turn * gapUs) / players.length;
    if (nowUs() < dueUs) await sleepUntil(dueUs);
    latenesses.push(nowUs() - dueUs);
    const { session } = players[turn % players.length]!;
    const first = Math.floor(turn / players.length) * burst;
    for (let index = first; index < Math.min(first + burst, messages); index += 1) {
      void receipts.add(session.send(composeMessage(index, nowUs(), messageBytes)));
      sent += 1;
    }
  }
  await receipts.settled();
  return {
    sent,
    accepted: receipts.accepted,
    firstRefusal: receipts.firstRefusal,
    lateUs: quantile(latenesses, 0.999),
  };
}

/** Say as much as is confirmed, in one room. */
export async function bulk({ session }: Player, call: BulkCall): Promise<Omit<Streamed, 'lagUs'>> {
  const { startUs, endUs, window, messageBytes } = call;
  const receipts = new Receipts();
  let sent = 0;
  await sleepUntil(startUs);
  const keepSaying = async (): Promise<void> => {
    while (nowUs() < endUs && receipts.firstRefusal === undefined) {
      const index = sent;
      sent += 1;
      await receipts.add(session.send(composeMessage(index, nowUs(), messageBytes)));
    }
  };
  await Promise.all(Array.from({ length: window }, keepSaying));
  return { sent, accepted: receipts.accepted, firstRefusal: receipts.firstRefusal, lateUs: 0 };
}
