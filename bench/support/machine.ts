import { statfsSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os';
import { readText } from './proc.ts';

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
};

/** What a figure must be read with. */
export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memoryBytes: number;
  readonly node: string;
  readonly system: string;
  /** Largest socket buffers a program may ask for, bytes; NaN where the system does not say. */
  readonly sendBufferBytesMax: number;
  readonly receiveBufferBytesMax: number;
  /** File system of the folder for temporary files, where the server keeps its data. */
  readonly fileSystem: string;
}

export function describeMachine(): Machine {
  const { type: magic } = statfsSync(tmpdir());
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? 'unknown processor',
    memoryBytes: totalmem(),
    node: process.version,
    system: `${type()} ${release()}`,
    sendBufferBytesMax: sysctl('wmem_max'),
    receiveBufferBytesMax: sysctl('rmem_max'),
    fileSystem: FILE_SYSTEMS[magic] ?? `file system 0x${magic.toString(16)}`,
  };
}

export function formatMachine(machine: Machine): string {
  const { cores, model, memoryBytes, node, system, fileSystem } = machine;
  return [
    `${cores} cores (${model})`,
    `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`,
    `Node ${node.slice(1)}`,
    system,
    `wmem_max ${machine.sendBufferBytesMax}`,
    `rmem_max ${machine.receiveBufferBytesMax}`,
    `data on ${fileSystem}`,
  ].join(', ');
}

function sysctl(name: string): number {
  return Number(readText(`/proc/sys/net/core/${name}`).trim() || Number.NaN);
}
