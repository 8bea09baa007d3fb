// The connections of the exchanges that are shown, the last ones first.

import { h } from "../dom.ts";
import type { Endpoint } from "../lines.ts";
import { isError, type Row } from "../rows.ts";
import { clock, count, duration, line, size } from "../text.ts";

const CONNECTIONS_MAX = 1000;

interface Connection {
  first: Row;
  last: Row;
  exchanges: number;
  messages: number;
  errors: number;
  up: number;
  down: number;
}

export function connections(rows: Row[], addFilter: (clause: string) => void): HTMLElement {
  const found = new Map<number, Connection>();
  for (const row of rows) {
    let connection = found.get(row.connection);
    if (!connection) {
      connection = { first: row, last: row, exchanges: 0, messages: 0, errors: 0, up: 0, down: 0 };
      found.set(row.connection, connection);
    }
    connection.last = row;
    if (row.isMessage) connection.messages++;
    else connection.exchanges++;
    connection.errors += isError(row) ? 1 : 0;
    const isUp = !row.isMessage || row.sender === "client";
    connection.up += isUp ? (row.requestBytes ?? 0) : 0;
    connection.down += isUp ? (row.responseBytes ?? 0) : (row.requestBytes ?? 0);
  }
  if (!found.size) return h("p", { class: "empty" }, "No connections.");
  const names = ["connection", "client", "server", "protocol", "exchanges", "errors", "up", "down", "first", "lasted"];
  const table = h("table", { class: "list" }, h("tr", {}, ...names.map((name) => h("th", {}, name))));
  for (const [number, connection] of [...found].reverse().slice(0, CONNECTIONS_MAX)) {
    const { first, last, errors } = connection;
    const button = h("button", { type: "button", class: "value", title: "click: filter by this connection" }, String(number));
    button.addEventListener("click", () => addFilter(`connection == ${number}`));
    const lasted = first.time === null || last.time === null ? "" : duration((last.time - first.time) / 1000 + (last.timing.total ?? 0));
    const counted = connection.messages ? `${connection.exchanges} + ${count(connection.messages, "message")}` : String(connection.exchanges);
    const protocols = [...first.protocols.filter((name) => name !== "http"), ...(first.isSecure ? ["TLS"] : [])].join(", ");
    const cells = [end(first.client), end(first.server), protocols, counted, errors ? String(errors) : "", size(connection.up), size(connection.down), clock(first.time), lasted];
    table.append(h("tr", {}, h("td", {}, button), ...cells.map((cell, at) => h("td", { class: at < 3 ? "" : at === 4 && errors ? "number bad" : "number" }, cell))));
  }
  const more = found.size > CONNECTIONS_MAX ? h("p", { class: "note" }, `the last ${CONNECTIONS_MAX} of ${count(found.size, "connection")}`) : null;
  return h("div", { class: "sheet" }, more, table);
}

function end({ ip, port, comm, pid }: Endpoint): string {
  const process = comm === undefined ? "" : `  ${comm}[${pid}]`;
  return line(`${ip.includes(":") ? `[${ip}]` : ip}:${port}${process}`);
}
