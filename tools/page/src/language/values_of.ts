// The values that an exchange or a message has for a field. null and []: it has none.

import type { Content, Exchange, Line, StreamMessage, Timing } from "../lines.ts";
import { isExchange } from "../lines.ts";
import { nanoseconds, type Row } from "../rows.ts";
import { parameters, pathOf } from "../targets.ts";
import { bytesOfContent } from "../content.ts";
import { EACH, type Name, type Part } from "./tree.ts";

const VALUES_MAX = 10_000;

/** What a filter is asked about: a row, and its line if the filter reads fields or content. */
export interface Subject {
  row: Row;
  line: Line | null;
  opener: Row | null; // of a message: the exchange that opened its stream
}

export type Get = (subject: Subject) => unknown;

/** Conditions that need the line, which has the fields and the content. */
export const OF_LINE = new Set(
  ["header", "body", "json"].flatMap((name) => [name, `request_${name}`, `response_${name}`]).concat("text"),
);

const request = (get: (row: Row) => unknown): Get => ({ row }) => (row.hasRequest ? get(row) : null);
const processes = (member: "comm" | "pid" | "container" | "pod", ...ends: ("client" | "server")[]): Get => {
  return ({ row }) => ends.map((end) => row[end][member]).filter((value) => value !== undefined);
};
const phase = (name: keyof Timing): Get => {
  return ({ row }) => nanoseconds(row.timing[name]);
};

function path(target: string): string {
  if (!target.startsWith("/") || target.includes("%")) return pathOf(target);
  const at = target.indexOf("?");
  return at < 0 ? target : target.slice(0, at);
}

function hosts({ row }: Subject): string[] {
  if (!row.authority) return [];
  const lower = row.authority.toLowerCase();
  return lower === row.host ? [lower] : [row.host, lower];
}

function total({ row }: Subject): number | null {
  const known = [row.requestBytes, row.responseBytes].filter((bytes) => bytes !== null);
  return known.length ? known.reduce((sum, bytes) => sum + bytes, 0) : null;
}

const CONDITIONS: Record<string, Get> = {
  method: request((row) => row.method),
  path: request((row) => path(row.target)),
  target: request((row) => row.target),
  version: request((row) => row.version),
  host: hosts,
  status: ({ row }) => row.status,
  duration: phase("total"),
  connect: phase("connect"),
  send: phase("send"),
  wait: phase("wait"),
  receive: phase("receive"),
  queued: phase("queued"),
  max_queued: phase("queued"),
  think: phase("think"),
  accept: phase("accept"),
  size: total,
  request_size: ({ row }) => row.requestBytes,
  response_size: ({ row }) => row.responseBytes,
  request: ({ row }) => row.hasRequest,
  response: ({ row }) => row.hasResponse,
  complete: ({ row }) => row.complete,
  pushed: ({ row }) => row.pushed,
  problems: ({ row }) => row.problems,
  retransmissions: ({ row }) => row.retransmissions,
  retransmitted: ({ row }) => row.tcp && row.tcp.retransmitted,
  drops: ({ row }) => row.tcp && row.tcp.drops,
  culprit: ({ row }) => row.culprit,
  protocol: ({ row }) => row.protocols,
  grpc: ({ row }) => (row.call ? [row.call.name, row.call.service].filter((name) => name !== null) : []),
  grpc_status: ({ row }) => (row.call && row.call.status !== null ? [row.call.status, row.call.statusName] : []),
  stream: ({ row }) => row.stream,
  reset: ({ row }) => (row.reset ? (row.reset.name ?? "") : null),
  ip: ({ row }) => [row.client.ip, row.server.ip],
  client_ip: ({ row }) => row.client.ip,
  server_ip: ({ row }) => row.server.ip,
  port: ({ row }) => [row.client.port, row.server.port],
  client_port: ({ row }) => row.client.port,
  server_port: ({ row }) => row.server.port,
  family: ({ row }) => (row.client.port ? (row.client.ip.includes(":") ? 6 : 4) : null),
  interface: ({ row }) => row.interface,
  connection: ({ row }) => row.connection,
  process: processes("comm", "client", "server"),
  client_process: processes("comm", "client"),
  server_process: processes("comm", "server"),
  pid: processes("pid", "client", "server"),
  client_pid: processes("pid", "client"),
  server_pid: processes("pid", "server"),
  container: processes("container", "client", "server"),
  pod: processes("pod", "client", "server"),
};

const OF_MESSAGE: Record<string, Get> = {
  sender: ({ row }) => row.sender,
  type: ({ row }) => row.kind,
  text: ({ line }) => textsOf([line as StreamMessage]),
  body: ({ line }) => textsOf([line as StreamMessage]),
  size: ({ row }) => row.requestBytes,
  protocol: ({ row }) => row.protocols,
  problems: ({ row }) => row.problems,
};

/** Returns the function that gets a field of an exchange. */
export function getOfExchange(name: Name): Get {
  const { condition, ofMessage, many } = name.field;
  if (ofMessage) return () => (many ? [] : null);
  if (condition === "query") return ({ row }) => (row.hasRequest ? queried(row.target, name.key) : []);
  const found = CONDITIONS[condition];
  if (found) return found;
  const [half, what] = condition.startsWith("request_")
    ? (["request", condition.slice(8)] as const)
    : condition.startsWith("response_")
      ? (["response", condition.slice(9)] as const)
      : ([null, condition] as const);
  const halves = half ? [half] : (["request", "response"] as const);
  const messages = ({ line }: Subject) => halves.map((each) => (line as Exchange)[each]).filter((each) => each !== null);
  if (what === "header") {
    const wanted = name.key?.toLowerCase();
    return (subject) =>
      messages(subject)
        .flatMap((message) => message.headers)
        .filter(([each]) => wanted === undefined || each.toLowerCase() === wanted)
        .map(([, value]) => value);
  }
  if (what === "body") return (subject) => messages(subject).flatMap((message) => textOf(message.body, charsetOf(message.headers)));
  if (what === "json") return (subject) => messages(subject).flatMap((message) => jsonOf(message.body, name.path));
  throw new Error(`there is no condition ${condition}`);
}

/** Returns the function that gets a field of a message. */
export function getOfMessage(name: Name, ofConnection: string[]): Get {
  const { condition, many } = name.field;
  if (condition === "json") return ({ line }) => jsonOf(line as StreamMessage, name.path);
  const own = OF_MESSAGE[condition];
  if (own) return own;
  const get = getOfExchange(name);
  if (ofConnection.includes(condition)) return get;
  return ({ opener }) => {
    if (opener === null || OF_LINE.has(condition)) return many ? [] : null;
    return get({ row: opener, line: null, opener: null });
  };
}

function queried(target: string, name: string | null): string[] {
  return parameters(target)
    .filter(([each]) => name === null || each === name)
    .map(([, value]) => value);
}

function textsOf(messages: StreamMessage[]): string[] {
  return messages.flatMap((message) => textOf(message, "utf-8"));
}

function charsetOf(fields: [string, string][]): string {
  const kind = fields.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  return /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(kind)?.[1]?.toLowerCase() ?? "utf-8";
}

export function textOf(content: Content, charset: string): string[] {
  if (content.text !== undefined && /^(utf-?8|us-ascii|ascii)$/.test(charset)) return [content.text];
  const bytes = bytesOfContent(content);
  if (!bytes.length) return [];
  return [decoded(bytes, charset)];
}

/** Decodes as Python does. To browsers, Latin-1 and ASCII are other names of windows-1252. */
function decoded(bytes: Uint8Array, charset: string): string {
  const name = charset.replace(/[-_]/g, "");
  if (["latin1", "iso88591", "l1"].includes(name)) return letters(bytes, 0x100);
  return ["ascii", "usascii"].includes(name) ? letters(bytes, 0x80) : decoderOf(charset).decode(bytes);
}

function letters(bytes: Uint8Array, end: number): string {
  let made = "";
  for (const byte of bytes) made += byte < end ? String.fromCharCode(byte) : "\ufffd";
  return made;
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset, { ignoreBOM: true });
  } catch {
    return new TextDecoder("utf-8", { ignoreBOM: true });
  }
}

/** The values that a path leads to in the JSON of a content that was kept whole. */
export function jsonOf(content: Content, path: Part[]): unknown[] {
  if (content.kept !== undefined || (content.text === undefined && content.base64 === undefined)) return [];
  let found: unknown[];
  try {
    found = [JSON.parse(content.text ?? new TextDecoder().decode(bytesOfContent(content)))];
  } catch {
    return [];
  }
  for (const part of path) found = found.flatMap((value) => step(value, part)).slice(0, VALUES_MAX);
  return found;
}

function step(value: unknown, part: Part): unknown[] {
  if (Array.isArray(value)) {
    if (part === EACH) return value;
    const at = typeof part === "number" ? part : /^[0-9]{1,9}$/.test(part) ? Number(part) : NaN;
    return at < value.length ? [value[at]] : [];
  }
  if (typeof value !== "object" || value === null) return [];
  if (part === EACH) return Object.values(value);
  return typeof part === "string" && Object.hasOwn(value, part) ? [(value as Record<string, unknown>)[part]] : [];
}

export function isOfExchange(line: Line): line is Exchange {
  return isExchange(line);
}
