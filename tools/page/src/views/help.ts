// The keys, and the filter language in a few lines.

import { button, h } from "../dom.ts";

export const KEYS: [keys: string, what: string][] = [
  ["/", "write a filter"],
  ["j k ↓ ↑", "next and previous exchange"],
  ["g G Home End", "first and last exchange; the last one is followed"],
  ["Enter", "open the details"],
  ["[ ]", "previous and next tab of the details"],
  ["Esc", "close the details"],
  ["e E", "next and previous exchange with an error or a problem"],
  ["Space", "pause, and go on"],
  ["x", "clear what is shown"],
  ["p", "pin: a pinned exchange stays when others are cleared or forgotten"],
  ["c", "compare: once on each of two exchanges"],
  ["y", "copy as a curl command"],
  ["m", "show messages of streams as rows too"],
  ["1 2 3 4", "exchanges, connections, statistics, map"],
  ["t", "light or dark"],
  ["?", "this help"],
];

const FILTERS: [filter: string, what: string][] = [
  ["status >= 500", "errors of servers"],
  ["status == 4xx or duration > 1s", "classes, ranges, times and sizes"],
  ['path ~ "^/api/" and method != GET', "a regular expression"],
  ["response.header.content-type contains json", "a header field"],
  ['json.user.name == "ann"', "a value in the JSON of a body"],
  ["ip == 10.0.0.0/8 and not problems", "a network; no problems"],
  ["process == nginx", "the name of a process at either end"],
];

export function help(use: (filter: string) => void): HTMLDialogElement {
  const dialog = h("dialog", { class: "help" });
  const keys = h("table", { class: "fields" });
  for (const [key, what] of KEYS) keys.append(h("tr", {}, h("th", {}, h("kbd", {}, key)), h("td", {}, what)));
  const filters = h("table", { class: "fields" });
  for (const [filter, what] of FILTERS) {
    const made = h("button", { type: "button", class: "value" }, filter);
    made.addEventListener("click", () => (dialog.close(), use(filter)));
    filters.append(h("tr", {}, h("td", {}, made), h("td", {}, what)));
  }
  dialog.append(button("×", "close (Esc)", () => dialog.close(), "close"), h("h2", {}, "keys"), keys, h("h2", {}, "filters"), filters, h("p", { class: "note" }, "Click a value in the details to filter by it; with Shift, to leave it out."));
  dialog.addEventListener("close", () => dialog.remove());
  return dialog;
}
