import { endianness } from 'node:os';

type ForeignFunctions = typeof import('node:ffi');

/** What this program runs on; an argument for tests. */
export interface Platform {
  readonly system: string;
  readonly processor: string;
  readonly isLittleEndian: boolean;
  readonly loadForeign: () => ForeignFunctions | undefined;
}

/** System calls that Node does not offer, or why they cannot be made. */
export type SystemCalls<Calls> =
  | {
      readonly calls: Calls;
      /** What they are made with; of use for other functions of this program, too. */
      readonly foreign: ForeignFunctions;
      readonly reason?: undefined;
      readonly isUnusual?: undefined;
    }
  | {
      readonly calls: undefined;
      readonly foreign?: undefined;
      readonly reason: string;
      /** They are wanted, and this machine should have them. */
      readonly isUnusual: boolean;
    };

/** Where the layout of the structures is known: 64 bits, little-endian, Linux. */
const PROCESSORS = ['x64', 'arm64'];

/** Why calls cannot be made; for {@link findCalls}. */
export class WithoutCalls extends Error {
  readonly isUnusual: boolean;

  constructor(reason: string, isUnusual: boolean) {
    super(reason);
    this.isUnusual = isUnusual;
  }
}

/**
 * Find system calls through Node's own foreign-function interface. Never throws.
 * @param find throws `WithoutCalls`, or whatever the interface throws when it may not be used or does not find them
 */
export function findCalls<Calls>(platform: Platform, find: (foreign: ForeignFunctions) => Calls): SystemCalls<Calls> {
  try {
    const foreign = openForeign(platform);
    return { calls: find(foreign), foreign };
  } catch (error) {
    if (error instanceof WithoutCalls) return without(error.message, error.isUnusual);
    return without(error instanceof Error ? error.message : String(error), true);
  }
}

/** Of calls that nobody wants. */
export function turnedOff(setting: string): SystemCalls<never> {
  return without(`turned off by ${setting}`, false);
}

function openForeign({ system, processor, isLittleEndian, loadForeign }: Platform): ForeignFunctions {
  if (system !== 'linux') throw new WithoutCalls(`not on ${system}`, false);
  if (!PROCESSORS.includes(processor) || !isLittleEndian)
    throw new WithoutCalls(`not on ${processor} processors`, false);
  const foreign = loadForeign();
  if (foreign === undefined) throw new WithoutCalls(`Node ${process.versions.node} has no node:ffi`, true);
  return foreign;
}

function without(reason: string, isUnusual: boolean): SystemCalls<never> {
  return { calls: undefined, reason, isUnusual };
}

export const thisPlatform: Platform = {
  system: process.platform,
  processor: process.arch,
  isLittleEndian: endianness() === 'LE',
  loadForeign,
};

/**
 * `node:ffi`, if this Node has it (26.1 and later). It says on standard error that it is experimental; who runs a server
 * is told what is used in the server's own log, so that one warning is kept back. This is synchronous: no other can get lost.
 */
function loadForeign(): ForeignFunctions | undefined {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest: unknown[]) => {
    if (rest[0] !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule('node:ffi');
  } finally {
    process.emitWarning = emitWarning;
  }
}
