// The JSON lines of sockfilter, as docs/json.md describes them. What is not known is absent or null.

export interface Endpoint {
  ip: string;
  port: number;
  pid?: number;
  comm?: string;
  exe?: string;
  cmdline?: string[];
  uid?: number;
  container?: string;
  pod?: string;
}

export interface Content {
  wire_len: number;
  len?: number;
  text?: string;
  base64?: string;
  kept?: number;
}

export type Field = [name: string, value: string];

interface Half {
  version: string | null;
  headers: Field[];
  body: Content;
  raw?: string;
  trailers?: Field[];
  headers_lost?: { at: number; name?: string; value?: string }[];
}

export interface Request extends Half {
  method: string | null;
  target: string | null;
  authority?: string | null;
  scheme?: string | null;
}

export interface Response extends Half {
  status: number | null;
  reason: string;
}

export interface Timing {
  connect?: number;
  send?: number;
  wait?: number;
  receive?: number;
  total?: number;
  queued?: number;
  think?: number;
  accept?: number;
}

export interface TcpEnd {
  rtt?: number;
  rtt_min?: number;
  cwnd?: number;
  retransmitted?: number;
  retransmitted_bytes?: number;
}

/** What the kernel's TCP knows of an exchange. */
export interface Tcp {
  client?: TcpEnd;
  server?: TcpEnd;
  drops?: { bytes: number; from: string; reason: string | null; place: string; interface: string | null; again_after: number | null }[];
}

/** An interface that an exchange crossed. */
export interface Step {
  interface: string;
  time?: string;
  client: Endpoint;
  server: Endpoint;
}

export interface CallMessage extends Content {
  compressed: boolean;
  time?: number;
  decoded?: unknown;
}

export interface CallSide {
  count?: number;
  messages: CallMessage[];
}

export interface Call {
  service: string | null;
  method: string | null;
  status: number | null;
  status_name: string | null;
  message: string | null;
  web: boolean;
  request: CallSide;
  response: CallSide;
}

export interface Tls {
  [name: string]: string | number | boolean | null;
}

export interface Exchange {
  kind: "exchange";
  id: number;
  time: string | null;
  interface: string;
  connection: number;
  conn_seq: number;
  stream?: number;
  client: Endpoint;
  server: Endpoint;
  request: Request | null;
  response: Response | null;
  informational: { status: number }[];
  timing: Timing;
  complete: boolean;
  problems: string[];
  retransmissions?: number;
  pushed?: boolean;
  reset?: { code: number; name: string | null; by: string };
  tls?: Tls;
  grpc?: Call;
  tcp?: Tcp;
  culprit?: { word: string; evidence: string };
  path?: Step[];
  parent?: { id: number; why: string };
}

export interface StreamMessage extends Content {
  kind: string; // "message", or that of a protocol whose members are flat
  protocol: string;
  exchange: number | null;
  time: string | null;
  interface: string;
  connection: number;
  client: Endpoint;
  server: Endpoint;
  from: string;
  type?: string;
  frames?: number;
  compressed?: boolean;
  event_id?: string;
  channel?: number;
  fields?: Record<string, unknown>;
  close?: { code: number | null; reason: string | null };
  problems: string[];
}

export type Line = Exchange | StreamMessage;

export function isExchange(line: Line): line is Exchange {
  return line.kind === "exchange";
}
