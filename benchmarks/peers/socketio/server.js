// A room server as one writes it with Socket.IO: rooms, an acknowledgement, the last 100 messages in memory.
// Nothing is stored. It listens on 127.0.0.1 only; the port stands in the environment.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const HISTORY = 100;
const rooms = new Map();

function roomNamed(name) {
  let room = rooms.get(name);
  if (!room) {
    room = { seq: 0, messages: [] };
    rooms.set(name, room);
  }
  return room;
}

const http = createServer((request, response) => {
  response.writeHead(request.url === "/ready" ? 200 : 404).end();
});
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  const name = `Visitor ${socket.id.slice(0, 6)}`;

  socket.on("join", (roomName, reply) => {
    const room = roomNamed(roomName);
    socket.join(roomName);
    reply({ seq: room.seq, messages: room.messages });
  });

  socket.on("message", (roomName, text, reply) => {
    const room = roomNamed(roomName);
    room.seq += 1;
    const message = { seq: room.seq, uid: randomUUID(), name, text, at: new Date().toISOString() };
    room.messages.push(message);
    if (room.messages.length > HISTORY) room.messages.shift();
    io.to(roomName).emit("message", message);
    reply({ seq: message.seq, at: message.at });
  });
});

http.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
