// Exchanges as an HTTP archive (HAR 1.2).

import type { Content, Exchange, Field, Request, Response } from "../lines.ts";
import { authorityOf, field, parameters } from "../targets.ts";
import { hostAndPort } from "./requests.ts";

export function asHar(exchanges: Exchange[], version: string): string {
  const entries = exchanges.filter(({ request, response }) => request ?? response).map(entryOf);
  return JSON.stringify({ log: { version: "1.2", creator: { name: "sockfilter", version }, entries } }, null, 1);
}

function entryOf(exchange: Exchange): object {
  const { request, response, timing } = exchange;
  const known = (seconds: number | undefined): number => (seconds === undefined ? -1 : seconds * 1000);
  const phases = { send: timing.send ?? 0, wait: timing.wait ?? 0, receive: timing.receive ?? 0 };
  return {
    startedDateTime: exchange.time ?? new Date(0).toISOString(),
    time: (phases.send + phases.wait + phases.receive + (timing.connect ?? 0)) * 1000,
    request: request ? requestOf(exchange, request) : emptyRequest,
    response: response ? responseOf(response) : emptyResponse,
    cache: {},
    timings: {
      connect: known(timing.connect),
      send: phases.send * 1000,
      wait: phases.wait * 1000,
      receive: phases.receive * 1000,
    },
    serverIPAddress: exchange.server.ip,
    connection: String(exchange.connection),
    _problems: exchange.problems,
  };
}

function requestOf(exchange: Exchange, request: Request): object {
  const scheme = exchange.tls === undefined ? "http" : "https";
  const target = request.target ?? "";
  const authority = authorityOf(request) || hostAndPort(exchange.server);
  return {
    method: request.method ?? "",
    url: target.startsWith("/") || target === "*" ? `${scheme}://${authority}${target}` : target,
    httpVersion: `HTTP/${request.version ?? "1.1"}`,
    cookies: [],
    headers: pairs(request.headers),
    queryString: pairs(parameters(target)),
    headersSize: -1,
    bodySize: request.body.wire_len,
    ...(request.body.wire_len ? { postData: { mimeType: field(request.headers, "content-type"), ...textOf(request.body) } } : {}),
  };
}

function responseOf(response: Response): object {
  return {
    status: response.status ?? 0,
    statusText: response.reason,
    httpVersion: `HTTP/${response.version ?? "1.1"}`,
    cookies: [],
    headers: pairs(response.headers),
    content: { size: response.body.len ?? response.body.wire_len, mimeType: field(response.headers, "content-type"), ...textOf(response.body) },
    redirectURL: field(response.headers, "location"),
    headersSize: -1,
    bodySize: response.body.wire_len,
  };
}

const emptyRequest = { method: "", url: "", httpVersion: "", cookies: [], headers: [], queryString: [], headersSize: -1, bodySize: -1 };
const emptyResponse = {
  ...{ status: 0, statusText: "", httpVersion: "", cookies: [], headers: [], redirectURL: "", headersSize: -1, bodySize: -1 },
  content: { size: 0, mimeType: "" },
};

function pairs(fields: Field[]): object[] {
  return fields.map(([name, value]) => ({ name, value }));
}

function textOf(content: Content): object {
  if (content.text !== undefined) return { text: content.text };
  return content.base64 === undefined ? {} : { text: content.base64, encoding: "base64" };
}
