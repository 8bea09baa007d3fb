// The details of one exchange or message.

import { asCurl } from "./forms/curl.ts";
import { asHar } from "./forms/har.ts";
import { asPytest } from "./forms/pytest.ts";
import { NotRepeatable } from "./forms/requests.ts";
import type { About } from "./about.ts";
import { button, download, h } from "./dom.ts";
import { quoted } from "./language/names.ts";
import { written } from "./language/complete.ts";
import type { CallSide, Content, Endpoint, Exchange, Field, Line, Request, Response, StreamMessage } from "./lines.ts";
import { isExchange } from "./lines.ts";
import { long, payload } from "./payload.ts";
import type { Row } from "./rows.ts";
import { whereOf } from "./table.ts";
import { field, parameters } from "./targets.ts";
import { clock, count, duration, line as inLine, shown, size } from "./text.ts";

// Messages that are shown at once.
const MESSAGES_MAX = 500;

export interface Surroundings {
  about: About;
  addFilter: (clause: string) => void;
  messagesOf: (row: Row) => Row[];
  lineOf: (row: Row) => Promise<Line | null>;
  said: (words: string) => void;
  moved: () => void; // another tab was chosen
}

type Make = () => Node | Promise<Node>;

export class Details {
  readonly element = h("aside", { class: "details", "aria-label": "details", hidden: true });
  tab = "overview";
  private readonly title = h("h2", {});
  private readonly tabs = h("div", { class: "tabs", role: "tablist" });
  private readonly place = h("div", { class: "body" });
  private makers: [name: string, make: Make][] = [];
  private line: Line | null = null;

  constructor(
    private readonly around: Surroundings,
    close: () => void,
  ) {
    const copies = h(
      "div",
      { class: "actions" },
      button("curl", "copy as a curl command", () => this.copy("curl")),
      button("pytest", "copy as a test", () => this.copy("pytest")),
      button("HAR", "save as an HTTP archive", () => this.copy("HAR")),
      button("JSON", "copy the JSON line", () => this.copy("JSON")),
      button("×", "close (Esc)", close, "close"),
    );
    this.element.append(h("header", {}, this.title, copies), this.tabs, this.place);
  }

  async show(row: Row): Promise<void> {
    const line = await this.around.lineOf(row);
    this.line = line;
    this.element.hidden = false;
    this.title.textContent = inLine(`${row.method} ${whereOf(row)}`.trim(), 300);
    if (!line) {
      this.tabs.replaceChildren();
      this.place.replaceChildren(h("p", { class: "note" }, "The details of this exchange are no longer there: newer ones have taken their place. Pin an exchange to keep it."));
      return;
    }
    this.makers = isExchange(line) ? this.ofExchange(line, row) : this.ofMessage(line);
    if (!this.makers.some(([name]) => name === this.tab)) this.tab = "overview";
    const tabs = this.makers.map(([name]) =>
      h("button", { type: "button", role: "tab", "data-tab": name, on: { click: () => this.open(name) } }, name),
    );
    this.tabs.replaceChildren(...tabs);
    this.open(this.tab);
  }

  hide(): void {
    this.element.hidden = true;
    this.line = null;
  }

  /** Opens the next tab, or the one before. */
  turn(by: number): void {
    const at = this.makers.findIndex(([name]) => name === this.tab);
    const next = this.makers[(at + by + this.makers.length) % this.makers.length];
    if (next) this.open(next[0]);
  }

  copy(form: string): void {
    const { line } = this;
    if (!line) return;
    if (!isExchange(line)) {
      if (form === "JSON") this.put(JSON.stringify(line), "the JSON line");
      else this.around.said("only an exchange can be repeated, and this is a message");
      return;
    }
    try {
      if (form === "curl") this.put(asCurl(line), "a curl command");
      else if (form === "pytest") this.put(asPytest(line), "a test");
      else if (form === "HAR") download(`exchange-${line.id}.har`, asHar([line], this.around.about.version), "application/json");
      else this.put(JSON.stringify(line), "the JSON line");
    } catch (error) {
      if (!(error instanceof NotRepeatable)) throw error;
      this.around.said(`this exchange cannot be repeated: ${error.message}`);
    }
  }

  private put(text: string, what: string): void {
    const masked = text.includes("***") && !this.around.about.showsSecrets ? "; secrets in it are masked, --show-secrets shows them" : "";
    const copied = (): void => this.around.said(`copied ${what}${masked}`);
    // without a secure context, as on another host's address, there is no clipboard
    if (navigator.clipboard) void navigator.clipboard.writeText(text).then(copied, () => this.byHand(text, what));
    else this.byHand(text, what);
  }

  private byHand(text: string, what: string): void {
    const area = h("textarea", { rows: "12", readonly: true, "aria-label": what });
    area.value = text;
    const dialog = h("dialog", {}, h("p", {}, `Copy ${what} from here:`), area, button("close", "close", () => dialog.close()));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    area.select();
  }

  private open(name: string): void {
    this.tab = name;
    for (const tab of this.tabs.children) {
      const isThis = tab.getAttribute("data-tab") === name;
      tab.classList.toggle("on", isThis);
      tab.setAttribute("aria-selected", String(isThis));
    }
    const make = this.makers.find(([each]) => each === name)?.[1];
    const { line } = this;
    void Promise.resolve(make?.()).then((made) => {
      if (made && this.line === line && this.tab === name) this.place.replaceChildren(made);
    });
    this.place.scrollTop = 0;
    this.around.moved();
  }

  private ofExchange(exchange: Exchange, row: Row): [string, Make][] {
    const made: [string, Make][] = [["overview", () => this.overview(exchange, row)]];
    const { request, response, grpc } = exchange;
    if (request) made.push(["request", () => this.half(exchange, request, "request")]);
    if (response) made.push(["response", () => this.half(exchange, response, "response")]);
    if (grpc) made.push(["calls", () => h("div", {}, this.side("from the client", grpc.request), this.side("from the server", grpc.response))]);
    const messages = this.around.messagesOf(row);
    if (messages.length) made.push([`messages (${messages.length})`, () => this.messages(messages)]);
    made.push(["timing", () => this.timing(exchange)], ["JSON", () => long(JSON.stringify(exchange, null, 1))]);
    return made;
  }

  private ofMessage(message: StreamMessage): [string, Make][] {
    return [
      ["overview", () => h("div", {}, this.messageTable(message), this.content(message, "", "", null), ...this.ends(message))],
      ["JSON", () => long(JSON.stringify(message, null, 1))],
    ];
  }

  private overview(exchange: Exchange, row: Row): Node {
    const { request, response, grpc, tls, reset, culprit, parent } = exchange;
    const table = h("table", { class: "fields" });
    const add = (name: string, value: string | number | null | undefined, clause?: string): void => {
      if (value === null || value === undefined || value === "") return;
      table.append(h("tr", {}, h("th", {}, name), h("td", {}, this.value(String(value), clause))));
    };
    const text = (value: string): string => written(value, this.field("target"));
    if (row.time !== null) add("began", `${new Date(row.time).toLocaleDateString("en-CA")} ${clock(row.time)}`);
    if (request) {
      add("method", request.method, `method == ${text(request.method ?? "")}`);
      add("host", row.authority, `host == ${text(row.authority)}`);
      add("target", request.target, `target == ${text(request.target ?? "")}`);
    }
    if (grpc) {
      const call = `${grpc.service}/${grpc.method}`;
      add("call", call, `grpc == ${text(call)}`);
      if (grpc.status !== null) add("gRPC status", `${grpc.status} ${grpc.status_name ?? ""}`, `grpc_status == ${grpc.status}`);
      add("gRPC message", grpc.message);
    }
    if (response) add("status", `${response.status ?? "none"} ${response.reason}`.trim(), response.status === null ? undefined : `status == ${response.status}`);
    add("informational", exchange.informational.map(({ status }) => status).join(", "));
    add("protocol", row.protocols.filter((name) => name !== "http").join(", "), `protocol == ${row.protocols[row.protocols.length - 1]}`);
    add("took", duration(exchange.timing.total), exchange.timing.total === undefined ? undefined : `duration >= ${Math.round(exchange.timing.total * 1e6)}us`);
    add("sizes", `${size(row.requestBytes) || "–"} up, ${size(row.responseBytes) || "–"} down`);
    add("connection", `${exchange.connection}, exchange ${exchange.conn_seq} on it`, `connection == ${exchange.connection}`);
    if (exchange.stream !== undefined) add("stream", exchange.stream, `connection == ${exchange.connection} and stream == ${exchange.stream}`);
    add("interface", exchange.interface, `interface == ${text(exchange.interface)}`);
    if (exchange.pushed) add("pushed", "the server sent it without being asked", "pushed");
    if (exchange.retransmissions) add("retransmissions", exchange.retransmissions, `retransmissions >= ${exchange.retransmissions}`);
    if (reset) add("reset", `by the ${reset.by}: ${reset.name ?? reset.code}`, reset.name ? `reset == ${text(reset.name)}` : undefined);
    if (tls) add("TLS", Object.entries(tls).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${value}`).join(", "));
    if (culprit) add("slow because of", `${culprit.word}: ${culprit.evidence}`, `culprit == ${text(culprit.word)}`);
    add("wait", waitOf(exchange));
    add("TCP", tcpOf(exchange));
    for (const { bytes, from, place, reason, interface: where } of exchange.tcp?.drops ?? []) {
      add("dropped", `${size(bytes)} from the ${from} at ${[place, reason && `(${reason})`, where && `of ${where}`].filter(Boolean).join(" ")}`);
    }
    add("path", exchange.path?.map((step) => step.interface).join(" > "));
    if (parent) add("made for", `exchange ${parent.id}, by ${parent.why}`);
    const problems = exchange.problems.length ? this.problems(exchange.problems) : null;
    return h("div", {}, problems, table, this.bars(exchange), ...this.ends(exchange));
  }

  private field(condition: string): About["language"]["fields"][number] {
    return this.around.about.language.fields.find((each) => each.condition === condition)!;
  }

  /** A value. If it can be filtered by, a click does so; with Shift, the others remain. */
  private value(text: string, clause?: string): HTMLElement {
    if (!clause) return h("span", {}, shown(text));
    const made = h("button", { type: "button", class: "value", title: `click: ${clause}; with Shift: not` }, inLine(text));
    made.addEventListener("click", (event) => this.around.addFilter(event.shiftKey ? `not ${/ and /.test(clause) ? `(${clause})` : clause}` : clause));
    return made;
  }

  private problems(names: string[]): HTMLElement {
    const list = h("ul", { class: "problems" });
    for (const name of names) {
      const words = this.around.about.language.problems[name] ?? "";
      list.append(h("li", {}, this.value(name, `problems == ${name}`), " ", words));
    }
    return list;
  }

  private ends({ client, server }: { client: Endpoint; server: Endpoint }): HTMLElement[] {
    return [this.end("client", client), this.end("server", server)];
  }

  private end(name: "client" | "server", end: Endpoint): HTMLElement {
    const table = h("table", { class: "fields" });
    const add = (title: string, value: string | number | undefined, clause?: string): void => {
      if (value !== undefined && value !== "") table.append(h("tr", {}, h("th", {}, title), h("td", {}, this.value(String(value), clause))));
    };
    add("address", end.ip, `${name}.ip == ${end.ip}`);
    if (end.port) add("port", end.port, `${name}.port == ${end.port}`);
    add("process", end.comm, end.comm === undefined ? undefined : `${name}.process == ${quoted(end.comm)}`);
    add("number", end.pid, `${name}.pid == ${end.pid}`);
    add("program", end.exe);
    add("command line", end.cmdline?.join(" "));
    add("user", end.uid);
    add("container", end.container, `container == ${quoted(end.container ?? "")}`);
    add("pod", end.pod, `pod == ${quoted(end.pod ?? "")}`);
    return h("section", {}, h("h3", {}, name), table);
  }

  private half(exchange: Exchange, half: Request | Response, name: "request" | "response"): Node {
    const box = h("div", {});
    const type = field(half.headers, "content-type");
    const query = name === "request" ? parameters(exchange.request?.target ?? "") : [];
    if (query.length) box.append(h("h3", {}, "query"), this.fields(query, "query"));
    box.append(h("h3", {}, "header fields"), this.fields(half.headers, `${name}.header`));
    if (half.headers_lost) box.append(h("p", { class: "note" }, `${count(half.headers_lost.length, "field")} are not wholly known, because bytes were missed.`));
    if (half.trailers) box.append(h("h3", {}, "trailers"), this.fields(half.trailers, ""));
    box.append(h("h3", {}, "content"), this.content(half.body, type, `${name}.`, exchange));
    if (half.raw !== undefined) box.append(h("h3", {}, "the head as it was sent"), long(half.raw));
    return box;
  }

  private fields(fields: Field[], name: string): HTMLElement {
    const table = h("table", { class: "fields" });
    for (const [key, value] of fields) {
      const plain = /^[\w-]+$/.test(key) ? key.toLowerCase() : quoted(key);
      const clause = name ? `${name}.${name === "query" && /^[\w-]+$/.test(key) ? key : plain} == ${quoted(value)}` : undefined;
      table.append(h("tr", {}, h("th", {}, inLine(key)), h("td", {}, this.value(value, value.includes("***") ? undefined : clause))));
    }
    return table;
  }

  private content(content: Content, type: string, half: string, _exchange: Exchange | null): HTMLElement {
    return payload(content, type, (path, value) => {
      const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : /^\w[\w-]*$/.test(part) ? `.${part}` : `.${quoted(part)}`));
      const wanted = typeof value === "string" ? quoted(value) : String(value);
      this.around.addFilter(`${half}json${parts.join("")} == ${wanted}`);
    });
  }

  private timing(exchange: Exchange): Node {
    return h("div", {}, this.bars(exchange), h("p", { class: "note" }, "Times are those of the packets as they passed here. A phase that is not known is left out."));
  }

  private bars({ timing }: Exchange): HTMLElement {
    const { phases } = this.around.about;
    const whole = phases.reduce((sum, { name }) => sum + (timing[name] ?? 0), 0) || 1;
    let before = 0;
    const table = h("table", { class: "bars" });
    for (const { name, words } of phases) {
      const seconds = timing[name];
      if (seconds === undefined) continue;
      const bar = h("i", { class: name });
      bar.style.marginLeft = `${((100 * before) / whole).toFixed(2)}%`;
      bar.style.width = `${((100 * seconds) / whole).toFixed(2)}%`;
      before += seconds;
      const value = this.value(duration(seconds), `${name} >= ${Math.round(seconds * 1e6)}us`);
      table.append(h("tr", { title: words }, h("th", {}, name), h("td", { class: "number" }, value), h("td", { class: "bar" }, bar), h("td", { class: "note" }, words)));
    }
    return h("section", {}, h("h3", {}, "timing"), table);
  }

  private side(title: string, side: CallSide): HTMLElement {
    const box = h("section", {}, h("h3", {}, `${title}: ${side.count === undefined ? "messages" : count(side.count, "message")}`));
    for (const [at, message] of side.messages.slice(0, MESSAGES_MAX).entries()) {
      const when = message.time === undefined ? "" : ` after ${duration(message.time)}`;
      const made = message.decoded === undefined
        ? this.content(message, "", "", null)
        : long(JSON.stringify(message.decoded, null, 1));
      box.append(h("details", { open: at < 3 }, h("summary", {}, `message ${at + 1}: ${size(message.len ?? message.wire_len)}${message.compressed ? ", compressed" : ""}${when}`), made));
    }
    return box;
  }

  private messageTable(message: StreamMessage): HTMLElement {
    const table = h("table", { class: "fields" });
    const add = (name: string, value: unknown, clause?: string): void => {
      if (value === undefined || value === null || value === "") return;
      table.append(h("tr", {}, h("th", {}, name), h("td", {}, this.value(typeof value === "object" ? JSON.stringify(value) : String(value), clause))));
    };
    add("protocol", message.protocol, `protocol == ${message.protocol}`);
    add("from", message.from, `sender == ${message.from}`);
    add("type", message.type, `type == ${quoted(message.type ?? "")}`);
    add("event id", message.event_id);
    add("channel", message.channel);
    add("close", message.close);
    for (const [name, value] of Object.entries(message.fields ?? {})) add(name, value);
    for (const name of ["helo", "mail_from", "rcpt", "reply", "size", "subject"]) add(name, (message as unknown as Record<string, unknown>)[name]);
    if (message.problems.length) table.append(h("tr", {}, h("th", {}, "problems"), h("td", {}, this.problems(message.problems))));
    return table;
  }

  private async messages(rows: Row[]): Promise<Node> {
    const list = h("div", { class: "messages" });
    const start = rows[0]?.time ?? 0;
    for (const row of rows.slice(-MESSAGES_MAX)) {
      const line = (await this.around.lineOf(row)) as StreamMessage | null;
      const brief = line?.text ?? (line?.close ? `${line.close.code ?? ""} ${line.close.reason ?? ""}` : "");
      const summary = h(
        "summary",
        { class: row.sender },
        h("span", { class: "arrow" }, row.sender === "client" ? "→" : "←"),
        h("span", { class: "when" }, row.time === null ? "" : `+${duration((row.time - start) / 1000)}`),
        h("span", { class: "kind" }, shown(row.kind)),
        h("span", { class: "number" }, size(row.requestBytes)),
        h("span", { class: "brief" }, inLine(brief, 300)),
      );
      const details = h("details", {}, summary);
      details.addEventListener("toggle", () => {
        if (line && details.open && details.childElementCount === 1) details.append(this.content(line, "", "", null), this.messageTable(line));
      });
      list.append(details);
    }
    if (rows.length > MESSAGES_MAX) list.prepend(h("p", { class: "note" }, `the last ${MESSAGES_MAX} of ${count(rows.length, "message")}`));
    return list;
  }
}

/** What the time before the response consists of, where the kernel's TCP knows it. */
function waitOf({ timing: { queued, think, accept } }: Exchange): string {
  const parts: [number | undefined, string][] = [[queued, "until the server read the request"], [think, "thinking"]];
  const known = parts.filter(([seconds]) => seconds !== undefined).map(([seconds, words]) => `${duration(seconds)} ${words}`);
  return known.join(", ") + (known.length && accept !== undefined ? `; accepted after ${duration(accept)}` : "");
}

function tcpOf({ tcp }: Exchange): string {
  const end = tcp?.server ?? tcp?.client;
  if (!end) return "";
  const again = (tcp?.client?.retransmitted_bytes ?? 0) + (tcp?.server?.retransmitted_bytes ?? 0);
  const parts = [end.rtt === undefined ? "" : `round trip ${duration(end.rtt)}`, end.cwnd === undefined ? "" : `window ${end.cwnd} segments`];
  return [...parts, again ? `${size(again)} sent again` : ""].filter(Boolean).join(", ");
}
