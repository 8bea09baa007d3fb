// Peers of Node: grpc-js, ws and EventSource, each a client and a server. Prints what the applications saw, as JSON.
"use strict";
const http = require("http");
const grpc = require("@grpc/grpc-js");
const WebSocket = require("ws");
const { EventSource } = require("eventsource");

const HOST = "127.0.0.1";
const SLOW_MS = 3000, DEADLINE_MS = 200;
const GZIP = { "grpc.default_compression_algorithm": 2 };

const bytes = { requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b };
const method = (name, requestStream, responseStream) => ({ path: `/shop.v1.Cart/${name}`, requestStream, responseStream, ...bytes });
const cart = {
  Get: method("Get", false, false),
  List: method("List", false, true),
  Put: method("Put", true, false),
  Chat: method("Chat", true, true),
  Slow: method("Slow", false, false),
};

const handlers = {
  Get(call, reply) {
    if (call.request.toString() === "no") reply({ code: grpc.status.NOT_FOUND, details: "no such ä" });
    else reply(null, Buffer.concat([Buffer.from("got "), call.request]));
  },
  List(call) {
    for (let i = 0; i < 7; i++) call.write(Buffer.from(`all ${i}`));
    call.end();
  },
  Put(call, reply) {
    let count = 0;
    call.on("data", () => count++);
    call.on("end", () => reply(null, Buffer.from(`${count}`)));
  },
  Chat(call) {
    call.on("data", (message) => call.write(message));
    call.on("end", () => call.end());
  },
  Slow: (call, reply) => setTimeout(() => reply(null, Buffer.from("late")), SLOW_MS),
};

// [method, status or null if none came, messages sent, messages received]
async function calls() {
  const server = new grpc.Server();
  server.addService(cart, handlers);
  const port = await new Promise((done) => server.bindAsync(`${HOST}:0`, grpc.ServerCredentials.createInsecure(), (_, found) => done(found)));
  const Client = grpc.makeGenericClientConstructor(cart, "Cart");
  const client = new Client(`${HOST}:${port}`, grpc.credentials.createInsecure());
  const zipped = new Client(`${HOST}:${port}`, grpc.credentials.createInsecure(), GZIP);
  const seen = [];
  const get = (from, text) => new Promise((done) => from.Get(Buffer.from(text), (error, value) => {
    seen.push(["Get", error ? error.code : 0, 1, value ? 1 : 0]);
    done();
  }));
  await get(client, "one");
  await get(client, "no");
  await new Promise((done) => {
    let count = 0;
    const call = client.List(Buffer.from("x"));
    call.on("data", () => count++);
    call.on("status", (status) => { seen.push(["List", status.code, 1, count]); done(); });
  });
  await new Promise((done) => {
    const call = client.Put((error) => { seen.push(["Put", error ? error.code : 0, 12, 1]); done(); });
    for (let i = 0; i < 12; i++) call.write(Buffer.from(`put ${i}`));
    call.end();
  });
  await new Promise((done) => {
    let count = 0;
    const call = client.Chat();
    call.on("data", () => { if (++count === 5) call.end(); });
    call.on("status", (status) => { seen.push(["Chat", status.code, 5, count]); done(); });
    for (let i = 0; i < 5; i++) call.write(Buffer.from(`hello ${i}`));
  });
  await new Promise((done) => client.Slow(Buffer.from("s"), { deadline: Date.now() + DEADLINE_MS }, () => { seen.push(["Slow", null, 1, null]); done(); }));
  await get(zipped, "z".repeat(500));
  client.close();
  zipped.close();
  server.forceShutdown();
  return seen;
}

// [sender, type, bytes or the code of a close]
async function messages() {
  const deflate = { perMessageDeflate: { threshold: 10 } };
  const server = new WebSocket.Server({ port: 0, host: HOST, ...deflate });
  const seen = [];
  const told = (socket, sender) => {
    socket.on("message", (data, isBinary) => seen.push([sender, isBinary ? "binary" : "text", data.length]));
    socket.on("ping", (data) => seen.push([sender, "ping", data.length]));
    socket.on("pong", (data) => seen.push([sender, "pong", data.length]));
    socket.on("close", (code) => seen.push([sender, "close", code]));
  };
  server.on("connection", (socket) => {
    told(socket, "client");
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  await new Promise((done) => server.on("listening", done));
  const client = new WebSocket(`ws://${HOST}:${server.address().port}/chat`, deflate);
  told(client, "server");
  await new Promise((done) => {
    let count = 0;
    client.on("open", () => {
      client.ping("p");
      client.send("hello");
      client.send("long ".repeat(1000));
      client.send(Buffer.from([1, 2, 3]));
    });
    client.on("message", () => { if (++count === 3) client.close(1000, "bye"); });
    client.on("close", done);
  });
  server.close();
  return seen;
}

// [name, data]
async function events() {
  const server = http.createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "text/event-stream" });
    for (let i = 0; i < 4; i++) answer.write(`id: ${i}\nevent: tick\ndata: a${i}\ndata: ä\n\n`);
    answer.write(": a comment\n\ndata: last\n\n");
  });
  await new Promise((done) => server.listen(0, HOST, done));
  const seen = [];
  const source = new EventSource(`http://${HOST}:${server.address().port}/events`);
  source.addEventListener("tick", (event) => seen.push(["tick", event.data]));
  await new Promise((done) => { source.onmessage = (event) => { seen.push(["message", event.data]); done(); }; });
  source.close();
  server.closeAllConnections();
  server.close();
  return seen;
}

(async () => {
  console.log(JSON.stringify({ calls: await calls(), messages: await messages(), events: await events() }));
  process.exit(0);
})();
