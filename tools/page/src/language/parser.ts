// Parses filters. docs/filters.md describes the language; src/sockfilter/filters/grammar.lark is its grammar.

import type { Description } from "./description.ts";
import { Fault } from "./fault.ts";
import { Names, unquoted } from "./names.ts";
import { compiled, NoPattern } from "./patterns.ts";
import { Between, depth, type Comparison, type Name, type Node, type Value } from "./tree.ts";
import { hasRanges, nameOfKind, NoValue, operatorsOf, ORDERS, read, SEARCHES, type Written, WrongValue } from "./values.ts";

const FILTER_CHARS_MAX = 16384;
const NESTING_MAX = 64;
const OPERATORS: Record<string, string> = { eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", matches: "~" };
const MISTAKEN: Record<string, string> = { "=": "==", "===": "==", "=~": "~" };
const METHODS: Record<string, string> = { startswith: "startswith", endswith: "endswith", contains: "contains", matches: "~" };
const BACKWARDS: Record<string, string> = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" };
const NEEDS_QUOTES = 'a value with such characters needs quotes, as in path == "/a?b=c"';
const END_OF_WORD = "(?![\\p{L}\\p{N}_.-])";
// A comparison nests no functions; parentheses do, and the parser itself calls itself for them.
const GROUPS_MAX = 500;

const TOKENS = {
  or: new RegExp(`or${END_OF_WORD}|\\|\\|`, "iuy"),
  and: new RegExp(`and${END_OF_WORD}|&&`, "iuy"),
  not: new RegExp(`not${END_OF_WORD}|!(?![=~])`, "iuy"),
  in: new RegExp(`in${END_OF_WORD}`, "iuy"),
  dots: /\.\./uy,
  operator: new RegExp(
    `===|[=!<>]=|[=!]~|[=<>~]|(?:eq|ne|lt|le|gt|ge|contains|matches|startswith|endswith)${END_OF_WORD}`,
    "uy",
  ),
  field:
    /[A-Za-z_][\p{L}\p{N}_-]*(?:\.[\p{L}\p{N}_$*-]+|\.(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|\[\s*(?:\d+|\*|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')\s*\])*/uy,
  string: /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/uy,
  raw: /[rR](?:"[^"]*"|'[^']*')/uy,
  number: /[\p{Nd}.][^\s()[\]{}"',&|=!<>~]*/uy,
  word: /[^\s()[\]{}"',&|=!<>~]+/uy,
};
type Kind = keyof typeof TOKENS;

interface Token {
  kind: Kind;
  text: string;
  start: number;
}

/** Parses a filter. Throws Fault. */
export function parsed(text: string, description: Description): Node {
  if (text.length > FILTER_CHARS_MAX) {
    throw new Fault(`it has ${text.length} characters; at most ${FILTER_CHARS_MAX} are possible`);
  }
  if (!text.trim()) throw new Fault("it is empty; an example is: status >= 500");
  return new Parser(text, new Names(description)).whole();
}

class Parser {
  private at = 0;
  private groups = 0;

  constructor(
    private readonly text: string,
    private readonly names: Names,
  ) {}

  whole(): Node {
    const node = this.either();
    if (this.at < this.text.length) throw this.expected("an operator such as == or ~, and, or, or the end");
    return node;
  }

  private skip(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++;
  }

  private peek(kind: Kind): Token | null {
    this.skip();
    const pattern = TOKENS[kind];
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    return found ? { kind, text: found[0], start: this.at } : null;
  }

  private take(...kinds: Kind[]): Token | null {
    for (const kind of kinds) {
      const found = this.peek(kind);
      if (found) {
        this.at += found.text.length;
        return found;
      }
    }
    return null;
  }

  private takeLetter(letter: string): boolean {
    this.skip();
    if (this.text[this.at] !== letter) return false;
    this.at++;
    return true;
  }

  private expected(words: string): Fault {
    this.skip();
    const { text, at } = this;
    const letter = text[at];
    if (letter === undefined) return new Fault(`it ends where ${words} should come`, text.length, text.length);
    if (letter === '"' || letter === "'") {
      return new Fault(`the string that begins here has no closing ${letter}`, at, text.length);
    }
    if (letter === "&" || letter === "|") {
      return new Fault(`use ${letter.repeat(2)}, or ${letter === "&" ? "and" : "or"}`, at, at + 1);
    }
    if (letter === "=" && words.includes("the end")) return new Fault(NEEDS_QUOTES, at, at + 1);
    const found = this.peek("word")?.text ?? letter;
    return new Fault(`expected ${words}, found ${found}`, at, at + found.length);
  }

  private bounded(node: Node): Node {
    if (depth(node) > NESTING_MAX) {
      throw new Fault(`it is nested too deeply; at most ${NESTING_MAX} levels are possible`, 0, 1);
    }
    return node;
  }

  private either(): Node {
    return this.joined("any", "or", () => this.joined("all", "and", () => this.term()));
  }

  private joined(type: "any" | "all", word: "or" | "and", next: () => Node): Node {
    const first = next();
    const parts: Node[] = [];
    const add = (node: Node): void => void (node.type === type ? parts.push(...node.parts) : parts.push(node));
    add(first);
    let isJoined = false;
    while (this.take(word)) {
      isJoined = true;
      add(next());
    }
    return isJoined ? this.bounded({ type, parts }) : first;
  }

  private term(): Node {
    let isNegated = false;
    let count = 0;
    while (this.take("not")) {
      isNegated = !isNegated;
      count++;
    }
    const node = this.plain();
    if (!count) return node;
    if (node.type === "not") return isNegated ? node.part : node;
    return isNegated ? this.bounded({ type: "not", part: node }) : node;
  }

  private plain(): Node {
    if (this.takeLetter("(")) {
      if (++this.groups > GROUPS_MAX) throw new Fault("it has too many parentheses", this.at - 1, this.at);
      const node = this.either();
      if (!this.takeLetter(")")) throw this.expected(")");
      this.groups--;
      return node;
    }
    const field = this.take("field");
    if (field) return this.afterField(field);
    const literal = this.take("string", "number");
    if (!literal) throw this.expected("a field, such as status");
    const operator = this.take("operator");
    if (!operator) throw this.expected("an operator such as == or ~");
    const name = this.take("field");
    if (!name) throw this.expected("a field, such as status");
    const turned = BACKWARDS[operator.text];
    if (turned === undefined) {
      this.name(name);
      throw fault(operator, `the field comes before ${operator.text}`);
    }
    return this.compared(name, turned, operator, literal);
  }

  private afterField(field: Token): Node {
    const operator = this.take("operator");
    if (operator) {
      const value = this.take("raw", "string", "word");
      if (!value) throw this.expected("a value");
      return this.compared(field, operator.text, operator, value);
    }
    if (this.take("in")) return this.within(field, "in");
    const before = this.at;
    if (this.take("not")) {
      if (!this.take("in")) {
        this.at = before;
        throw this.expected("an operator such as == or ~, and, or, or the end");
      }
      return this.within(field, "not in");
    }
    if (this.takeLetter("(")) return this.called(field);
    return { type: "comparison", name: this.name(field), operator: "", values: [] };
  }

  private called(field: Token): Node {
    const value = this.take("raw", "string", "word");
    if (!value) throw this.expected("a value");
    if (!this.takeLetter(")")) throw this.expected(")");
    const dot = field.text.lastIndexOf(".");
    const owner = dot < 0 ? "" : field.text.slice(0, dot);
    const method = field.text.slice(dot + 1);
    if (field.text === "has") {
      if (!/^[A-Za-z_]/.test(value.text)) throw fault(value, "has() takes a field, as in has(query.id)");
      return { type: "comparison", name: this.name({ ...value, kind: "field" }), operator: "", values: [] };
    }
    const operator = METHODS[method.toLowerCase()];
    if (!owner || operator === undefined) {
      throw fault(field, `there is no function ${method}; a field has startsWith, endsWith, contains, matches`);
    }
    return this.compared({ kind: "field", text: owner, start: field.start }, operator, field, value);
  }

  private name(token: Token): Name {
    return this.names.understood(token.text, token.start);
  }

  private compared(field: Token, written: string, place: Token, token: Token): Comparison {
    const name = this.name(field);
    if (written in MISTAKEN) throw fault(place, `use ${MISTAKEN[written]} in place of ${written}`);
    const operator = OPERATORS[written] ?? written;
    const { kind } = name.field;
    checkKey(name, field);
    if (!operatorsOf(kind).includes(operator)) throw fault(place, `${name.text} is ${nameOfKind(name.field)}, which ${usable(name)} compare`);
    if (SEARCHES.includes(operator)) return comparison(name, operator, [searched(name, operator, token)]);
    const wanted = ranged(name, writtenOf(token), token);
    if (wanted instanceof Between) {
      if (operator === "==" || operator === "!=") return comparison(name, operator === "==" ? "in" : "not in", [wanted]);
      throw fault(token, `${token.text} stands for several values, which ==, != and in compare`);
    }
    if (ORDERS.includes(operator) && kind === "any" && (typeof wanted === "boolean" || wanted === null)) {
      throw fault(token, `${operator} compares numbers and texts, and not ${token.text}`);
    }
    return comparison(name, operator, [wanted]);
  }

  private within(field: Token, operator: string): Comparison {
    const members = this.members();
    const name = this.name(field);
    checkKey(name, field);
    if (name.field.kind === "flag") throw fault(field, `${name.text} is ${nameOfKind(name.field)}, which == and != compare`);
    const values = members.map(([first, last]) =>
      last ? range(name, writtenOf(first), writtenOf(last), first) : ranged(name, writtenOf(first), first),
    );
    return comparison(name, operator, values);
  }

  private members(): [first: Token, last: Token | null][] {
    const ends: Record<string, string> = { "{": "}", "(": ")", "[": "]" };
    this.skip();
    const end = ends[this.text[this.at] ?? ""];
    if (end === undefined) return [this.member()];
    this.at++;
    const found = [this.member()];
    for (;;) {
      const hasComma = this.takeLetter(",");
      if (this.takeLetter(end)) return found;
      if (!hasComma && !this.peek("raw") && !this.peek("string") && !this.peek("word")) throw this.expected(end);
      found.push(this.member());
    }
  }

  private member(): [first: Token, last: Token | null] {
    const first = this.take("raw", "string", "word");
    if (!first) throw this.expected("a value");
    if (!this.take("dots")) return [first, null];
    const last = this.take("raw", "string", "word");
    if (!last) throw this.expected("a value");
    return [first, last];
  }
}

function comparison(name: Name, operator: string, values: Value[]): Comparison {
  return { type: "comparison", name, operator, values };
}

function fault(token: Token, words: string): Fault {
  return new Fault(words, token.start, token.start + token.text.length);
}

function writtenOf(token: Token): Written {
  if (token.kind === "raw") return { text: token.text.slice(2, -1), isQuoted: true };
  if (token.kind !== "string") return { text: token.text, isQuoted: false };
  try {
    return { text: unquoted(token.text), isQuoted: true };
  } catch (error) {
    throw error instanceof Fault ? fault(token, error.message) : error;
  }
}

function searched(name: Name, operator: string, token: Token): string {
  if (operator !== "~" && operator !== "!~") {
    const { text } = writtenOf(token);
    return name.field.kind === "folded" ? text.toLowerCase() : text;
  }
  // in a pattern, backslashes belong to the pattern
  const text = token.kind === "raw" ? token.text.slice(2, -1) : token.kind === "string" ? token.text.slice(1, -1) : token.text;
  const pattern = text.replace(/\\(["'])/g, "$1");
  try {
    compiled(pattern);
  } catch (error) {
    throw error instanceof NoPattern ? fault(token, `${token.text}: ${error.message}`) : error;
  }
  return pattern;
}

function valueOf(name: Name, written: Written, token: Token): Value {
  try {
    return read(name.field, written);
  } catch (error) {
    if (error instanceof WrongValue) throw fault(token, error.message);
    if (error instanceof NoValue) throw fault(token, `${name.text} is compared with ${error.message}, and not with ${token.text}`);
    throw error;
  }
}

function ranged(name: Name, written: Written, token: Token): Value {
  const at = written.text.indexOf("..");
  if (at < 0 || !hasRanges(name.field.kind) || written.isQuoted) return valueOf(name, written, token);
  const ends = [written.text.slice(0, at), written.text.slice(at + 2)].map((text) => ({ text, isQuoted: false }));
  return range(name, ends[0]!, ends[1]!, token);
}

function range(name: Name, first: Written, last: Written, token: Token): Between {
  if (!hasRanges(name.field.kind)) throw fault(token, `${name.text} is ${nameOfKind(name.field)}, which has no ranges`);
  const ends = [first, last].map((each) => valueOf(name, each, token));
  if (!ends.every((end) => typeof end === "number")) {
    throw fault(token, "a range goes from one number to another, as in 500..599");
  }
  const [from, to] = ends as [number, number];
  if (from > to) throw fault(token, "the range is empty: its first value comes first");
  return new Between(from, to);
}

function checkKey(name: Name, field: Token): void {
  if (name.field.keys === "name" && name.key === null) {
    const example = name.field.condition === "query" ? "id" : "content-type";
    throw fault(field, `${name.text} needs a name, as in ${name.text}.${example}`);
  }
}

function usable(name: Name): string {
  const words = [...operatorsOf(name.field.kind), ...(name.field.kind === "flag" ? [] : ["in"])];
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}
