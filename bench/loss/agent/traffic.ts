import { readText } from '../../support/proc.ts';

/** What left a namespace by its interfaces, loopback aside. */
export interface Traffic {
  /** With the headers of the interface's layer. */
  readonly bytes: number;
  readonly packets: number;
}

export function readTraffic(): Traffic {
  return parseTraffic(readText('/proc/self/net/dev'));
}

/** @param text `/proc/net/dev`: two lines of head, then `name: 8 fields received, 8 fields sent` */
export function parseTraffic(text: string): Traffic {
  let bytes = 0;
  let packets = 0;
  for (const line of text.split('\n').slice(2)) {
    const [name, fields] = line.split(':');
    if (fields === undefined || name!.trim() === 'lo') continue;
    const numbers = fields.trim().split(/\s+/).map(Number);
    bytes += numbers[8] ?? 0;
    packets += numbers[9] ?? 0;
  }
  return { bytes, packets };
}
