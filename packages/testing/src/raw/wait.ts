/** Generous: only a test that fails waits for so long. ms */
export const PATIENCE_MS = 15_000;
const POLL_MS = 3;

/** Fails with `what` when `promise` is not settled in time. */
export async function within<Value>(promise: Promise<Value>, what: string, timeoutMs = PATIENCE_MS): Promise<Value> {
  // Made here, so that its stack says who waits.
  const error = new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(error), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until `condition` holds, for what nobody can tell us of. */
export async function eventually(condition: () => boolean, what: string, timeoutMs = PATIENCE_MS): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > timeoutMs) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
