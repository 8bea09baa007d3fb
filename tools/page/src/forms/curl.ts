// An exchange as a curl command that makes the same request. src/sockfilter/forms/curl.py explains each step.

import { bytesOfContent } from "../content.ts";
import type { Exchange, Request } from "../lines.ts";
import { asked, fieldsToSend, hostAndPort, isChunked, isFramed, NotRepeatable, sniOf, valuesOf } from "./requests.ts";

const PLAIN_TARGET = /^\/(?!\.)(?:[\w!$%&'()*+,;=:@~.?-]|\/(?!\.))*(?<!\?)$/;
const ARGUMENT_BYTES_MAX = 120_000;
const EXPECT_BYTES = 1024;
const VERSIONS: Record<string, string> = { "1.0": "--http1.0", "2": "--http2-prior-knowledge" };
const TLS_VERSIONS: Record<string, string> = { "1.0": "--http1.0", "2": "--http2" };
const encoder = new TextEncoder();

/** Throws NotRepeatable. */
export function asCurl(exchange: Exchange): string {
  const request = asked(exchange);
  if (exchange.grpc && !exchange.grpc.web) throw new NotRepeatable("curl speaks no gRPC; --format curl makes a command of grpcurl");
  check(request);
  const [before, data] = dataOf(request);
  const versions = exchange.tls === undefined ? VERSIONS : TLS_VERSIONS;
  const words = [
    "curl",
    versions[request.version ?? ""] ?? "--http1.1",
    ...methodOf(request, data.length > 0),
    ...fieldsOf(exchange, request, data.length > 0),
    ...data,
    ...placeOf(exchange, request.target ?? ""),
  ];
  return before + words.join(" ");
}

function check(request: Request): void {
  const words = [request.method ?? "", request.target ?? "", ...request.headers.flat()];
  if (words.some((word) => word.includes("\0"))) throw new NotRepeatable("its head has a NUL, which no argument of a command can have");
  for (const [name, value] of request.headers) {
    if (!name || name.startsWith("@") || (!value && name.includes(";"))) throw new NotRepeatable(`curl sends no field of the name ${name}`);
    if (value && !value.replace(/[\v\f\r]/g, "")) throw new NotRepeatable("curl sends no field whose value is blank");
  }
  if (request.method === "HEAD" && bytesOfContent(request.body).length) throw new NotRepeatable("curl sends no body with HEAD");
}

function methodOf(request: Request, hasData: boolean): string[] {
  if (request.method === "HEAD") return ["--head"];
  return request.method === (hasData ? "POST" : "GET") ? [] : ["-X", word(request.method ?? "")];
}

function fieldsOf(exchange: Exchange, request: Request, hasData: boolean): string[] {
  const fields = fieldsToSend(request);
  const [scheme, server] = origin(exchange);
  const has = (name: string): boolean => valuesOf(request, name).length > 0;
  const isText = request.authority === undefined; // a version of HTTP whose heads are text
  if (!isText && request.authority && !has("host")) fields.unshift(["Host", request.authority]);
  const usual = `:${scheme === "http" ? 80 : 443}`;
  const implied = server.endsWith(usual) ? server.slice(0, -usual.length) : server;
  const at = fields.findIndex(([name, value]) => name === "Host" && value === implied);
  if (at >= 0) fields.splice(at, 1);
  if (isChunked(request) && hasData) fields.push(["Transfer-Encoding", "chunked"]);
  const added = [...(isText ? ["Host"] : []), "User-Agent", "Accept", ...(hasData ? ["Content-Type"] : [])];
  const absent = added.filter((name) => !has(name.toLowerCase()));
  if (bytesOfContent(request.body).length >= EXPECT_BYTES) absent.push("Expect");
  const lines = [...fields.map(([name, value]) => (value ? `${name}: ${value}` : `${name};`)), ...absent.map((name) => `${name}:`)];
  return lines.flatMap((line) => ["-H", word(line)]);
}

function dataOf(request: Request): [before: string, options: string[]] {
  if (!isFramed(request) || request.method === "HEAD") return ["", []];
  const bytes = bytesOfContent(request.body);
  const isPlain = bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x09);
  if (isPlain && bytes.length <= ARGUMENT_BYTES_MAX) return ["", ["--data-raw", quote(new TextDecoder().decode(bytes))]];
  return [`printf ${octal(bytes)} | `, ["--data-binary", "@-"]];
}

function origin(exchange: Exchange): [scheme: string, server: string] {
  const sni = sniOf(exchange);
  if (sni === undefined) return ["http", hostAndPort(exchange.server)];
  return ["https", sni === null ? hostAndPort(exchange.server) : `${sni}:${exchange.server.port}`];
}

function placeOf(exchange: Exchange, target: string): string[] {
  const [scheme, server] = origin(exchange);
  const seen = hostAndPort(exchange.server);
  const there = server === seen ? [] : ["--connect-to", quote(`::${seen}`)];
  if (PLAIN_TARGET.test(target)) return [...there, quote(`${scheme}://${server}${target}`)];
  return [...there, "--request-target", word(target), quote(`${scheme}://${server}/`)];
}

/** As shlex.quote() of Python. */
function quote(text: string): string {
  if (!text) return "''";
  return /[^\w@%+=:,./-]/.test(text) ? `'${text.replaceAll("'", "'\"'\"'")}'` : text;
}

function word(text: string): string {
  if (!/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text.replaceAll("\t", " "))) return quote(text);
  return `"$(printf ${octal(encoder.encode(text))})"`;
}

function octal(bytes: Uint8Array): string {
  const letters = [...bytes].map((byte) => {
    const letter = String.fromCharCode(byte);
    return byte >= 0x20 && byte < 0x7f && !"\\%'-".includes(letter) ? letter : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `'${letters.join("")}'`;
}
