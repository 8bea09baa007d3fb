// A server of HTTP/2 without TLS that answers with what it has heard: node http2_site.js ADDRESS PORT
'use strict';
const http2 = require('http2');

const LONG = 'v'.repeat(40000);
const constants = http2.constants;
const server = http2.createServer({
  maxSendHeaderBlockLength: 100000,
  paddingStrategy: constants.PADDING_STRATEGY_MAX,
});

function heard(stream, headers, raw, body, trailers) {
  const fields = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!raw[i].startsWith(':')) fields.push([raw[i], raw[i + 1]]);
  }
  return JSON.stringify({
    stream: stream.id, method: headers[':method'], target: headers[':path'], authority: headers[':authority'],
    scheme: headers[':scheme'], fields, body, trailers,
  });
}

function answer(stream, headers, raw, body, trailers) {
  const path = headers[':path'].split('?')[0];
  const words = heard(stream, headers, raw, body, trailers);
  if (path === '/reset') {
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  if (path === '/early') stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
  if (path === '/push') {
    stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
      if (error) return;
      pushed.respond({ ':status': 200, 'x-is': 'pushed' });
      pushed.end('pushed');
    });
  }
  if (path === '/trailers') {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(words.length) }));
  } else {
    stream.respond({ ':status': path === '/none' ? 404 : 200, 'x-long': path === '/long' ? LONG : 'no' });
  }
  stream.end(words);
}

server.on('stream', (stream, headers, flags, raw) => {
  const parts = [];
  let trailers = null;
  stream.on('error', () => {});
  stream.on('trailers', (fields) => { trailers = { ...fields }; });
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => answer(stream, headers, raw, Buffer.concat(parts).toString(), trailers));
});
server.listen(Number(process.argv[3]), process.argv[2]);
