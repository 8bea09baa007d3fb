// The box for the filter: what it says of mistakes, and what it suggests.

import { button, h } from "./dom.ts";
import type { Description } from "./language/description.ts";
import { suggestions, type Seen, type Suggestions } from "./language/complete.ts";
import { type Filter, filterOf } from "./language/evaluate.ts";
import { Fault } from "./language/fault.ts";
import { shown } from "./text.ts";

const DELAY_MS = 250;

export class FilterBox {
  readonly input: HTMLInputElement;
  readonly element: HTMLElement;
  private readonly problem = h("div", { class: "fault", role: "alert", hidden: true });
  private readonly list = h("ul", { class: "suggestions", role: "listbox", id: "suggestions", hidden: true });
  private found: Suggestions = { from: 0, items: [] };
  private chosen = -1;
  private timer = 0;
  private applied = "";

  constructor(
    private readonly description: Description,
    private readonly seen: Seen,
    private readonly apply: (filter: Filter | null) => void,
  ) {
    this.input = h("input", {
      type: "search",
      id: "filter",
      placeholder: "filter: status >= 500 and path ~ \"^/api/\"",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      role: "combobox",
      "aria-controls": "suggestions",
      "aria-expanded": "false",
      "aria-label": "filter",
    });
    this.input.addEventListener("input", () => this.changed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("focus", () => this.suggest());
    this.input.addEventListener("blur", () => setTimeout(() => this.hide(), 150));
    const clear = button("×", "remove the filter", () => this.set(""), "clear");
    this.element = h("div", { class: "filter" }, this.input, clear, this.list, this.problem);
  }

  get text(): string {
    return this.input.value.trim();
  }

  /** Sets the filter, and applies it. */
  set(text: string): void {
    this.input.value = text;
    this.hide();
    this.use();
  }

  /** Adds a condition that must hold too. */
  add(clause: string): void {
    const { text } = this;
    const isJoined = /\bor\b|\|\|/i.test(text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, ""));
    this.set(text ? `${isJoined ? `(${text})` : text} and ${clause}` : clause);
  }

  private changed(): void {
    this.suggest();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.use(), DELAY_MS);
  }

  private use(): void {
    clearTimeout(this.timer);
    const { text } = this;
    this.problem.hidden = true;
    this.input.removeAttribute("aria-invalid");
    if (text === this.applied) return;
    if (!text) {
      this.applied = "";
      this.apply(null);
      return;
    }
    try {
      const filter = filterOf(this.input.value, this.description);
      this.applied = text;
      this.apply(filter);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.input.setAttribute("aria-invalid", "true");
      this.setFault(error);
    }
  }

  /** What is wrong is said once nothing more is suggested: until then the filter is being written. */
  private setFault({ message, start, end }: Fault): void {
    const { value } = this.input;
    const place = start === null ? [] : [
      h("code", {}, shown(value.slice(Math.max(0, start - 40), start)), h("mark", {}, shown(value.slice(start, Math.max(end, start + 1))) || " "), shown(value.slice(Math.max(end, start + 1)).slice(0, 40))),
    ];
    this.problem.replaceChildren(`${shown(message)} `, ...place);
    this.problem.hidden = !this.list.hidden;
  }

  private key(event: KeyboardEvent): void {
    const count = this.found.items.length;
    const isOpen = !this.list.hidden;
    if (event.key === "ArrowDown" && !isOpen) this.suggest();
    else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && isOpen) {
      this.choose((this.chosen + (event.key === "ArrowDown" ? 1 : this.chosen < 0 ? 0 : -1) + count) % count);
    } else if ((event.key === "Tab" && isOpen) || (event.key === "Enter" && isOpen && this.chosen >= 0)) {
      this.accept(Math.max(0, this.chosen));
    } else if (event.key === "Enter") {
      this.hide();
      this.use();
      return;
    } else if (event.key === "Escape") {
      if (isOpen) this.hide();
      else this.input.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private suggest(): void {
    const { input } = this;
    const caret = input.selectionStart ?? input.value.length;
    this.found = suggestions(input.value.slice(0, caret), this.description, this.seen);
    this.chosen = -1;
    if (!this.found.items.length || document.activeElement !== input) return this.hide();
    const items = this.found.items.map(({ text, note }, at) =>
      h(
        "li",
        { role: "option", on: { mousedown: (event) => (event.preventDefault(), this.accept(at)) } },
        h("span", {}, shown(text)),
        h("span", { class: "note" }, note),
      ),
    );
    this.list.replaceChildren(...items);
    this.list.hidden = false;
    this.problem.hidden = true;
    input.setAttribute("aria-expanded", "true");
  }

  private choose(at: number): void {
    this.chosen = at;
    [...this.list.children].forEach((item, number) => item.classList.toggle("on", number === at));
    this.list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  private accept(at: number): void {
    const item = this.found.items[at];
    if (!item) return;
    const { input } = this;
    const caret = input.selectionStart ?? input.value.length;
    const isOpen = item.text.endsWith(".");
    const made = `${input.value.slice(0, this.found.from)}${item.text}${isOpen ? "" : " "}`;
    input.value = made + input.value.slice(caret).trimStart();
    input.setSelectionRange(made.length, made.length);
    this.changed();
  }

  private hide(): void {
    this.list.hidden = true;
    this.problem.hidden = !this.input.hasAttribute("aria-invalid");
    this.input.setAttribute("aria-expanded", "false");
  }
}
