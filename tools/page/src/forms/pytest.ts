// An exchange as a test that makes the same request, and expects the same response. It needs only the standard library.

import { bytesOfContent, isWhole } from "../content.ts";
import type { Exchange, Request, Response } from "../lines.ts";
import { pathOf } from "../targets.ts";
import { asked, fieldsToSend, isChunked, isFramed, NotRepeatable, sniOf, valuesOf } from "./requests.ts";

const TIMEOUT_S = 10;
const NAME_MAX = 60;
const LINE_BYTES = 80;
const encoder = new TextEncoder();

/** Throws NotRepeatable. */
export function asPytest(exchange: Exchange): string {
  const request = asked(exchange);
  const { response } = exchange;
  if (!(request.version ?? "").startsWith("1.")) throw new NotRepeatable("a test speaks HTTP/1.1 alone");
  if (!response) throw new NotRepeatable("its response was not seen");
  if (!response.status) throw new NotRepeatable("a response of HTTP/0.9 has no status to assert");
  const [checks, modules] = checksOf(response);
  const sni = sniOf(exchange);
  if (sni !== undefined) modules.push("ssl");
  const imports = [...new Set(["http.client", "socket", ...modules])].sort().map((name) => `import ${name}\n`);
  const title = `${request.method} ${pathOf(request.target ?? "")}`.replace(/[^ -!#-[\]-~]/g, "?");
  const there = `socket.create_connection((${literal(exchange.server.ip)}, ${exchange.server.port}), timeout=${TIMEOUT_S})`;
  const opening =
    sni === undefined
      ? `    with ${there} as connection:`
      : `    with ${there} as plain, ssl.create_default_context().wrap_socket(\n        plain, server_hostname=${literal(sni ?? exchange.server.ip)}\n    ) as connection:`;
  const sent = sentOf(request).map((piece) => `            ${piece}\n`);
  return `"""${title}, as it was seen on the wire."""

${imports.join("")}

def ${nameOf(request)}():
${opening}
        connection.sendall(
${sent.join("")}        )
        response = http.client.HTTPResponse(connection, method=${literal(request.method ?? "")})
        response.begin()
        content = response.read()
${checks.map((line) => `    ${line}\n`).join("")}`;
}

function nameOf(request: Request): string {
  const words = `${request.method} ${pathOf(request.target ?? "")}`.toLowerCase().replace(/[^a-z0-9]+/g, "_");
  return `test_${words.replace(/^_+|_+$/g, "").slice(0, NAME_MAX).replace(/_+$/, "")}`;
}

function sentOf(request: Request): string[] {
  const body = bytesOfContent(request.body);
  const lines = fieldsToSend(request).map(([name, value]) => `${name}: ${value}`);
  const pieces: Uint8Array[] = [];
  if (isChunked(request)) {
    lines.push("Transfer-Encoding: chunked");
    if (body.length) pieces.push(encoder.encode(`${body.length.toString(16)}\r\n`), ...slices(body), encoder.encode("\r\n"));
    pieces.push(encoder.encode("0\r\n\r\n"));
  } else {
    if (isFramed(request)) lines.push(`Content-Length: ${body.length}`);
    pieces.push(...slices(body));
  }
  const head = [`${request.method} ${request.target} HTTP/${request.version}`, ...lines, ""];
  return [...head.map((line) => encoder.encode(`${line}\r\n`)), ...pieces].map(bytesLiteral);
}

function slices(bytes: Uint8Array): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) made.push(bytes.subarray(at, at + LINE_BYTES));
  return made;
}

function checksOf(response: Response): [lines: string[], modules: string[]] {
  const lines = [`assert response.status == ${response.status}`];
  const kind = valuesOf(response, "content-type")[0];
  if (kind !== undefined && /^[\x20-\x7e]*$/.test(kind)) lines.push(`assert response.headers['Content-Type'] == ${literal(kind)}`);
  const coding = valuesOf(response, "content-encoding").join(", ").trim().toLowerCase() || "identity";
  const bytes = bytesOfContent(response.body);
  const isGzip = coding === "gzip" && bytes.length > 0;
  if (!isWhole(response.body) || (!isGzip && coding !== "identity" && bytes.length)) {
    return [[...lines, "# the body was not kept whole, or has a coding that the standard library does not know"], []];
  }
  const content = isGzip ? "gzip.decompress(content)" : "content";
  const modules = isGzip ? ["gzip"] : [];
  if (/json/i.test(kind ?? "") && isJson(response.body.text)) {
    return [[...lines, `assert json.loads(${content}) == json.loads(${bytesLiteral(bytes)})`], [...modules, "json"]];
  }
  return [[...lines, `assert ${content} == ${bytesLiteral(bytes)}`], modules];
}

function isJson(text: string | undefined): boolean {
  try {
    JSON.parse(text ?? "");
    return true;
  } catch {
    return false;
  }
}

/** A string literal of Python, in ASCII. */
function literal(text: string): string {
  const escaped = text.replace(/[\\']/g, "\\$&").replace(/[^\x20-\x7e]/gu, (letter) => {
    const digits = letter.codePointAt(0)!.toString(16);
    return digits.length > 4 ? `\\U${digits.padStart(8, "0")}` : `\\u${digits.padStart(4, "0")}`;
  });
  return `'${escaped}'`;
}

/** A literal of bytes, as repr() of Python makes it. */
function bytesLiteral(bytes: Uint8Array): string {
  const named: Record<number, string> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };
  const mark = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  let made = "";
  for (const byte of bytes) {
    const letter = String.fromCharCode(byte);
    if (named[byte]) made += named[byte];
    else if (letter === mark) made += `\\${mark}`;
    else made += byte >= 0x20 && byte < 0x7f ? letter : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `b${mark}${made}${mark}`;
}
