// Numbers of the exchanges that are shown: over time, by status, by duration, by route.

import { h, svg } from "../dom.ts";
import { isError, type Row } from "../rows.ts";
import { clock, count, duration, line, size } from "../text.ts";
import { routeOf } from "./routes.ts";

const BUCKETS = 60;
const ROUTES_MAX = 200;
const CLASSES = ["1", "2", "3", "4", "5", "?"] as const;

export function statistics(rows: Row[], addFilter: (clause: string) => void): HTMLElement {
  const exchanges = rows.filter((row) => !row.isMessage);
  if (!exchanges.length) return h("p", { class: "empty" }, "No exchanges to count.");
  const durations = exchanges.flatMap(({ timing }) => (timing.total === undefined ? [] : [timing.total])).sort((one, other) => one - other);
  const errors = exchanges.filter(isError).length;
  const bytes = exchanges.reduce((sum, row) => sum + (row.requestBytes ?? 0) + (row.responseBytes ?? 0), 0);
  const times = exchanges.flatMap(({ time }) => (time === null ? [] : [time]));
  const [start, end] = times.reduce(([low, high], time) => [Math.min(low, time), Math.max(high, time)], [Infinity, -Infinity]);
  const seconds = (end - start) / 1000;
  const numbers = h(
    "dl",
    { class: "numbers" },
    ...number("exchanges", exchanges.length.toLocaleString("en")),
    ...number("with an error or a problem", `${errors.toLocaleString("en")} (${percent(errors, exchanges.length)})`),
    ...number("a second", seconds > 0 ? (exchanges.length / seconds).toFixed(1) : "–"),
    ...number("content", size(bytes)),
    ...number("half took less than", duration(quantile(durations, 0.5)) || "–"),
    ...number("95 % took less than", duration(quantile(durations, 0.95)) || "–"),
    ...number("99 % took less than", duration(quantile(durations, 0.99)) || "–"),
  );
  return h(
    "div",
    { class: "statistics" },
    numbers,
    h("section", {}, h("h3", {}, "over time, by status"), overTime(exchanges, start, end), legend(exchanges, addFilter)),
    h("section", {}, h("h3", {}, "how long they took"), histogram(durations)),
    h("section", { class: "wide" }, h("h3", {}, "by route"), byRoute(exchanges, addFilter)),
  );
}

function number(name: string, value: string): HTMLElement[] {
  return [h("div", {}, h("dt", {}, name), h("dd", {}, value))];
}

function percent(part: number, whole: number): string {
  return whole ? `${((100 * part) / whole).toFixed(part && part / whole < 0.01 ? 2 : 1)} %` : "–";
}

export function quantile(sorted: number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function classOf(row: Row): number {
  const at = Math.floor((row.status ?? 0) / 100) - 1;
  return at >= 0 && at < 5 ? at : 5;
}

function overTime(rows: Row[], start: number, end: number): Element {
  if (!(end > start)) return h("p", { class: "note" }, "They began at one time, or it is not known when.");
  const counts = Array.from({ length: BUCKETS }, () => CLASSES.map(() => 0));
  for (const row of rows) {
    if (row.time === null) continue;
    const bucket = counts[Math.min(BUCKETS - 1, Math.floor(((row.time - start) / (end - start)) * BUCKETS))]!;
    bucket[classOf(row)]!++;
  }
  const most = Math.max(...counts.map((bucket) => bucket.reduce((sum, each) => sum + each, 0)));
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${BUCKETS * 10} 100`, preserveAspectRatio: "none", role: "img" });
  counts.forEach((bucket, at) => {
    let top = 100;
    bucket.forEach((each, kind) => {
      const height = (95 * each) / most;
      top -= height;
      if (each) chart.append(svg("rect", { x: at * 10 + 1, y: top, width: 8, height, class: `c${CLASSES[kind]}` }));
    });
  });
  const step = duration((end - start) / 1000 / BUCKETS);
  return h("figure", {}, chart as unknown as Node, h("figcaption", { class: "note" }, h("span", {}, clock(start)), h("span", {}, `at most ${most.toLocaleString("en")} in ${step}`), h("span", {}, clock(end))));
}

function legend(rows: Row[], addFilter: (clause: string) => void): HTMLElement {
  const counts = CLASSES.map(() => 0);
  for (const row of rows) counts[classOf(row)]!++;
  const names = CLASSES.map((name) => (name === "?" ? "no response" : `${name}xx`));
  const items = counts.flatMap((each, at) => {
    if (!each) return [];
    const item = h("button", { type: "button", class: "value" }, h("i", { class: `c${CLASSES[at]}` }), `${names[at]}: ${each.toLocaleString("en")} (${percent(each, rows.length)})`);
    item.addEventListener("click", () => addFilter(at === 5 ? "not response" : `status == ${names[at]}`));
    return [item];
  });
  return h("div", { class: "legend" }, ...items);
}

function histogram(durations: number[]): Element {
  if (!durations.length) return h("p", { class: "note" }, "No duration is known.");
  const low = Math.floor(Math.log10(Math.max(1e-6, durations[0]!)) * 4);
  const high = Math.floor(Math.log10(Math.max(1e-6, durations[durations.length - 1]!)) * 4);
  const counts = Array.from({ length: high - low + 1 }, () => 0);
  for (const each of durations) counts[Math.floor(Math.log10(Math.max(1e-6, each)) * 4) - low]!++;
  const most = Math.max(...counts);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${counts.length * 10} 100`, preserveAspectRatio: "none", role: "img" });
  counts.forEach((each, at) => {
    const height = (95 * each) / most;
    const title = svg("title", {}, `${duration(10 ** ((low + at) / 4))} to ${duration(10 ** ((low + at + 1) / 4))}: ${count(each, "exchange")}`);
    chart.append(svg("rect", { x: at * 10 + 1, y: 100 - height, width: 8, height, class: "c2" }, title));
  });
  const ends = [low, (low + high + 1) / 2, high + 1].map((at) => h("span", {}, duration(10 ** (at / 4))));
  return h("figure", {}, chart as unknown as Node, h("figcaption", { class: "note" }, ...ends));
}

function byRoute(rows: Row[], addFilter: (clause: string) => void): HTMLElement {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const route = routeOf(row);
    const group = groups.get(route);
    if (group) group.push(row);
    else groups.set(route, [row]);
  }
  const most = Math.max(...[...groups.values()].map((group) => group.length));
  const table = h("table", { class: "list" }, h("tr", {}, ...["route", "exchanges", "", "errors", "half", "95 %", "content"].map((name) => h("th", {}, name))));
  const sorted = [...groups].sort(([, one], [, other]) => other.length - one.length);
  for (const [route, group] of sorted.slice(0, ROUTES_MAX)) {
    const durations = group.flatMap(({ timing }) => (timing.total === undefined ? [] : [timing.total])).sort((one, other) => one - other);
    const errors = group.filter(isError).length;
    const bar = h("i", { class: "share" });
    bar.style.width = `${(100 * group.length) / most}%`;
    const name = h("button", { type: "button", class: "value", title: "click: filter by this route" }, line(route, 200));
    name.addEventListener("click", () => addFilter(clauseOf(route, group[0]!)));
    const cells = [group.length.toLocaleString("en"), bar, errors ? errors.toLocaleString("en") : "", duration(quantile(durations, 0.5)), duration(quantile(durations, 0.95)), size(group.reduce((sum, row) => sum + (row.responseBytes ?? 0), 0))];
    table.append(h("tr", {}, h("td", {}, name), ...cells.map((cell, at) => h("td", { class: at === 1 ? "bar" : at === 2 && errors ? "number bad" : "number" }, cell))));
  }
  if (sorted.length > ROUTES_MAX) table.append(h("tr", {}, h("td", { class: "note" }, `and ${count(sorted.length - ROUTES_MAX, "more route")}`)));
  return table;
}

function clauseOf(route: string, row: Row): string {
  if (row.call?.name) return `grpc == ${JSON.stringify(row.call.name)}`;
  if (!row.hasRequest) return "not request";
  const path = route.slice(route.indexOf(" ") + 1).replace(/[\\^$.*+?()[\]|]/g, "\\$&").replace(/\{(uuid|id|hash)\}/g, "[^/]+");
  return `method == "${row.method}" and path ~ ${JSON.stringify(`^${path}$`).replaceAll("\\\\", "\\")}`;
}
