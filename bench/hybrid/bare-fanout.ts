/*
 * What Confab's fan-out is held against: one room, no rules, no log, nothing but `node:dgram`, as well as it can be used.
 * It takes the same datagrams (`[1 room length][1 token length][room][token][message]`) and sends the same ones
 * (`[1 sender length][sender][message]`) to everybody but the sender.
 */
import { createSocket } from 'node:dgram';

const HOST = '127.0.0.1';
const RECEIVE_BUFFER_BYTES = 4_194_304;
const REGISTER = Buffer.from('__REGISTER__');

interface Member {
  readonly port: number;
  /** What its lines begin with. */
  readonly head: Buffer;
}

const byToken = new Map<string, Member>();
let members: readonly Member[] = [];

const socket = createSocket({
  type: 'udp4',
  recvBufferSize: RECEIVE_BUFFER_BYTES,
  // The address is numeric: nothing to look up.
  lookup: (host, _options, callback) => callback(null, host, 4),
});

socket.on('message', (datagram, source) => {
  const tokenStart = 2 + datagram[0]!;
  const messageStart = tokenStart + datagram[1]!;
  const token = datagram.toString('latin1', tokenStart, messageStart);
  const sender = byToken.get(token);
  if (sender === undefined || datagram.length - messageStart === REGISTER.length) {
    register(token, source.port);
    return;
  }
  const { head } = sender;
  const line = Buffer.allocUnsafe(head.length + datagram.length - messageStart);
  head.copy(line);
  datagram.copy(line, head.length, messageStart);
  for (let index = 0; index < members.length; index += 1) {
    const member = members[index]!;
    if (member !== sender) socket.send(line, member.port, HOST);
  }
});

/** Tokens are made up by the generator: the user's name, filled up with dots. */
function register(token: string, port: number): void {
  const user = token.replace(/^\.+/, '');
  byToken.set(token, { port, head: Buffer.from(String.fromCharCode(user.length) + user, 'latin1') });
  members = [...byToken.values()];
}

process.once('SIGTERM', () => process.exit());
socket.bind(Number(process.argv[2]), HOST);
