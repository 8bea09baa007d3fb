// A row is what the page keeps of each line at hand: all but header fields and content.

import type { Endpoint, Exchange, Line, StreamMessage, Timing } from "./lines.ts";
import { isExchange } from "./lines.ts";
import { authorityOf, field, hostOf, protocolsOf } from "./targets.ts";

export interface Reset {
  code: number;
  name: string | null;
  by: string;
}

export interface Row {
  seq: number; // the number of its line, from 0
  id: number | null; // of the exchange
  isMessage: boolean;
  kind: string; // of a message: its type
  sender: string; // of a message
  time: number | null; // milliseconds since 1970
  connection: number;
  interface: string;
  stream: number | null;
  client: Endpoint;
  server: Endpoint;
  hasRequest: boolean;
  method: string;
  target: string;
  version: string;
  authority: string;
  host: string;
  hasResponse: boolean;
  status: number | null;
  contentType: string;
  requestBytes: number | null;
  responseBytes: number | null;
  timing: Timing;
  complete: boolean;
  pushed: boolean;
  retransmissions: number;
  problems: string[];
  protocols: string[];
  reset: Reset | null;
  tcp: { retransmitted: number; drops: number } | null;
  culprit: string | null;
  call: { name: string | null; service: string | null; status: number | null; statusName: string | null } | null;
  isSecure: boolean;
  pinned: boolean;
}

const NOTHING: string[] = [];

/** Milliseconds since 1970, with fractions. */
export function milliseconds(time: string | null): number | null {
  if (time === null) return null;
  const seconds = Date.parse(`${time.slice(0, 19)}Z`);
  return Number.isNaN(seconds) ? null : seconds + Number(`0${time.slice(19, -1)}`) * 1000;
}

/** Keeps one object for the ends of a connection, which all of its rows share. */
export class Ends {
  private readonly known = new Map<string, Endpoint>();

  of(end: Endpoint): Endpoint {
    const key = `${end.ip} ${end.port} ${end.pid ?? ""} ${end.comm ?? ""} ${end.exe ?? ""}`;
    const found = this.known.get(key);
    if (found) return found;
    if (this.known.size > 20_000) this.known.clear();
    this.known.set(key, end);
    return end;
  }
}

export function rowOf(line: Line, seq: number, ends: Ends): Row {
  return isExchange(line) ? ofExchange(line, seq, ends) : ofMessage(line, seq, ends);
}

function ofExchange(line: Exchange, seq: number, ends: Ends): Row {
  const { request, response, grpc } = line;
  const authority = request ? authorityOf(request) : "";
  const name = grpc && grpc.service !== null ? `${grpc.service}/${grpc.method ?? ""}` : null;
  return {
    seq,
    id: line.id,
    isMessage: false,
    kind: "",
    sender: "",
    time: milliseconds(line.time),
    connection: line.connection,
    interface: line.interface,
    stream: line.stream ?? null,
    client: ends.of(line.client),
    server: ends.of(line.server),
    hasRequest: request !== null,
    method: request?.method ?? "",
    target: request?.target ?? "",
    version: request?.version ?? "",
    authority,
    host: authority ? hostOf(authority) : "",
    hasResponse: response !== null,
    status: response ? (response.status ?? 0) : null,
    contentType: response ? (field(response.headers, "content-type").split(";")[0] ?? "").trim() : "",
    requestBytes: request ? request.body.wire_len : null,
    responseBytes: response ? response.body.wire_len : null,
    timing: line.timing,
    complete: line.complete,
    pushed: line.pushed === true,
    retransmissions: line.retransmissions ?? 0,
    problems: line.problems.length ? line.problems : NOTHING,
    protocols: protocolsOf(line),
    reset: line.reset ?? null,
    tcp: tcpOf(line),
    culprit: line.culprit?.word ?? null,
    call: grpc ? { name, service: grpc.service, status: grpc.status, statusName: grpc.status_name } : null,
    isSecure: line.tls !== undefined,
    pinned: false,
  };
}

function tcpOf({ tcp }: Exchange): Row["tcp"] {
  if (tcp === undefined) return null;
  const ends = [tcp.client, tcp.server];
  const retransmitted = ends.reduce((sum, end) => sum + (end?.retransmitted_bytes ?? 0), 0);
  return { retransmitted, drops: tcp.drops?.length ?? 0 };
}

function ofMessage(line: StreamMessage, seq: number, ends: Ends): Row {
  return {
    seq,
    id: line.exchange,
    isMessage: true,
    kind: line.type ?? line.kind,
    sender: line.from,
    time: milliseconds(line.time),
    connection: line.connection,
    interface: line.interface,
    stream: null,
    client: ends.of(line.client),
    server: ends.of(line.server),
    hasRequest: false,
    method: "",
    target: "",
    version: "",
    authority: "",
    host: "",
    hasResponse: false,
    status: null,
    contentType: "",
    requestBytes: line.wire_len ?? 0,
    responseBytes: null,
    timing: {},
    complete: true,
    pushed: false,
    retransmissions: 0,
    problems: line.problems.length ? line.problems : NOTHING,
    protocols: [line.protocol],
    reset: null,
    tcp: null,
    culprit: null,
    call: null,
    isSecure: false,
    pinned: false,
  };
}

/** Nanoseconds of a number of seconds. null: it is not known. */
export function nanoseconds(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds * 1e9);
}

export function isError(row: Row): boolean {
  const failed = row.call && row.call.status !== null ? row.call.status !== 0 : row.status !== null && row.status >= 400;
  return failed || row.problems.length > 0;
}
