// The site of site.py, served by Node: node site.js ADDRESS PORT
'use strict';
const crypto = require('crypto');
const http = require('http');
const zlib = require('zlib');

const SMALL = Buffer.from('a few bytes, and an umlaut: \u00fc\n');
const SLOW_MS = 50;
const CHUNKS = ['one ', 'and another ', 'and the last\n'];
const ZIPPED = 'the same again and again, '.repeat(400);

function big() {
  const parts = [];
  for (let i = 0; i < (5 << 20) / 32; i++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(i);
    parts.push(crypto.createHash('sha256').update(number).digest());
  }
  return Buffer.concat(parts);
}

const BIG = big();

function whole(response, status, content, fields) {
  response.writeHead(status, { ...fields, 'Content-Length': content.length });
  response.end(content);
}

function get(path, response) {
  if (path === '/slow') {
    // a timer may be a fraction of a millisecond early
    setTimeout(() => whole(response, 200, SMALL, {}), SLOW_MS + 2);
  } else if (path === '/chunked') {
    response.writeHead(200);
    CHUNKS.forEach((chunk) => response.write(chunk));
    response.end();
  } else if (path === '/gzip') {
    whole(response, 200, zlib.gzipSync(ZIPPED), { 'Content-Encoding': 'gzip' });
  } else {
    const content = { '/small': SMALL, '/big': BIG }[path];
    whole(response, content ? 200 : 404, content || Buffer.from('not here\n'), {});
  }
}

function answer(request, response) {
  if (request.method === 'POST' || request.method === 'PUT') {
    const hash = crypto.createHash('sha256');
    request.on('data', (data) => hash.update(data));
    request.on('end', () => whole(response, 201, Buffer.from(hash.digest('hex')), {}));
  } else {
    get(request.url.split('?')[0], response);
  }
}

http.createServer(answer).listen(Number(process.argv[3]), process.argv[2]);
