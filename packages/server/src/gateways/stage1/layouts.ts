import type { Stage1Layout } from '@confab/wire/stage1';

/**
 * The layout that each address began with. At most `addressesMax` are remembered; the one that was first heard longest ago
 * gives way.
 */
export class RecentLayouts {
  readonly #addressesMax: number;
  readonly #layouts = new Map<string, Stage1Layout>();

  constructor(addressesMax: number) {
    this.#addressesMax = addressesMax;
  }

  get size(): number {
    return this.#layouts.size;
  }

  get(key: string): Stage1Layout | undefined {
    return this.#layouts.get(key);
  }

  note(key: string, layout: Stage1Layout): void {
    if (this.#layouts.has(key)) return;
    if (this.#layouts.size >= this.#addressesMax) {
      for (const oldest of this.#layouts.keys()) {
        this.#layouts.delete(oldest);
        break;
      }
    }
    this.#layouts.set(key, layout);
  }
}
