// Two exchanges beside each other: what differs.

import { h } from "../dom.ts";
import type { Exchange, Field, Line, Request, Response } from "../lines.ts";
import { isExchange } from "../lines.ts";
import { duration, line, size } from "../text.ts";

const VALUES_MAX = 2000;

type Values = Map<string, string>;

export function compare(one: Line | null, other: Line | null): HTMLElement {
  if (!one || !other || !isExchange(one) || !isExchange(other)) {
    return h("p", { class: "empty" }, "Two exchanges are compared: choose one, press c, choose another, press c again.");
  }
  const [first, second] = [valuesOf(one), valuesOf(other)];
  const names = [...new Set([...first.keys(), ...second.keys()])];
  const table = h("table", { class: "list compare" }, h("tr", {}, h("th", {}, ""), h("th", {}, `exchange ${one.id}`), h("th", {}, `exchange ${other.id}`)));
  let same = 0;
  for (const name of names) {
    const [left, right] = [first.get(name), second.get(name)];
    const differs = left !== right;
    same += differs ? 0 : 1;
    table.append(h("tr", { class: differs ? "differs" : "same" }, h("th", {}, line(name, 120)), h("td", {}, left === undefined ? "–" : line(left)), h("td", {}, right === undefined ? "–" : line(right))));
  }
  const all = h("input", { type: "checkbox", id: "all" });
  all.addEventListener("change", () => table.classList.toggle("all", all.checked));
  const note = same === names.length ? "Nothing differs." : `${names.length - same} of ${names.length} values differ.`;
  return h("div", { class: "sheet" }, h("p", { class: "note" }, note, " ", all, h("label", { for: "all" }, " show what is equal too")), table);
}

function valuesOf(exchange: Exchange): Values {
  const { request, response, timing } = exchange;
  const made: Values = new Map();
  const add = (name: string, value: string | number | null | undefined): void => {
    if (value !== null && value !== undefined && value !== "") made.set(name, String(value));
  };
  add("method", request?.method);
  add("target", request?.target);
  add("status", response?.status);
  add("problems", exchange.problems.join(", "));
  add("client", `${exchange.client.comm ?? ""} ${exchange.client.ip}`.trim());
  add("server", `${exchange.server.comm ?? ""} ${exchange.server.ip}:${exchange.server.port}`.trim());
  for (const name of ["connect", "send", "wait", "receive", "total"] as const) add(name === "total" ? "took" : name, duration(timing[name]));
  add("request size", request ? size(request.body.wire_len) : null);
  add("response size", response ? size(response.body.wire_len) : null);
  for (const [name, half] of [["request", request], ["response", response]] as const) if (half) ofHalf(made, name, half);
  return made;
}

function ofHalf(made: Values, name: string, half: Request | Response): void {
  for (const [key, values] of grouped(half.headers)) made.set(`${name}.header.${key}`, values.join(", "));
  const { text, base64 } = half.body;
  if (text === undefined) {
    if (base64 !== undefined) made.set(`${name} content`, base64);
    return;
  }
  try {
    const value: unknown = JSON.parse(text);
    flatten(made, `${name}.json`, value);
  } catch {
    if (text) made.set(`${name} content`, text);
  }
}

function grouped(fields: Field[]): Map<string, string[]> {
  const made = new Map<string, string[]>();
  for (const [name, value] of fields) made.set(name.toLowerCase(), [...(made.get(name.toLowerCase()) ?? []), value]);
  return made;
}

function flatten(made: Values, path: string, value: unknown): void {
  if (made.size >= VALUES_MAX) return;
  if (Array.isArray(value) && value.length) value.forEach((each, at) => flatten(made, `${path}[${at}]`, each));
  else if (typeof value === "object" && value !== null && Object.keys(value).length) {
    for (const [name, each] of Object.entries(value)) flatten(made, `${path}.${name}`, each);
  } else made.set(path, JSON.stringify(value));
}
