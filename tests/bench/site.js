// An application behind nginx, for mix.py: pages, an API, a login; cookies, ids, redirects, errors; plain and in pieces.
"use strict";
const crypto = require("crypto");
const http = require("http");

const words = (count, seed) =>
  Array.from({ length: count }, (_, i) => ["tea", "harbour", "seven", "lamp", "granite"][(seed * 7 + i * i) % 5]).join(" ");

function page(number) {
  const items = Array.from({ length: 5 + (number % 40) }, (_, i) => `<li><a href="/products/${number + i}">${words(6, i)}</a>`);
  return `<!doctype html><title>Product ${number}</title><h1>${words(3, number)}</h1><ul>${items.join("\n")}</ul>`;
}

function session(request) {
  return /session=/.test(request.headers.cookie || "") ? {} : { "Set-Cookie": `session=${crypto.randomUUID()}; Path=/; HttpOnly` };
}

function answer(request, response, body) {
  const [path] = request.url.split("?");
  const number = Number(path.split("/").pop()) || 0;
  const common = { ...session(request), "Cache-Control": "no-cache", Vary: "Cookie" };
  if (request.method === "POST" && path === "/login") {
    response.writeHead(303, { ...common, Location: "/products/1", "Content-Length": 0 });
    response.end();
  } else if (request.method === "POST" && path === "/api/basket") {
    const made = JSON.stringify({ basket: crypto.randomUUID(), bytes: body.length });
    response.writeHead(201, { ...common, "Content-Type": "application/json", "Content-Length": Buffer.byteLength(made) });
    response.end(made);
  } else if (path.startsWith("/products/") && number < 9000) {
    const made = page(number);
    response.writeHead(200, { ...common, "Content-Type": "text/html; charset=utf-8", "Content-Length": made.length });
    response.end(made);
  } else if (path.startsWith("/api/items/")) {
    response.writeHead(200, { ...common, "Content-Type": "application/json" });
    response.write(`{"id":${number},"about":"${words(20, number)}",`);
    setImmediate(() => response.end(`"stock":${number % 17}}`));
  } else {
    response.writeHead(404, { ...common, "Content-Type": "text/plain" });
    response.end(`nothing is at ${path}\n`);
  }
}

http
  .createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => answer(request, response, Buffer.concat(parts)));
  })
  .listen(Number(process.argv[3]), process.argv[2]);
