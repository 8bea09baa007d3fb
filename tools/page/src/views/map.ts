// A map of who talks to whom. A process has one place whatever its ports; without processes, an address has one.

import { h, svg } from "../dom.ts";
import { quoted } from "../language/names.ts";
import type { Endpoint } from "../lines.ts";
import { isError, type Row } from "../rows.ts";
import { count, line, size } from "../text.ts";

// What fits on a screen: the busiest.
const PLACES_MAX = 60;
const WIDTH = 190;
const HEIGHT = 44;
const GAP = 34;
const TOP = 54; // room for an arrow from a place to itself
const COLUMN = 330;

interface Place {
  name: string;
  note: string;
  clause: string;
  weight: number;
  column: number;
  row: number;
}

interface Arrow {
  from: string;
  to: string;
  exchanges: number;
  errors: number;
  bytes: number;
}

export function map(rows: Row[], addFilter: (clause: string) => void): HTMLElement {
  const places = new Map<string, Place>();
  const arrows = new Map<string, Arrow>();
  for (const row of rows) {
    const from = placeOf(places, row.client, false, row);
    const to = placeOf(places, row.server, true, row);
    const key = `${from}\n${to}`;
    const arrow = arrows.get(key) ?? { from, to, exchanges: 0, errors: 0, bytes: 0 };
    arrows.set(key, arrow);
    arrow.exchanges += row.isMessage ? 0 : 1;
    arrow.errors += isError(row) ? 1 : 0;
    arrow.bytes += (row.requestBytes ?? 0) + (row.responseBytes ?? 0);
    places.get(from)!.weight++;
    places.get(to)!.weight++;
  }
  if (!places.size) return h("p", { class: "empty" }, "Nobody talks to anybody.");
  const shown = new Map([...places].sort(([, one], [, other]) => other.weight - one.weight).slice(0, PLACES_MAX));
  const drawn = [...arrows.values()].filter(({ from, to }) => shown.has(from) && shown.has(to));
  arrange(shown, drawn);
  const left = places.size - shown.size;
  return h(
    "div",
    { class: "map" },
    left ? h("p", { class: "note" }, `the busiest ${PLACES_MAX}; ${count(left, "more")} left out: narrow them with a filter`) : null,
    picture(shown, drawn, addFilter) as unknown as Node,
  );
}

function placeOf(places: Map<string, Place>, end: Endpoint, isServer: boolean, row: Row): string {
  const address = isServer && end.comm === undefined ? `${end.ip}:${end.port}` : end.ip;
  const key = end.comm === undefined ? address : `${end.comm}\n${end.container ?? ""}`;
  if (!places.has(key)) {
    const side = isServer ? "server" : "client";
    const clause = end.comm === undefined ? (isServer ? `server.ip == ${end.ip} and server.port == ${end.port}` : `ip == ${end.ip}`) : `process == ${quoted(end.comm)}`;
    const host = isServer && row.host && row.host !== end.ip ? row.host : "";
    places.set(key, { name: end.comm ?? address, note: end.comm === undefined ? host || side : end.container ? `container ${end.container.slice(0, 12)}` : address, clause, weight: 0, column: 0, row: 0 });
  }
  return key;
}

/** Puts each place to the right of those that call it, as far as there is no circle. */
function arrange(places: Map<string, Place>, arrows: Arrow[]): void {
  for (let round = 0; round < Math.min(places.size, 8); round++) {
    for (const { from, to } of arrows) {
      const [one, other] = [places.get(from)!, places.get(to)!];
      const isBack = arrows.some((back) => back.from === to && back.to === from && back.exchanges > 0);
      if (from !== to && !isBack) other.column = Math.max(other.column, Math.min(one.column + 1, 6));
    }
  }
  const filled: number[] = [];
  for (const place of places.values()) {
    place.row = filled[place.column] ?? 0;
    filled[place.column] = place.row + 1;
  }
}

function picture(places: Map<string, Place>, arrows: Arrow[], addFilter: (clause: string) => void): SVGElement {
  const columns = Math.max(...[...places.values()].map(({ column }) => column)) + 1;
  const most = Math.max(...[...places.values()].map(({ row }) => row)) + 1;
  const width = (columns - 1) * COLUMN + WIDTH + 80;
  const height = most * (HEIGHT + GAP) + TOP + 20;
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  const x = (place: Place): number => 20 + place.column * COLUMN;
  const y = (place: Place): number => TOP + place.row * (HEIGHT + GAP);
  const busiest = Math.max(1, ...arrows.map(({ exchanges }) => exchanges));
  for (const arrow of arrows) {
    const [from, to] = [places.get(arrow.from)!, places.get(arrow.to)!];
    const [left, right] = [x(from) + WIDTH, to.column > from.column ? x(to) : x(to) + WIDTH];
    const [start, end] = [y(from) + HEIGHT / 2, y(to) + HEIGHT / 2];
    const bend = to.column > from.column ? (right - left) / 2 : 60;
    const isLoop = from === to;
    const [edge, over] = [x(from) + WIDTH, y(from)];
    const loop = `M ${edge - 60} ${over} C ${edge - 60} ${over - 34}, ${edge - 16} ${over - 34}, ${edge - 16} ${over}`;
    const path = isLoop ? loop : `M ${left} ${start} C ${left + bend} ${start}, ${to.column > from.column ? right - bend : right + bend} ${end}, ${right} ${end}`;
    const words = `${count(arrow.exchanges, "exchange")}, ${size(arrow.bytes)}${arrow.errors ? `, ${count(arrow.errors, "error")}` : ""}`;
    const line = svg("path", { d: path, class: `arrow${arrow.errors > arrow.exchanges / 20 ? " bad" : ""}`, "stroke-width": (1 + (7 * Math.log1p(arrow.exchanges)) / Math.log1p(busiest)).toFixed(1) }, svg("title", {}, words));
    line.addEventListener("click", () => addFilter(joined(from.clause, to.clause)));
    const place = isLoop ? { x: edge - 38, y: over - 30 } : { x: (left + right) / 2 + (bend === 60 ? 50 : 0), y: (start + end) / 2 - 8 };
    const label = svg("text", { ...place, class: "label" }, arrow.exchanges.toLocaleString("en"));
    root.append(line, label);
  }
  for (const place of places.values()) {
    const box = svg("g", { class: "place", tabindex: 0, role: "button" }, svg("rect", { x: x(place), y: y(place), width: WIDTH, height: HEIGHT, rx: 6 }), svg("text", { x: x(place) + 12, y: y(place) + 19, class: "name" }, line(place.name, 22)), svg("text", { x: x(place) + 12, y: y(place) + 35, class: "side" }, line(place.note, 26)), svg("title", {}, line(`${place.name} ${place.note}`)));
    box.addEventListener("click", () => addFilter(place.clause));
    root.append(box);
  }
  return root;
}

function joined(one: string, other: string): string {
  return one === other ? one : `${one} and ${other}`;
}
