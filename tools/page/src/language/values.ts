// How a value of each kind is written, as src/sockfilter/filters/kinds.py reads it.

import type { FieldDescription } from "./description.ts";
import { Between, type Network, type Value } from "./tree.ts";
import { bytesOf, networkOf } from "./addresses.ts";

export const EQUALS = ["==", "!="];
export const ORDERS = ["<", "<=", ">", ">="];
export const SEARCHES = ["~", "!~", "contains", "startswith", "endswith"];
const NUMBER = /^-?[0-9]{1,18}$/;
const CLASS = /^([1-9])[xX]{2}$/;
const DECIMAL = "(?:[0-9]{1,18}(?:\\.[0-9]{0,18})?|\\.[0-9]{1,18})";
const UNITS_NS: Record<string, bigint> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  ms: 10n ** 6n,
  s: 10n ** 9n,
  m: 60n * 10n ** 9n,
  h: 3600n * 10n ** 9n,
};
const UNITS_BYTES: Record<string, bigint> = {
  B: 1n,
  kB: 1000n,
  KB: 1000n,
  MB: 10n ** 6n,
  GB: 10n ** 9n,
  KiB: 1n << 10n,
  MiB: 1n << 20n,
  GiB: 1n << 30n,
};
const PART_NS = `(${DECIMAL})(ns|us|µs|ms|s|m|h)`;
const TIME = new RegExp(`^(?:(?:${PART_NS})+|(${DECIMAL}))$`);
const SIZE = new RegExp(`^(${DECIMAL})(${Object.keys(UNITS_BYTES).join("|")})?$`);
const JSON_NUMBER = /^-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?$/;

export interface Written {
  text: string;
  isQuoted: boolean;
}

/** A value that the field can never have. Its text says all that there is to say. */
export class WrongValue extends Error {}

/** What a value looks like. */
export class NoValue extends Error {}

export function operatorsOf(kind: string): string[] {
  if (["text", "method", "path", "folded"].includes(kind)) return [...EQUALS, ...SEARCHES];
  if (["whole", "seconds", "bytes"].includes(kind)) return [...EQUALS, ...ORDERS];
  if (kind === "any") return [...EQUALS, ...ORDERS, ...SEARCHES];
  return EQUALS;
}

export function hasRanges(kind: string): boolean {
  return ["whole", "seconds", "bytes", "any"].includes(kind);
}

export function nameOfKind(field: FieldDescription): string {
  const names: Record<string, string> = {
    whole: "a number",
    seconds: "a time",
    bytes: "a size",
    flag: "true or false",
    address: "an address",
    any: "a value of JSON",
  };
  return names[field.kind] ?? (field.kind === "one" ? field.article : "a text");
}

function rounded(text: string, unit: bigint): number {
  const [whole = "", fraction = ""] = text.split(".");
  const scale = 10n ** BigInt(fraction.length);
  const value = BigInt(`0${whole}${fraction}`) * unit;
  return Number((2n * value + scale) / (2n * scale)); // rounds half up
}

function time(text: string): number {
  if (!TIME.test(text)) throw new NoValue("a time such as 200ms, 1.5s or 2m");
  const parts = [...text.matchAll(new RegExp(PART_NS, "g"))];
  if (!parts.length) return rounded(text, UNITS_NS["s"]!);
  return parts.reduce((sum, [, number, unit]) => sum + rounded(number!, UNITS_NS[unit!]!), 0);
}

function size(text: string): number {
  const found = SIZE.exec(text);
  if (!found) throw new NoValue("a size such as 500, 10KiB or 2MB");
  return rounded(found[1]!, UNITS_BYTES[found[2] ?? "B"]!);
}

function whole(text: string): number | Between {
  const found = CLASS.exec(text);
  if (found) return new Between(Number(found[1]) * 100, Number(found[1]) * 100 + 99);
  if (!NUMBER.test(text)) throw new NoValue("a whole number");
  return Number(text);
}

function network(text: string): Network {
  const found = networkOf(text);
  if (!found) throw new NoValue("an address or a network, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8");
  return found;
}

function json({ text, isQuoted }: Written): string | number | boolean | null {
  if (isQuoted) return text;
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  const value = JSON_NUMBER.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : text;
}

function oneOf(field: FieldDescription, text: string): string | number {
  if (field.words.includes(text)) return text;
  if (field.numbers && NUMBER.test(text)) return Number(text);
  const folded = text.toLowerCase();
  const near = field.words.find((word) => word.toLowerCase() === folded || word.toLowerCase().startsWith(folded));
  const known = near ? `did you mean ${near}?` : `there are ${field.words.join(", ")}`;
  throw new WrongValue(`${text} is not ${field.article}; ${known}`);
}

/** Returns a value from how it is written. Throws NoValue and WrongValue. */
export function read(field: FieldDescription, written: Written): Value {
  const { text } = written;
  switch (field.kind) {
    case "method":
      // methods are case-sensitive (RFC 9110, 9.1): a lower-case one would never match
      if (isLower(text)) throw new WrongValue(`methods are in upper case: ${text.toUpperCase()}`);
      return text;
    case "path":
      if (text.includes("?")) throw new WrongValue("a path has no query: compare target, or query.NAME");
      return text;
    case "folded":
      return text.toLowerCase();
    case "whole":
      return whole(text);
    case "seconds":
      return time(text);
    case "bytes":
      return size(text);
    case "flag":
      if (written.isQuoted || !["true", "false"].includes(text)) throw new NoValue("true or false");
      return text === "true";
    case "address":
      return network(text);
    case "any":
      return json(written);
    case "one":
      return oneOf(field, text);
    default:
      return text;
  }
}

function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/\p{Uppercase}|\p{Lt}/u.test(text);
}

export { bytesOf };
