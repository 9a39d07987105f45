/**
 * The test files that take longest, begun before all others: one that begins last would run on while other processors have
 * nothing left to do. Those of more than ten seconds on a machine of two; which ones they are is in the runner's output.
 */
export const LONGEST: readonly string[] = [
  'test/e2e/flood-wires.test.ts',
  'test/bench-loss.test.ts',
  'packages/wire/src/link/link.simulation.test.ts',
  'packages/wire/src/link/link.latency.test.ts',
  'test/bench-fanout.test.ts',
  'packages/cli/src/commands/link.process.test.ts',
  'packages/cli/src/commands/chat.process.test.ts',
  'packages/cli/src/terminal/terminal.test.ts',
  'test/network/doctor.test.ts',
  'packages/cli/src/commands/serve.test.ts',
  'test/network/link-failover.test.ts',
  'packages/server/src/store/sqlite/store.test.ts',
  'test/e2e/startup.test.ts',
  'packages/server/src/gateways/link/rooms.test.ts',
  'test/e2e/link-kill.test.ts',
  'test/e2e/bridge-flood.test.ts',
];

/** These files, the longest first, and the others in their order. */
export function longestFirst(files: readonly string[]): string[] {
  const given = new Set(files);
  const long = LONGEST.filter((file) => given.has(file));
  return [...new Set([...long, ...files])];
}
