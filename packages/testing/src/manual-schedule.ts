import type { Schedule } from '@confab/core';

/** Let everything that waits only for settled promises run to its end. No time passes. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A `Schedule` whose turns of the event loop end when the test says so. */
export class ManualSchedule {
  #tasks: (() => void)[] = [];

  /** Hand this to whoever wants a `Schedule`. */
  readonly schedule: Schedule = (task) => {
    this.#tasks.push(task);
  };

  /** Tasks that wait for the end of the turn. */
  get pending(): number {
    return this.#tasks.length;
  }

  /** End the turn: run what was scheduled so far; what these tasks schedule belongs to the next turn. Returns how many ran. */
  runTurn(): number {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
    return tasks.length;
  }

  /**
   * End turns, and let promises settle in between, until nothing is scheduled.
   * @throws {Error} after `turnsMax` turns: something schedules itself for ever
   */
  async runUntilIdle(turnsMax = 1000): Promise<void> {
    await settlePromises();
    for (let turn = 0; this.pending > 0; turn += 1) {
      if (turn >= turnsMax) throw new Error(`Still busy after ${turnsMax} turns`);
      this.runTurn();
      await settlePromises();
    }
  }
}
