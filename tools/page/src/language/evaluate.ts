// Compiles the tree of a filter to one function, as src/sockfilter/filters/closures.py does.
//
// A comparison holds only if there is a value: != and not in hold if the field is there and none of its values is the
// unwanted one.

import type { Description } from "./description.ts";
import { isWithin } from "./addresses.ts";
import { parsed } from "./parser.ts";
import { compiled as pattern } from "./patterns.ts";
import { Between, comparisons, type Comparison, type Network, type Node, type Value } from "./tree.ts";
import { type Get, getOfExchange, getOfMessage, OF_LINE, type Subject } from "./values_of.ts";

type Test = (value: unknown) => boolean;
type Matches = (subject: Subject) => boolean;

const OPPOSITES: Record<string, string> = { "!=": "==", "!~": "~", "not in": "in" };

export interface Filter {
  text: string;
  needsLine: boolean; // whether it reads header fields or content
  matches: Matches;
}

/** Compiles a filter. Throws Fault. */
export function filterOf(text: string, description: Description): Filter {
  const node = parsed(text, description);
  const ofExchange = compile(node, (comparison) => getOfExchange(comparison.name), (comparison) => comparison.name.field.many);
  const manyOfMessage = new Map(description.messageFields.map((field) => [field.condition, field]));
  const ofMessage = compile(
    node,
    (comparison) => getOfMessage(comparison.name, description.ofConnection),
    (comparison) => (manyOfMessage.get(comparison.name.field.condition) ?? comparison.name.field).many,
  );
  const needsLine = [...comparisons(node)].some(({ name }) => OF_LINE.has(name.field.condition));
  return { text, needsLine, matches: (subject) => (subject.row.isMessage ? ofMessage(subject) : ofExchange(subject)) };
}


function compile(node: Node, get: (comparison: Comparison) => Get, many: (comparison: Comparison) => boolean): Matches {
  if (node.type === "comparison") return compared(node, get(node), many(node));
  if (node.type === "not") {
    const part = compile(node.part, get, many);
    return (subject) => !part(subject);
  }
  const parts = node.parts.map((part) => compile(part, get, many));
  return node.type === "all"
    ? (subject) => parts.every((part) => part(subject))
    : (subject) => parts.some((part) => part(subject));
}

function compared(node: Comparison, get: Get, many: boolean): Matches {
  if (node.operator === "") {
    if (node.name.field.kind === "flag") return (subject) => get(subject) === true;
    return many ? (subject) => (get(subject) as unknown[]).length > 0 : (subject) => get(subject) !== null;
  }
  const opposite = OPPOSITES[node.operator];
  const test = ofValue(node, opposite ?? node.operator);
  if (opposite) {
    if (many) return (subject) => none(get(subject) as unknown[], test);
    return (subject) => {
      const value = get(subject);
      return value !== null && !test(value);
    };
  }
  if (many) return (subject) => (get(subject) as unknown[]).some(test);
  return (subject) => {
    const value = get(subject);
    return value !== null && test(value);
  };
}

function none(values: unknown[], test: Test): boolean {
  return values.length > 0 && !values.some(test);
}

function ofValue(node: Comparison, operator: string): Test {
  const { kind } = node.name.field;
  const wanted = node.values[0]!;
  if (operator === "in") {
    const tests = node.values.map((value) => (value instanceof Between ? between(value) : equal(kind, value)));
    return (value) => tests.some((test) => test(value));
  }
  if (operator === "==") return equal(kind, wanted);
  if (operator === "~") {
    const found = pattern(wanted as string);
    return (value) => typeof value === "string" && found.test(value);
  }
  if (["<", "<=", ">", ">="].includes(operator)) return ordered(operator, wanted as string | number);
  const text = wanted as string;
  const fold = kind === "folded" ? (value: string) => value.toLowerCase() : (value: string) => value;
  const search: Record<string, (value: string) => boolean> = {
    contains: (value) => value.includes(text),
    startswith: (value) => value.startsWith(text),
    endswith: (value) => value.endsWith(text),
  };
  const test = search[operator]!;
  return (value) => typeof value === "string" && test(fold(value));
}

function ordered(operator: string, wanted: string | number): Test {
  const isRight = (sign: number): boolean =>
    operator === "<" ? sign < 0 : operator === "<=" ? sign <= 0 : operator === ">" ? sign > 0 : sign >= 0;
  if (typeof wanted === "string") return (value) => typeof value === "string" && isRight(order(value, wanted));
  return (value) => typeof value === "number" && isRight(value - wanted);
}

/** Compares texts by their characters, as Python does, and not by units of UTF-16. */
function order(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    if (one.charCodeAt(at) !== other.charCodeAt(at)) {
      const high = (text: string): number => (/[\ud800-\udfff]/.test(text[at]!) ? 0x10000 : 0) + text.charCodeAt(at);
      return high(one) - high(other);
    }
  }
  return one.length - other.length;
}

function equal(kind: string, wanted: Value): Test {
  if (kind === "address") {
    const network = wanted as Network;
    if (network.isSingle) return (value) => value === network.text;
    const known = new Map<unknown, boolean>();
    return (value) => {
      let found = known.get(value);
      if (found === undefined) {
        if (known.size > 4096) known.clear();
        known.set(value, (found = isWithin(value as string, network)));
      }
      return found;
    };
  }
  return (value) => value === wanted;
}

function between({ first, last }: Between): Test {
  return (value) => typeof value === "number" && first <= value && value <= last;
}
