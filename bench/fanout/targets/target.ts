import type { Address, LoadWire } from '../wire.ts';

/** Ours; what one core can do at all; what people would otherwise choose. */
export type TargetKind = 'confab' | 'floor' | 'peer';

export interface Running extends Address {
  stop(): Promise<void>;
}

/** A server that can be measured. */
export interface Target {
  readonly name: string;
  readonly kind: TargetKind;
  readonly wire: LoadWire;
  /** It puts work off while people speak, and has begun with it so long after they stopped, ms; undefined: it does not. */
  readonly putsOffMs?: number;
  /** Why it cannot be measured here; undefined: it can. */
  missing?(): string | undefined;
  start(core: string | undefined): Promise<Running>;
}
