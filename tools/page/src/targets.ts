// The parts of a request's target (RFC 9112, 3.2), as src/sockfilter/model/target.py finds them.

import type { Exchange, Request } from "./lines.ts";

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/;
// A query with more parameters is not parsed.
const PARAMETERS_MAX = 10_000;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export interface Target {
  authority: string;
  path: string;
  query: string;
}

export function split(target: string): Target {
  let authority = "";
  let rest = target;
  const found = ABSOLUTE.exec(target);
  if (found) {
    const named = found[1] ?? "";
    authority = named.slice(named.lastIndexOf("@") + 1);
    rest = target.slice(found[0].length) || "/";
  } else if (!["/", "?", "*"].includes(target.slice(0, 1))) {
    return { authority: target, path: "", query: "" };
  }
  const at = rest.indexOf("?");
  return at < 0 ? { authority, path: rest, query: "" } : { authority, path: rest.slice(0, at), query: rest.slice(at + 1) };
}

/** Decodes %XX. Bytes that are not UTF-8 become U+FFFD. */
export function unquoted(text: string): string {
  return text.includes("%") ? text.replace(/[\x00-\x7f]*%[\x00-\x7f]*/g, decoded) : text;
}

function decoded(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const digits = text[at] === "%" ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3)) : null;
    bytes.push(digits ? parseInt(digits[0], 16) : text.charCodeAt(at));
    at += digits ? 2 : 0;
  }
  return utf8.decode(new Uint8Array(bytes));
}

export function pathOf(target: string): string {
  return unquoted(split(target).path);
}

/** The parameters of the query, decoded, in order. */
export function parameters(target: string): [name: string, value: string][] {
  const words = split(target).query.split("&");
  if (words.length > PARAMETERS_MAX) return [];
  return words.filter(Boolean).map((word) => {
    const at = word.indexOf("=");
    const parts = at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    const [name = "", value = ""] = parts.map((part) => unquoted(part.replaceAll("+", " ")));
    return [name, value];
  });
}

/** The host and the port, if any, as sent. */
export function authorityOf(request: Request): string {
  if (request.authority !== undefined) return request.authority ?? "";
  const inTarget = split(request.target ?? "").authority;
  return inTarget || (field(request.headers, "host"));
}

/** The host of an authority in lower case, without user, port and brackets (RFC 3986, 3.2.2). */
export function hostOf(authority: string): string {
  const name = authority.slice(authority.lastIndexOf("@") + 1).trim();
  const end = name.startsWith("[") ? name.slice(1).split("]")[0] : name.split(":")[0];
  return (end ?? "").toLowerCase();
}

/** The protocols that an exchange uses, by the names of the filter language. */
export function protocolsOf(exchange: Exchange): string[] {
  const found = ["http"];
  const { request, response } = exchange;
  const head = request ?? response;
  if (head) found.push((head.version ?? "").startsWith("2") ? "http2" : "http1");
  if (response) {
    if (response.status === 101 && field(response.headers, "upgrade").toLowerCase() === "websocket") found.push("websocket");
    if (field(response.headers, "content-type").toLowerCase().startsWith("text/event-stream")) found.push("sse");
  }
  if (exchange.grpc) found.push("grpc");
  return found;
}

/** The first value of a field. Empty: there is none. */
export function field(fields: [string, string][], name: string): string {
  return fields.find(([each]) => each.toLowerCase() === name)?.[1] ?? "";
}
