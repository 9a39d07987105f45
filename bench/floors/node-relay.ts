import { createServer, type Socket } from 'node:net';

/*
 * The same as tcp-relay.c, in as little Node as there can be: what the runtime alone costs. Usage: node-relay.ts PORT
 */

interface Room {
  readonly members: Set<Socket>;
  news: Buffer[];
}

const LINE_FEED = 0x0a;
const rooms = new Map<string, Room>();
const touched = new Set<Room>();

function tellRooms(): void {
  for (const room of touched) {
    const bytes = room.news.length === 1 ? room.news[0]! : Buffer.concat(room.news);
    room.news = [];
    for (const member of room.members) member.write(bytes);
  }
  touched.clear();
}

function join(socket: Socket, line: string): Room {
  const name = line.slice('JOIN '.length).trimEnd();
  let room = rooms.get(name);
  if (room === undefined) {
    room = { members: new Set(), news: [] };
    rooms.set(name, room);
  }
  room.members.add(socket);
  socket.on('close', () => room.members.delete(socket));
  socket.write('IN\n');
  return room;
}

createServer({ noDelay: true }, (socket) => {
  let room: Room | undefined;
  let held: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const whole = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const end = whole.lastIndexOf(LINE_FEED) + 1;
    held = whole.subarray(end);
    if (end === 0) return;
    if (room === undefined) {
      room = join(socket, whole.toString('utf8', 0, end));
      return;
    }
    room.news.push(whole.subarray(0, end));
    if (touched.size === 0) setImmediate(tellRooms);
    touched.add(room);
  });
}).listen(Number(process.argv[2]), '127.0.0.1', 1024);
