// Asks a server of HTTP/2 on one connection, all at once, and writes what came, a line for each stream:
// node http2_client.js URL ASK... where ASK is JSON: {"path": ..., "body": ..., "trailers": {...}, "cancel": true}
'use strict';
const http2 = require('http2');

const [url, ...asks] = process.argv.slice(2);
const client = http2.connect(url, { settings: { headerTableSize: 8192, maxFrameSize: 1 << 15 } });
let open = asks.length;

function say(words) {
  process.stdout.write(JSON.stringify(words) + '\n');
}

function done() {
  open -= 1;
  if (!open) client.close();
}

function plain(headers) {
  return { ...headers };
}

client.on('stream', (pushed, asked) => {
  const parts = [];
  let response = {};
  pushed.on('push', (headers) => { response = plain(headers); });
  pushed.on('data', (part) => parts.push(part));
  pushed.on('end', () => say({
    stream: pushed.id, pushed: true, path: asked[':path'], status: response[':status'],
    body: Buffer.concat(parts).toString(),
  }));
});

for (const ask of asks.map(JSON.parse)) {
  const fields = { ':path': ask.path, ':method': ask.body === undefined ? 'GET' : 'POST', 'x-n': ask.path, cookie: ['a=1', 'b=2'] };
  const request = client.request(fields, { endStream: ask.body === undefined, waitForTrailers: Boolean(ask.trailers) });
  const came = { path: ask.path, early: [], trailers: null };
  const parts = [];
  request.on('wantTrailers', () => request.sendTrailers(ask.trailers));
  request.on('headers', (headers) => came.early.push(headers[':status']));
  request.on('response', (headers) => {
    came.status = headers[':status'];
    came.long = headers['x-long'] ? headers['x-long'].length : 0;
    if (ask.cancel) request.close(http2.constants.NGHTTP2_CANCEL);
  });
  request.on('trailers', (headers) => { came.trailers = plain(headers); });
  request.on('data', (part) => parts.push(part));
  request.on('error', () => {});
  request.on('close', () => {
    say({ ...came, stream: request.id, code: request.rstCode, body: Buffer.concat(parts).toString() });
    done();
  });
  if (ask.body !== undefined) request.end(ask.body);
}
