import { setPriority } from 'node:os';

/** Above whatever else runs, the server's other threads included. */
const NICENESS = -15;

/**
 * For whoever measures: what the machine does besides is not to be mistaken for the server, or for the network. Where that
 * is not permitted, what is late is told as late.
 */
export function goFirst(): void {
  try {
    setPriority(NICENESS);
  } catch {
    // Not permitted.
  }
}
