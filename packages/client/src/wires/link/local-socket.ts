import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressText, DatagramAddresses } from '@confab/link';

/** How often to look whether this machine has other addresses, ms. */
const WATCH_MS = 2000;
/** After a socket that failed, before the next one, ms. */
const REPLACE_MS = 1000;
/** The system's words for a socket that will not work again. */
const fatal: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EBADF', 'ENETDOWN', 'ENOTCONN', 'EINVAL']);

export interface LocalSocketOptions {
  /** IP address that it is for. */
  readonly peer: string;
  readonly onDatagram: (bytes: Uint8Array, from: string) => void;
  /** Another socket took its place, or it failed and one will. */
  readonly onChange: (state: 'replaced' | 'failed') => void;
}

/** A session's one UDP socket, replaced when it fails and when the machine's addresses change (another network, say). */
export class LocalSocket {
  readonly #options: LocalSocketOptions;
  readonly #addresses = new DatagramAddresses();
  readonly #watch: NodeJS.Timeout;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #seen = addressesHere();
  #isClosed = false;

  constructor(options: LocalSocketOptions) {
    this.#options = options;
    this.#open(false);
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
    this.#watch.unref();
  }

  send(bytes: Uint8Array, to: string): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const { address, port } = this.#addresses.parse(to);
    socket.send(bytes, port, address, (error) => {
      // Anything else counts as a lost packet.
      if (error !== null && fatal.has((error as NodeJS.ErrnoException).code ?? '')) this.#failed(socket);
    });
  }

  /** Take another socket, as on a machine that has changed its network. */
  replace(): void {
    if (this.#isClosed) return;
    this.#drop();
    this.#open(true);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    this.#drop();
  }

  #open(isReplacing: boolean): void {
    const socket = createSocket(isIPv6(this.#options.peer.replace(/%.*$/, '')) ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.on('error', () => this.#failed(socket));
    socket.on('message', (bytes, { address, port }) => {
      if (this.#socket === socket) this.#options.onDatagram(bytes, addressText(address, port));
    });
    socket.once('listening', () => {
      if (this.#socket === socket && isReplacing) this.#options.onChange('replaced');
    });
    socket.bind();
  }

  #failed(socket: Socket): void {
    if (this.#isClosed || this.#socket !== socket) return;
    this.#drop();
    this.#options.onChange('failed');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.replace(), REPLACE_MS);
    this.#retry.unref();
  }

  #look(): void {
    const here = addressesHere();
    if (here === this.#seen) return;
    this.#seen = here;
    this.replace();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.removeAllListeners();
    socket.on('error', () => {});
    try {
      socket.close();
    } catch {
      // It is closed already.
    }
  }
}

/** The machine's addresses that lead anywhere, as one text. */
function addressesHere(): string {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
    .sort()
    .join(' ');
}
