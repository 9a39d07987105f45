import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';

/*
 * A chat over WebSocket as it is usually begun: each message is sent to each member. The path of the URL is the room.
 * Usage: ws-broadcast.ts PORT
 */
const rooms = new Map<string, Set<WebSocket>>();
const server = createServer();

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
  const name = request.url ?? '/';
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  room.add(socket);
  socket.on('close', () => room.delete(socket));
  socket.on('message', (data, isBinary) => {
    for (const member of room) member.send(data, { binary: isBinary });
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', 1024);
