// The page: joins the store, the filter, the table, the details and the other views.

import type { About } from "./about.ts";
import { Details } from "./details.ts";
import { button, download, h } from "./dom.ts";
import { FilterBox } from "./filterbox.ts";
import { asHar } from "./forms/har.ts";
import type { Filter } from "./language/evaluate.ts";
import type { FieldDescription } from "./language/description.ts";
import { getOfExchange, OF_LINE } from "./language/values_of.ts";
import type { Exchange, Line } from "./lines.ts";
import { isExchange } from "./lines.ts";
import { isError, type Row } from "./rows.ts";
import { Store } from "./store.ts";
import { Table } from "./table.ts";
import { count, shown } from "./text.ts";
import { compare } from "./views/compare.ts";
import { connections } from "./views/connections.ts";
import { help } from "./views/help.ts";
import { map } from "./views/map.ts";
import { statistics } from "./views/statistics.ts";

const VIEWS = ["exchanges", "connections", "statistics", "map", "compare"] as const;
type View = (typeof VIEWS)[number];
// Milliseconds between two drawings of a view that is not the table.
const VIEW_MS = 1000;
// Rows whose values are suggested.
const SEEN_ROWS = 2000;
// Exchanges of one HTTP archive: as text they are in memory at once.
const HAR_MAX = 10_000;

export class App {
  readonly store: Store;
  readonly table: Table;
  readonly filterBox: FilterBox;
  readonly details: Details;
  private readonly counts = h("span", { class: "counts", role: "status" });
  private readonly notice = h("span", { class: "notice" });
  private readonly toast = h("span", { class: "toast", role: "alert" });
  private readonly sheet = h("main", { class: "view", hidden: true });
  private readonly pauseButton: HTMLButtonElement;
  private readonly tabs = new Map<View, HTMLButtonElement>();
  private filter: Filter | null = null;
  private rows: Row[] = []; // those that are shown, in the order of their lines
  private pinned: Row[] = [];
  private compared: [Row | null, Row | null] = [null, null];
  private view: View = "exchanges";
  private isPaused = false;
  private late = 0; // lines that came since the pause
  private run = 0; // the number of the filtering that is under way
  private isFiltering = false;
  private showsMessages = false;
  private version = 0;
  private drawnAt = 0;
  private drawnRows = 0;
  private drawTimer = 0;
  private wanted: number | null = null; // the exchange of the address, until it comes

  constructor(readonly about: About) {
    this.store = new Store(about.linesMax);
    this.table = new Table(
      (row) => this.select(row),
      () => this.order(),
    );
    this.filterBox = new FilterBox(about.language, (field) => this.seen(field), (filter) => this.use(filter));
    this.details = new Details(
      {
        about,
        addFilter: (clause) => this.filterBox.add(clause),
        messagesOf: (row) => this.store.messagesOf(row.id),
        lineOf: (row) => this.store.line(row),
        said: (words) => this.said(words),
        moved: () => this.address(),
      },
      () => this.select(null),
    );
    this.pauseButton = button("pause", "pause, and go on (Space)", () => this.pause());
    document.body.append(this.header(), h("div", { class: "panes" }, this.table.element, this.sheet, this.details.element), h("footer", {}, this.counts, this.notice, this.toast));
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  private header(): HTMLElement {
    const { about } = this;
    const views = h("nav", { "aria-label": "views" });
    VIEWS.forEach((name, at) => {
      const tab = button(name, at < 4 ? `${name} (${at + 1})` : "two exchanges beside each other (c)", () => this.open(name));
      this.tabs.set(name, tab);
      views.append(tab);
    });
    const filters = about.filters.length ? `, only ${about.filters.join(" and ")}` : "";
    return h(
      "header",
      { class: "top" },
      h("strong", { title: `sockfilter ${about.version}` }, "sockfilter"),
      h("span", { class: "source", title: shown(about.source + filters) }, shown(about.source + filters)),
      this.filterBox.element,
      views,
      h(
        "span",
        { class: "actions" },
        about.isFile ? null : this.pauseButton,
        button("clear", "clear what is shown, except for what is pinned (x)", () => this.clear()),
        button("HAR", "save what is shown as an HTTP archive", () => void this.saveHar()),
        button("◐", "light or dark (t)", () => this.turnTheme()),
        button("?", "keys, and examples of filters (?)", () => this.help()),
      ),
    );
  }

  /** Takes lines that have been added to the store. */
  take(lines: Line[]): void {
    const start = this.store.end - lines.length;
    if (this.store.version !== this.version) this.dropForgotten();
    lines.forEach((line, at) => {
      const row = this.store.row(start + at);
      if (!row || (this.wanted !== null && row.id === this.wanted && !row.isMessage && this.found(row))) return;
      if (this.isPaused) this.late++;
      else if (this.isListed(row) && this.matches(row, line)) this.rows.push(row);
    });
    this.update();
  }

  private found(row: Row): boolean {
    this.wanted = null;
    setTimeout(() => this.select(row));
    return false;
  }

  private matches(row: Row, line: Line | null): boolean {
    return this.filter === null || this.filter.matches({ row, line, opener: row.isMessage ? this.store.exchange(row.id) : null });
  }

  /** Whether a row may have a place in the table: messages of a known exchange are among its details. */
  private isListed(row: Row): boolean {
    return !row.isMessage || this.showsMessages || row.id === null || this.store.exchange(row.id) === null;
  }

  private dropForgotten(): void {
    this.version = this.store.version;
    const first = this.store.rows[0]?.seq ?? this.store.end;
    const before = this.rows.length;
    this.rows = this.rows.filter((row) => row.seq >= first || row.pinned);
    this.table.dropped(before - this.rows.length);
  }

  private use(filter: Filter | null): void {
    this.filter = filter;
    this.table.follows = !this.about.isFile && this.table.follows;
    void this.refilter();
    this.address();
  }

  /** Chooses the rows that the filter selects. If it reads content, that takes some time, and the newest come first. */
  private async refilter(): Promise<void> {
    const run = ++this.run;
    const { filter, store } = this;
    const listed = [...this.pinned.filter((row) => !store.row(row.seq)), ...store.rows.filter((row) => this.isListed(row))];
    this.isFiltering = false;
    if (!filter?.needsLine) {
      this.rows = listed.filter((row) => this.matches(row, null));
      this.update();
      return;
    }
    const end = store.end;
    const scanned: Row[][] = [];
    const fresh: Row[] = (this.rows = []); // take() adds what comes meanwhile
    let drawn = performance.now();
    this.isFiltering = true;
    await store.each(async (first, lines) => {
      if (run !== this.run) return false;
      const found: Row[] = [];
      lines.forEach((text, at) => {
        const row = first + at < end ? store.row(first + at) : undefined;
        if (row && this.isListed(row) && this.matches(row, JSON.parse(text) as Line)) found.push(row);
      });
      scanned.push(found);
      if (performance.now() - drawn > 100) {
        await new Promise((resolve) => setTimeout(resolve)); // lets the browser draw and take keys
        if (run !== this.run) return false;
        this.table.show(this.table.order([...[...scanned].reverse().flat(), ...fresh]), "");
        drawn = performance.now();
      }
      return true;
    });
    if (run !== this.run) return;
    this.isFiltering = false;
    this.rows = [...scanned.reverse().flat(), ...this.rows];
    this.update();
  }

  /** Draws what has changed. */
  update(): void {
    if (!this.isFiltering) this.table.show(this.table.sort ? this.order(true) : this.rows, this.emptyWords());
    const { store } = this;
    const words = [count(store.count, "line")];
    if (this.filter || this.rows.length !== store.count) words.push(`${this.rows.length.toLocaleString("en")} shown`);
    if (store.forgotten) words.push(`${store.forgotten.toLocaleString("en")} older ones forgotten: at most ${this.about.linesMax.toLocaleString("en")} are kept`);
    if (this.isPaused) words.push(`paused, ${this.late.toLocaleString("en")} more have come`);
    this.counts.textContent = words.join(" · ");
    if (this.view !== "exchanges") this.drawLater();
  }

  private emptyWords(): string {
    if (this.rows.length) return "";
    if (this.filter) return "Nothing that was captured meets the filter.";
    return this.about.isFile ? "The capture has no exchanges." : "Waiting for the first exchange.";
  }

  private order(isQuiet = false): Row[] {
    const rows = this.table.order(this.rows);
    if (!isQuiet) this.table.show(rows, this.emptyWords());
    return rows;
  }

  private drawLater(): void {
    if (this.drawTimer) return;
    this.drawTimer = window.setTimeout(
      () => {
        this.drawTimer = 0;
        this.draw();
      },
      this.drawnRows ? Math.max(0, this.drawnAt + VIEW_MS - performance.now()) : 0,
    );
  }

  private draw(): void {
    this.drawnAt = performance.now();
    this.drawnRows = this.rows.length;
    const add = (clause: string): void => {
      this.filterBox.add(clause);
      this.said(`filter: ${this.filterBox.text}`);
    };
    const { rows } = this;
    if (this.view === "connections") this.sheet.replaceChildren(connections(rows, add));
    else if (this.view === "statistics") this.sheet.replaceChildren(statistics(rows, add));
    else if (this.view === "map") this.sheet.replaceChildren(map(rows, add));
    else if (this.view === "compare") void this.drawComparison();
  }

  private async drawComparison(): Promise<void> {
    const [one, other] = this.compared;
    const lines = await Promise.all([one, other].map((row) => (row ? this.store.line(row) : null)));
    this.sheet.replaceChildren(compare(lines[0] ?? null, lines[1] ?? null));
  }

  open(view: View): void {
    this.view = view;
    this.table.element.hidden = view !== "exchanges";
    this.sheet.hidden = view === "exchanges";
    for (const [name, tab] of this.tabs) tab.classList.toggle("on", name === view);
    if (view === "exchanges") this.table.render();
    else this.draw();
    this.address();
  }

  select(row: Row | null): void {
    this.table.selected = row;
    if (row) {
      void this.details.show(row);
      this.table.scrollTo(row);
    } else {
      this.details.hide();
      if (this.view === "exchanges" && document.activeElement !== this.filterBox.input) this.table.focus();
    }
    this.table.render();
    this.address();
  }

  private move(by: number, isWanted: (row: Row) => boolean = () => true): void {
    const { rows, selected } = this.table;
    let at = selected ? rows.indexOf(selected) : by > 0 ? -1 : rows.length;
    do at += by;
    while (rows[at] && !isWanted(rows[at]!));
    const row = rows[at];
    if (row) {
      this.table.follows = false;
      this.select(row);
    } else if (!selected && rows.length) this.said("there is none");
  }

  private pause(): void {
    this.isPaused = !this.isPaused;
    this.pauseButton.textContent = this.isPaused ? "go on" : "pause";
    this.pauseButton.classList.toggle("on", this.isPaused);
    this.late = 0;
    if (!this.isPaused) void this.refilter();
    else this.update();
  }

  private clear(): void {
    this.store.clear();
    this.version = this.store.version;
    void this.refilter();
  }

  private pin(): void {
    const row = this.table.selected;
    if (!row) return this.said("choose an exchange first");
    void this.store.pin(row, !row.pinned).then(() => {
      this.pinned = row.pinned ? [...this.pinned, row] : this.pinned.filter((each) => each !== row);
      this.said(row.pinned ? "pinned" : "no longer pinned");
      this.table.render();
    });
  }

  private compareNext(): void {
    const row = this.table.selected;
    if (!row || row.isMessage) return this.said("choose an exchange first");
    const [one, other] = this.compared;
    if (one === null || other !== null) {
      this.compared = [row, null];
      this.said("now choose another exchange, and press c again");
    } else {
      this.compared = [one, row];
      this.said("");
      this.open("compare");
    }
  }

  private async saveHar(): Promise<void> {
    const rows = this.rows.filter((row) => !row.isMessage).slice(-HAR_MAX);
    const lines: Exchange[] = [];
    for (const row of rows) {
      const line = await this.store.line(row);
      if (line && isExchange(line)) lines.push(line);
    }
    download("sockfilter.har", asHar(lines, this.about.version), "application/json");
    this.said(`saved ${count(lines.length, "exchange")}${this.rows.length > HAR_MAX ? `, the last ${HAR_MAX}` : ""}`);
  }

  private turnTheme(): void {
    const root = document.documentElement;
    const isDark = root.dataset["theme"] ? root.dataset["theme"] === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset["theme"] = isDark ? "light" : "dark";
  }

  private help(): void {
    const dialog = help((filter) => this.filterBox.set(filter));
    document.body.append(dialog);
    dialog.showModal();
  }

  /** Says something for some seconds. */
  said(words: string): void {
    this.toast.textContent = shown(words);
    this.toast.classList.remove("fades");
    void this.toast.offsetWidth; // starts the animation anew
    this.toast.classList.add("fades");
  }

  /** Says something until something else is said. */
  notify(words: string): void {
    this.notice.textContent = shown(words);
  }

  private seen(field: FieldDescription): (string | number)[] {
    if (field.keys || OF_LINE.has(field.condition) || ["target", "duration"].includes(field.condition)) return [];
    const get = getOfExchange({ field, key: null, path: [], text: field.name });
    const counts = new Map<string | number, number>();
    for (const row of this.store.rows.slice(-SEEN_ROWS)) {
      if (row.isMessage) continue;
      const value = get({ row, line: null, opener: null });
      for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (typeof each === "string" || typeof each === "number") counts.set(each, (counts.get(each) ?? 0) + 1);
      }
    }
    return [...counts].sort(([, one], [, other]) => other - one).map(([value]) => value);
  }

  /** Puts what is shown into the address, so that it can be given to somebody, and opened again. */
  private address(): void {
    const words = new URLSearchParams();
    if (this.filterBox.text) words.set("filter", this.filterBox.text);
    if (this.view !== "exchanges") words.set("view", this.view);
    const { selected } = this.table;
    if (selected && selected.id !== null && !selected.isMessage) {
      words.set("exchange", String(selected.id));
      words.set("tab", this.details.tab);
    } else if (this.wanted !== null) words.set("exchange", String(this.wanted));
    const hash = String(words);
    if (`#${hash}` !== location.hash) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  /** Shows what the address says. */
  private follow(): void {
    const words = new URLSearchParams(location.hash.slice(1));
    const id = Number(words.get("exchange") ?? NaN);
    const row = this.store.exchange(id);
    this.details.tab = words.get("tab") ?? this.details.tab;
    this.wanted = Number.isInteger(id) && !row ? id : null;
    this.filterBox.set(words.get("filter") ?? "");
    const view = words.get("view") as View | null;
    this.open(view && VIEWS.includes(view) ? view : "exchanges");
    if (row) this.select(row);
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, textarea, dialog *")) return;
    const keys: Record<string, () => void> = {
      "/": () => this.filterBox.input.focus(),
      j: () => this.move(1),
      k: () => this.move(-1),
      ArrowDown: () => this.move(1),
      ArrowUp: () => this.move(-1),
      g: () => this.edge(0),
      Home: () => this.edge(0),
      G: () => this.edge(-1),
      End: () => this.edge(-1),
      Enter: () => this.table.selected && this.select(this.table.selected),
      Escape: () => this.select(null),
      "]": () => this.details.turn(1),
      "[": () => this.details.turn(-1),
      e: () => this.move(1, isError),
      E: () => this.move(-1, isError),
      " ": () => this.about.isFile || this.pause(),
      x: () => this.clear(),
      p: () => this.pin(),
      c: () => this.compareNext(),
      y: () => this.details.copy("curl"),
      m: () => this.turnMessages(),
      t: () => this.turnTheme(),
      "?": () => this.help(),
      ...Object.fromEntries(VIEWS.slice(0, 4).map((view, at) => [String(at + 1), () => this.open(view)])),
    };
    const isButton = target.matches("button, summary, [role=button]") && [" ", "Enter"].includes(event.key);
    const act = keys[event.key];
    if (!act || isButton) return;
    event.preventDefault();
    act();
  }

  private edge(at: 0 | -1): void {
    const row = this.table.rows.at(at);
    if (!row) return;
    this.select(row);
    this.table.follows = at === -1 && !this.about.isFile;
  }

  private turnMessages(): void {
    this.showsMessages = !this.showsMessages;
    this.said(this.showsMessages ? "messages of streams have rows of their own" : "messages of streams are among the details of their exchanges");
    void this.refilter();
  }
}
