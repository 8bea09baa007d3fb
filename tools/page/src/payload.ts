// Content laid out: JSON and XML by their structure, text by lines, pictures, and bytes.

import { bytesOfContent, isWhole } from "./content.ts";
import { h } from "./dom.ts";
import type { Content } from "./lines.ts";
import { count, shown, size } from "./text.ts";

// What is laid out at once. More is shown on request.
const CHARS_MAX = 200_000;
const MEMBERS_MAX = 500;
const OPEN_LEVELS = 3;
const HEX_BYTES_MAX = 8192;
// A picture with more takes hundreds of megabytes to show, whatever the size of its file.
const PIXELS_MAX = 16_000_000;

/** Adds a condition to the filter: json.PATH == value. */
export type AddJson = (path: (string | number)[], value: unknown) => void;

export function payload(content: Content, type: string, addJson: AddJson): HTMLElement {
  const box = h("div", { class: "payload" });
  const bytes = bytesOfContent(content);
  if (!bytes.length) {
    box.append(h("p", { class: "note" }, emptyNote(content)));
    return box;
  }
  const views = viewsOf(content, bytes, type, addJson);
  const place = h("div", {});
  const tabs = h("div", { class: "views", role: "tablist" });
  for (const [name, make] of views) {
    const tab = h("button", { type: "button", role: "tab" }, name);
    tab.addEventListener("click", () => {
      for (const other of tabs.children) other.classList.toggle("on", other === tab);
      place.replaceChildren(make());
    });
    tabs.append(tab);
  }
  tabs.append(h("span", { class: "note" }, sizeNote(content, bytes.length)));
  box.append(tabs, place);
  (tabs.firstElementChild as HTMLElement).click();
  return box;
}

function emptyNote(content: Content): string {
  if (!content.wire_len) return "No content.";
  return `${size(content.wire_len)} passed, of which nothing was kept; --body N keeps the first N bytes of each body.`;
}

function sizeNote(content: Content, kept: number): string {
  const whole = content.len ?? content.wire_len;
  if (content.kept !== undefined) return `${size(kept)} kept of ${size(whole)}; --body ${whole} keeps all`;
  return content.len !== undefined && content.len !== content.wire_len
    ? `${size(content.len)}, sent as ${size(content.wire_len)}`
    : size(kept);
}

function viewsOf(content: Content, bytes: Uint8Array<ArrayBuffer>, type: string, addJson: AddJson): [string, () => Node][] {
  const views: [string, () => Node][] = [];
  const text = content.text;
  if (text !== undefined) {
    const json = isWhole(content) ? parsedJson(text) : undefined;
    if (json !== undefined) views.push(["JSON", () => jsonTree(json.value, addJson)]);
    else if (/^\s*</.test(text) && /xml|html|svg/i.test(type + text.slice(0, 200))) views.push(["Structure", () => markup(text)]);
    if (/x-www-form-urlencoded/i.test(type)) views.push(["Form", () => form(text)]);
    views.push(["Text", () => long(text)]);
  }
  const picture = pictureOf(bytes);
  if (picture) views.unshift(["Picture", () => image(bytes, picture, isWhole(content))]);
  views.push(["Bytes", () => hex(bytes)]);
  return views;
}

function parsedJson(text: string): { value: unknown } | undefined {
  if (!/^\s*[[{"\dtfn-]/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function jsonTree(value: unknown, add: AddJson): HTMLElement {
  return h("div", { class: "json" }, member(null, value, [], 0, add));
}

function member(key: string | number | null, value: unknown, path: (string | number)[], level: number, add: AddJson): HTMLElement {
  const name = key === null ? null : h("span", { class: "key" }, `${typeof key === "number" ? key : shown(key)}: `);
  if (typeof value !== "object" || value === null) {
    const kind = value === null ? "null" : typeof value;
    const text = typeof value === "string" ? `"${shown(value)}"` : String(value);
    const leaf = h("button", { type: "button", class: `value ${kind}`, title: "click: filter by this value" }, text);
    leaf.addEventListener("click", () => add(path, value));
    return h("div", { class: "leaf" }, name, leaf);
  }
  const isList = Array.isArray(value);
  const entries = isList ? value.map((each, at) => [at, each] as const) : Object.entries(value as object);
  const brief = isList ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) return h("div", { class: "leaf" }, name, isList ? "[]" : "{}");
  const details = h("details", { open: level < OPEN_LEVELS && entries.length <= 100 }, h("summary", {}, name, h("span", { class: "note" }, brief)));
  const fill = (): void => {
    if (details.childElementCount > 1) return;
    for (const [at, each] of entries.slice(0, MEMBERS_MAX)) details.append(member(at, each, [...path, at], level + 1, add));
    if (entries.length > MEMBERS_MAX) details.append(h("p", { class: "note" }, `and ${count(entries.length - MEMBERS_MAX, "more")}`));
  };
  if (details.open) fill();
  details.addEventListener("toggle", fill);
  return details;
}

/** XML and HTML, a line for each tag. It is read as text: nothing of it becomes an element. */
function markup(text: string): HTMLElement {
  const box = h("pre", { class: "text" });
  let level = 0;
  for (const [part] of text.slice(0, CHARS_MAX).matchAll(/<!--[\s\S]*?-->|<[^>]*>|[^<]+/g)) {
    const words = part.trim();
    if (!words) continue;
    const isEnd = words.startsWith("</");
    const isStart = /^<[A-Za-z]/.test(words) && !words.endsWith("/>") && !/^<(area|base|br|col|hr|img|input|link|meta|source|wbr)\b/i.test(words);
    if (isEnd) level = Math.max(0, level - 1);
    box.append(h("span", { class: words.startsWith("<") ? "tag" : "" }, `${"  ".repeat(Math.min(level, 40))}${shown(words)}\n`));
    if (isStart) level++;
  }
  return box;
}

function form(text: string): HTMLElement {
  const table = h("table", { class: "fields" });
  for (const [name, value] of new URLSearchParams(text)) table.append(h("tr", {}, h("th", {}, shown(name)), h("td", {}, shown(value))));
  return table;
}

/** A long text, whose rest is shown on request. */
export function long(text: string, limit = CHARS_MAX): HTMLElement {
  const box = h("pre", { class: "text" }, shown(text.slice(0, limit)));
  if (text.length <= limit) return box;
  const more = h("button", { type: "button" }, `show ${count(text.length - limit, "more character")}`);
  more.addEventListener("click", () => box.replaceChildren(shown(text)));
  box.append("\n", more);
  return box;
}

function hex(bytes: Uint8Array): HTMLElement {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, HEX_BYTES_MAX); at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${letters}`);
  }
  if (bytes.length > HEX_BYTES_MAX) lines.push(`… ${count(bytes.length - HEX_BYTES_MAX, "more byte")}`);
  return h("pre", { class: "text hex" }, lines.join("\n"));
}

interface Picture {
  type: string;
  width: number;
  height: number;
}

/** The kind and the size of a picture, by its first bytes. SVG is a document, and shown as text. null: it is none. */
export function pictureOf(bytes: Uint8Array): Picture | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ascii = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes.length < 26) return null;
  if (ascii(1, 4) === "PNG") return { type: "image/png", width: view.getUint32(16), height: view.getUint32(20) };
  if (ascii(0, 4) === "GIF8") return { type: "image/gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (ascii(0, 2) === "BM") {
    return { type: "image/bmp", width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
  }
  if (ascii(0, 4) === "RIFF" && ascii(8, 12) === "WEBP") return webp(bytes, view, ascii(12, 16));
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? jpeg(view) : null;
}

function webp(bytes: Uint8Array, view: DataView, kind: string): Picture | null {
  if (bytes.length < 30) return null;
  const type = "image/webp";
  if (kind === "VP8X") {
    return { type, width: 1 + (view.getUint32(24, true) & 0xffffff), height: 1 + (view.getUint32(26, true) >>> 8) };
  }
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { type, width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  return { type, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

function jpeg(view: DataView): Picture | null {
  let at = 2;
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { type: "image/jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

function image(bytes: Uint8Array<ArrayBuffer>, picture: Picture, whole: boolean): HTMLElement {
  const about = `${picture.type.slice(6).toUpperCase()}, ${picture.width} × ${picture.height}`;
  if (!whole) return h("p", { class: "note" }, `${about}; it was not kept whole, so it cannot be shown.`);
  if (picture.width * picture.height > PIXELS_MAX) return h("p", { class: "note" }, `${about}; it is too large to be shown.`);
  const url = URL.createObjectURL(new Blob([bytes], { type: picture.type }));
  const shownImage = h("img", { src: url, alt: about });
  const note = h("figcaption", { class: "note" }, about);
  shownImage.addEventListener("load", () => URL.revokeObjectURL(url));
  shownImage.addEventListener("error", () => {
    URL.revokeObjectURL(url);
    note.textContent = `${about}; the browser cannot read it.`;
  });
  return h("figure", {}, shownImage, note);
}
