/** Time, as an argument, so that every rule can be tested in simulated time. */
export interface Clock {
  /** Milliseconds since the Unix epoch, for stamping events; may jump when the machine's clock is set. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start, never going back, for time-outs and rates. */
  monotonicMs(): number;
}

/** Randomness and cryptography, supplied from outside for the same reason. */
export interface Secrets {
  /** `count` bytes from a CSPRNG. */
  randomBytes(count: number): Uint8Array;
  /** One-way digest (SHA-256 or stronger) of a token, as printable text; this is what is kept and looked up. */
  digest(token: string): string;
  /** Salted, slow hash of a password (argon2id), with its parameters in the text. */
  hashPassword(password: string): Promise<string>;
  verifyPassword(password: string, hash: string): Promise<boolean>;
}

/**
 * Run a task once, at the end of the current turn of the event loop. `isTrickling`: requests come one by one faster than
 * they are dealt with, so that the task does more at once if it is run a few milliseconds later; whoever has nothing better
 * to do may ignore it.
 */
export type Schedule = (task: () => void, isTrickling: boolean) => void;
