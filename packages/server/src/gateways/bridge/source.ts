/** Where a packet came from. */
export interface Source {
  /** IP address. */
  readonly address: string;
  readonly port: number;
}

/** What packets are counted by, in TCP mode: each packet has a connection of its own, from a port of its own. */
export function hostKey({ address }: Source): string {
  return address;
}

/** What packets are counted by, in UDP mode: a program has one socket for all it sends. */
export function socketKey({ address, port }: Source): string {
  return `${address}|${port}`;
}
