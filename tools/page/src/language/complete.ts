// What may come next in a filter, at the place of the caret.

import type { Description, FieldDescription } from "./description.ts";
import { quoted } from "./names.ts";
import { hasRanges, nameOfKind, operatorsOf } from "./values.ts";

export interface Suggestion {
  text: string; // what is written
  note: string; // what it is
}

export interface Suggestions {
  from: number; // where the text begins that a suggestion replaces
  items: Suggestion[];
}

/** Returns values that were seen for a field, the most frequent first. */
export type Seen = (field: FieldDescription) => (string | number)[];

const ITEMS_MAX = 12;
const EXAMPLES: Record<string, string[]> = { seconds: ["100ms", "1s"], bytes: ["10KiB", "1MiB"], flag: ["true", "false"] };
const OPERATOR = /^(===?|!=|<=|>=|=~|!~|[~<>]|(?:not\s+in|in|eq|ne|lt|le|gt|ge|contains|matches|startswith|endswith)(?![\w.-]))/i;
const VALUE = /^(?:[rR]?"(?:[^"\\]|\\.)*"|[rR]?'(?:[^'\\]|\\.)*'|[^\s()[\]{}"',&|=!<>~]+)/;

export function suggestions(text: string, description: Description, seen: Seen): Suggestions {
  const byName = new Map(description.fields.map((field) => [field.name, field]));
  let at = 0;
  let state: "term" | "operator" | "value" | "set" | "join" = "term";
  let field: FieldDescription | undefined;
  for (;;) {
    at += /^\s*/.exec(text.slice(at))![0].length;
    const rest = text.slice(at);
    if (!rest) break;
    const isLast = (found: string): boolean => at + found.length === text.length;
    if (state === "term") {
      const start = /^(\(|!(?![=~])|not\b(?![.-]))/i.exec(rest);
      if (start && (!/^not$/i.test(start[0]) || !isLast(start[0]))) {
        at += start[0].length;
        continue;
      }
      const name = /^[A-Za-z_][\w.-]*/.exec(rest)?.[0];
      if (name === undefined || isLast(name)) return ofFields(name ?? "", at, description);
      field = fieldOf(name, byName, description);
      at += name.length;
      state = "operator";
    } else if (state === "operator") {
      const operator = OPERATOR.exec(rest)?.[0];
      if (operator === undefined) {
        if (/^(and|or|&&|\|\||\))/i.test(rest)) {
          state = "join";
          continue;
        }
        return { from: at, items: ofOperators(field, rest) };
      }
      at += operator.length;
      state = /in$/i.test(operator) ? "set" : "value";
    } else if (state === "value" || state === "set") {
      if (state === "set" && /^[{([,]/.test(rest)) {
        at++;
        continue;
      }
      const value = VALUE.exec(rest)?.[0] ?? rest;
      if (isLast(value)) return { from: at, items: ofValues(field, value, seen) };
      at += value.length;
      const next = /^\s*[,\])}]/.exec(text.slice(at));
      if (state === "set" && next) at += next[0].length;
      else state = "join";
    } else {
      const join = /^(and\b|or\b|&&|\|\||\)|[}\]])/i.exec(rest)?.[0];
      if (join === undefined || (isLast(join) && /^[a-z]/i.test(join))) return { from: at, items: ofJoins(rest) };
      at += join.length;
      state = /^[)}\]]/.test(join) ? "join" : "term";
    }
  }
  if (state === "term") return ofFields("", at, description);
  if (state === "operator") return { from: at, items: [...ofOperators(field, ""), ...ofJoins("")] };
  if (state === "join") return { from: at, items: ofJoins("") };
  return { from: at, items: ofValues(field, "", seen) };
}

function fieldOf(name: string, byName: Map<string, FieldDescription>, description: Description): FieldDescription | undefined {
  const words = name.split(".");
  for (let count = words.length; count > 0; count--) {
    const condition = description.names[words.slice(0, count).join(".")];
    const found = description.fields.find((field) => field.condition === condition);
    if (found) return found;
  }
  return byName.get(name);
}

function ofFields(beginning: string, from: number, description: Description): Suggestions {
  const lower = beginning.toLowerCase();
  const all = [...description.fields].map((field) => ({
    text: field.keys === "name" ? `${field.name}.` : field.name,
    note: field.keys === "path" ? "a value of JSON, by its path" : nameOfKind(field),
  }));
  const starts = all.filter(({ text }) => text.startsWith(lower) && text !== beginning);
  const inside = all.filter(({ text }) => !text.startsWith(lower) && text.includes(lower));
  return { from, items: [...starts, ...(lower ? inside : [])].slice(0, ITEMS_MAX) };
}

function ofOperators(field: FieldDescription | undefined, beginning: string): Suggestion[] {
  if (!field) return [];
  const words = [...operatorsOf(field.kind), ...(field.kind === "flag" ? [] : ["in"])];
  return words.filter((word) => word.startsWith(beginning)).map((text) => ({ text, note: `of ${nameOfKind(field)}` }));
}

function ofValues(field: FieldDescription | undefined, beginning: string, seen: Seen): Suggestion[] {
  if (!field) return [];
  const found = seen(field).map((value) => ({ text: written(value, field), note: "seen" }));
  const known = [...field.words, ...(EXAMPLES[field.kind] ?? []), ...(field.condition === "status" ? ["2xx", "4xx", "5xx"] : [])];
  const items = [...found, ...known.map((text) => ({ text, note: hasRanges(field.kind) ? "for example" : "" }))];
  const lower = beginning.replace(/^["']/, "").toLowerCase();
  const unique = new Map(items.map((item) => [item.text, item]));
  return [...unique.values()]
    .filter(({ text }) => text !== beginning && text.replace(/^"/, "").toLowerCase().startsWith(lower))
    .slice(0, ITEMS_MAX);
}

function ofJoins(beginning: string): Suggestion[] {
  const joins = [
    { text: "and", note: "both must hold" },
    { text: "or", note: "one must hold" },
  ];
  return joins.filter(({ text }) => text.startsWith(beginning.toLowerCase()) && text !== beginning);
}

/** A value as the language writes it. */
export function written(value: string | number, field: FieldDescription): string {
  if (typeof value === "number" || field.kind === "address" || field.kind === "one") return String(value);
  return /^[\w/.:-]+$/.test(value) && !/\.\./.test(value) && field.kind !== "any" ? value : quoted(value);
}
