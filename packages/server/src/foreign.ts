import { endianness } from 'node:os';

/** What this program runs on; an argument for tests. */
export interface Platform {
  readonly system: string;
  readonly processor: string;
  readonly isLittleEndian: boolean;
  readonly loadForeign: () => typeof import('node:ffi') | undefined;
}

/** Node's foreign-function interface, or why system calls that Node does not offer cannot be made. */
export type Foreign =
  | { readonly foreign: typeof import('node:ffi'); readonly reason?: undefined; readonly isUnusual?: undefined }
  | {
      readonly foreign: undefined;
      readonly reason: string;
      /** This machine should have it. */
      readonly isUnusual: boolean;
    };

/** Where the layout of the structures is known: 64 bits, little-endian, Linux. */
const PROCESSORS = ['x64', 'arm64'];

/** Throws what the interface throws when it may not be used. */
export function openForeign({ system, processor, isLittleEndian, loadForeign }: Platform): Foreign {
  if (system !== 'linux') return without(`not on ${system}`, false);
  if (!PROCESSORS.includes(processor) || !isLittleEndian) return without(`not on ${processor} processors`, false);
  const foreign = loadForeign();
  if (foreign === undefined) return without(`Node ${process.versions.node} has no node:ffi`, true);
  return { foreign };
}

function without(reason: string, isUnusual: boolean): Foreign {
  return { foreign: undefined, reason, isUnusual };
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
function loadForeign(): typeof import('node:ffi') | undefined {
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
