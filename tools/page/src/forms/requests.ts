// What the forms that repeat a request have in common, as src/sockfilter/forms/curl.py has it.

import { bytesOfContent } from "../content.ts";
import type { Exchange, Field, Request } from "../lines.ts";

const CODING = "content-encoding";
const FRAMING = new Set(["content-length", "transfer-encoding", CODING, "trailer", "expect"]);

/** The request cannot be repeated. The text says why. */
export class NotRepeatable extends Error {}

export function asked(exchange: Exchange): Request {
  const { request } = exchange;
  if (!request) throw new NotRepeatable("its request was not seen");
  if (request.method === "CONNECT" || request.version === "0.9") throw new NotRepeatable("it needs a special connection");
  if (request.headers_lost) throw new NotRepeatable("some of its fields are not known, because bytes were missed");
  const said = valuesOf(request, "content-length")[0];
  if (said !== undefined && /^\d+$/.test(said) && request.body.wire_len < Number(said)) {
    throw new NotRepeatable("its request is incomplete");
  }
  if (request.body.kept !== undefined && !isAsSent(request)) {
    throw new NotRepeatable(`only ${request.body.kept} bytes of its body were kept; --body N keeps more`);
  }
  if (request.body.wire_len && request.body.text === undefined && request.body.base64 === undefined) {
    throw new NotRepeatable("its body was not kept; --body N keeps it");
  }
  return request;
}

export function valuesOf(half: { headers: Field[] }, name: string): string[] {
  return half.headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

function isAsSent({ body }: Request): boolean {
  return body.len === undefined && body.kept === body.wire_len;
}

export function isChunked(request: Request): boolean {
  const values = valuesOf(request, "transfer-encoding");
  return values.length === 1 && values[0]!.toLowerCase() === "chunked";
}

export function isFramed(request: Request): boolean {
  return bytesOfContent(request.body).length > 0 || valuesOf(request, "content-length").length > 0 || isChunked(request);
}

/** The fields without those that frame the body, and without Content-Encoding if the body was decoded. */
export function fieldsToSend(request: Request): Field[] {
  return request.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !FRAMING.has(lower) || (lower === CODING && isAsSent(request));
  });
}

export function hostAndPort({ ip, port }: { ip: string; port: number }): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** The name that the client of a TLS connection asked for. undefined: the connection has no TLS. */
export function sniOf(exchange: Exchange): string | null | undefined {
  return exchange.tls === undefined ? undefined : ((exchange.tls["sni"] as string | null | undefined) ?? null);
}
