// The table of exchanges. It has elements for the rows on the screen alone, however many rows there are.

import { h } from "./dom.ts";
import { isError, type Row } from "./rows.ts";
import { clock, duration, line, size } from "./text.ts";

const ROW_PIXELS = 24;
// rows beyond the edges of the screen that have elements already
const MARGIN = 8;
export const PHASES = ["connect", "send", "wait", "receive"] as const;

export interface Column {
  name: string;
  title: string;
  key: (row: Row) => string | number;
  text: (row: Row) => string;
}

const COLUMNS: Column[] = [
  { name: "time", title: "when the request began", key: (row) => row.time ?? 0, text: (row) => clock(row.time) },
  { name: "method", title: "the method", key: (row) => row.method, text: (row) => row.method },
  { name: "where", title: "host and target", key: whereOf, text: whereOf },
  { name: "status", title: "the status of the response", key: (row) => row.status ?? -1, text: statusOf },
  { name: "type", title: "the type of the response", key: (row) => row.contentType, text: typeOf },
  { name: "size", title: "bytes of the response's body, as sent", key: (row) => row.responseBytes ?? -1, text: (row) => size(row.isMessage ? row.requestBytes : row.responseBytes) },
  { name: "took", title: "from the first byte of the request to the last of the response", key: (row) => row.timing.total ?? -1, text: (row) => duration(row.timing.total) },
  { name: "client", title: "the client: its process if it is known, else its address", key: clientOf, text: clientOf },
];

function whereOf(row: Row): string {
  if (row.isMessage) return `${row.protocols[0]} ${row.sender === "client" ? "→" : "←"} ${row.kind}`;
  if (row.call?.name) return row.call.name;
  if (!row.hasRequest) return "(the request was not seen)";
  return row.target.startsWith("/") ? (row.authority || `${row.server.ip}:${row.server.port}`) + row.target : row.target;
}

function statusOf(row: Row): string {
  if (row.call && row.call.status !== null) return row.call.statusName ?? String(row.call.status);
  return row.status === null ? (row.isMessage ? "" : "–") : row.status === 0 ? "?" : String(row.status);
}

function typeOf(row: Row): string {
  return row.contentType.replace(/^(application|text|image)\/(x-|vnd\.)?/, "");
}

function clientOf(row: Row): string {
  return row.client.comm ?? row.client.ip;
}

interface Slot {
  element: HTMLElement;
  cells: HTMLElement[];
  bars: HTMLElement[];
  waterfall: HTMLElement;
  row: Row | null;
}

export class Table {
  readonly element: HTMLElement;
  rows: Row[] = [];
  selected: Row | null = null;
  follows = true;
  sort: { column: Column; down: boolean } | null = null;
  private readonly scroller = h("div", { class: "rows", tabindex: "0", role: "grid", "aria-label": "exchanges" });
  private readonly space = h("div", { class: "space" });
  private readonly head = h("div", { class: "row head", role: "row" });
  private readonly scale = h("span", { class: "scale" });
  private readonly empty = h("div", { class: "empty" });
  private slots: Slot[] = [];
  private isDue = false;

  constructor(
    private readonly choose: (row: Row, event: MouseEvent | null) => void,
    private readonly sorted: () => void,
  ) {
    for (const column of COLUMNS) {
      const cell = h("button", { type: "button", class: `cell ${column.name}`, title: `${column.title}; click: sort` }, column.name);
      cell.addEventListener("click", () => this.sortBy(column));
      this.head.append(cell);
    }
    this.head.append(h("span", { class: "cell waterfall" }, h("span", { class: "label" }, "waterfall"), this.scale));
    this.scroller.append(this.space);
    this.scroller.addEventListener("scroll", () => {
      this.follows = this.scroller.scrollTop + this.scroller.clientHeight >= this.space.offsetHeight - ROW_PIXELS;
      this.render();
    });
    this.scroller.addEventListener("click", (event) => {
      const found = (event.target as Element).closest<HTMLElement>(".row");
      const slot = this.slots.find(({ element }) => element === found);
      if (slot?.row) this.choose(slot.row, event);
    });
    new ResizeObserver(() => this.render()).observe(this.scroller);
    this.element = h("div", { class: "table" }, this.head, this.scroller, this.empty);
  }

  focus(): void {
    this.scroller.focus({ preventScroll: true });
  }

  show(rows: Row[], words: string): void {
    this.rows = rows;
    this.empty.textContent = rows.length ? "" : words;
    this.render();
  }

  private sortBy(column: Column): void {
    if (this.sort?.column !== column) this.sort = { column, down: false };
    else this.sort = this.sort.down ? null : { column, down: true };
    for (const cell of this.head.children) {
      const isThis = this.sort?.column.name === cell.classList[1];
      cell.classList.toggle("up", isThis && this.sort?.down === false);
      cell.classList.toggle("down", isThis && this.sort?.down === true);
    }
    this.sorted();
  }

  /** Puts rows into the chosen order. */
  order(rows: Row[]): Row[] {
    if (!this.sort) return rows;
    const { column, down } = this.sort;
    const sign = down ? -1 : 1;
    const keyed = rows.map((row) => [column.key(row), row] as const);
    keyed.sort(([one, first], [other, second]) => (one < other ? -sign : one > other ? sign : first.seq - second.seq));
    return keyed.map(([, row]) => row);
  }

  scrollTo(row: Row): void {
    const at = this.rows.indexOf(row);
    if (at < 0) return;
    const top = at * ROW_PIXELS;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_PIXELS > scrollTop + clientHeight) this.scroller.scrollTop = top + ROW_PIXELS - clientHeight;
    this.render();
  }

  /** Keeps the rows on the screen at their place when some above them have gone. */
  dropped(count: number): void {
    if (!this.follows && count) this.scroller.scrollTop -= count * ROW_PIXELS;
  }

  /** Draws before the next frame, however often it is called. */
  render(): void {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  private draw(): void {
    const { scroller, rows } = this;
    this.space.style.height = `${rows.length * ROW_PIXELS}px`;
    if (this.follows && !this.sort) scroller.scrollTop = rows.length * ROW_PIXELS;
    const height = scroller.clientHeight;
    const top = scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW_PIXELS) - MARGIN);
    const last = Math.min(rows.length, Math.ceil((top + height) / ROW_PIXELS) + MARGIN);
    while (this.slots.length < last - first) this.addSlot();
    const [start, end] = this.span(rows, Math.floor(top / ROW_PIXELS), Math.ceil((top + height) / ROW_PIXELS));
    this.scale.textContent = end > start ? duration((end - start) / 1000) : "";
    this.slots.forEach((slot, number) => {
      const row = rows[first + number];
      slot.element.hidden = first + number >= last || row === undefined;
      if (slot.element.hidden || !row) {
        slot.row = null;
        return;
      }
      this.fill(slot, row, first + number, start, end);
    });
  }

  /** The time from the first to the last of the rows that are seen. */
  private span(rows: Row[], first: number, last: number): [start: number, end: number] {
    let start = Infinity;
    let end = -Infinity;
    for (let at = Math.max(0, first); at < Math.min(last, rows.length); at++) {
      const { time, timing } = rows[at]!;
      if (time === null) continue;
      start = Math.min(start, time - (timing.connect ?? 0) * 1000);
      end = Math.max(end, time + (timing.total ?? 0) * 1000);
    }
    return end >= start ? [start, Math.max(end, start + 0.001)] : [0, 0];
  }

  private addSlot(): void {
    const cells = COLUMNS.map((column) => h("span", { class: `cell ${column.name}` }));
    const bars = PHASES.map((phase) => h("i", { class: phase }));
    const waterfall = h("span", { class: "cell waterfall" }, ...bars);
    const element = h("div", { class: "row", role: "row" }, ...cells, waterfall);
    this.space.append(element);
    this.slots.push({ element, cells, bars, waterfall, row: null });
  }

  private fill(slot: Slot, row: Row, at: number, start: number, end: number): void {
    const { element, cells } = slot;
    if (slot.row !== row) {
      COLUMNS.forEach((column, number) => {
        const text = line(column.text(row), 400);
        if (column.name !== "where") cells[number]!.textContent = text;
        else fillWhere(cells[number]!, row, text);
      });
      cells[3]!.title = row.problems.join(", ");
      slot.row = row;
    }
    element.style.top = `${at * ROW_PIXELS}px`;
    const status = row.call && row.call.status !== null ? (row.call.status ? 500 : 200) : (row.status ?? 0);
    element.className = `row s${Math.floor(status / 100)}${row === this.selected ? " selected" : ""}${row.pinned ? " pinned" : ""}${row.problems.length ? " problem" : ""}${isError(row) ? " error" : ""}${at % 2 ? " odd" : ""}`;
    const scale = end > start ? 100 / (end - start) : 0;
    const { timing } = row;
    let left = ((row.time ?? start) - (timing.connect ?? 0) * 1000 - start) * scale;
    PHASES.forEach((phase, number) => {
      const bar = slot.bars[number]!;
      const width = row.time === null ? 0 : (timing[phase] ?? 0) * 1000 * scale;
      bar.style.left = `${left.toFixed(2)}%`;
      bar.style.width = `${width.toFixed(2)}%`;
      bar.hidden = timing[phase] === undefined;
      left += width;
    });
  }
}

/** The host is dim, because most rows have the same: what differs is the target. */
function fillWhere(cell: HTMLElement, row: Row, text: string): void {
  cell.title = text;
  const host = row.isMessage || row.call?.name ? "" : line(row.authority, 200);
  if (!host || !text.startsWith(host)) cell.textContent = text;
  else cell.replaceChildren(h("span", { class: "host" }, host), text.slice(host.length));
}

export { clientOf, statusOf, whereOf };
