// The names of fields: which condition each stands for, and the key after it.

import type { Description, FieldDescription } from "./description.ts";
import { Fault } from "./fault.ts";
import { EACH, type Name, type Part } from "./tree.ts";

const FIRST = /^[A-Za-z_][\w-]*/;
const REST =
  /\.(?<word>[\p{L}\p{N}_$*-]+)|\.(?<string>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|\[\s*(?:(?<index>\d+|\*)|(?<inside>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'))\s*\]/gu;
const ESCAPE = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/gu;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", 0: "\0", "\\": "\\", '"': '"', "'": "'", "/": "/" };
const INDEX_DIGITS_MAX = 9;

interface Piece {
  part: Part;
  isLiteral: boolean;
  end: number;
}

/** The text of a string in quotes. Throws Fault without a place if an escape does not exist. */
export function unquoted(text: string): string {
  return text.slice(1, -1).replace(ESCAPE, (whole, code: string) => {
    const known = ESCAPES[code];
    if (known !== undefined) return known;
    const number = code.length > 1 && /^[xuU]/.test(code) ? parseInt(code.slice(1), 16) : NaN;
    if (!(number < 0x110000)) throw new Fault(`there is no escape ${whole}; \\\\ is a backslash`);
    return String.fromCodePoint(number);
  });
}

/** A text as a string of the language. */
export function quoted(text: string): string {
  const escaped = text.replace(/["\\]/g, "\\$&").replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (letter) => {
    const code = letter.codePointAt(0)!;
    const digits = code.toString(16);
    if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
  });
  return `"${escaped}"`;
}

export class Names {
  private readonly fields: Map<string, FieldDescription>;

  constructor(private readonly description: Description) {
    this.fields = new Map(description.fields.map((field) => [field.condition, field]));
  }

  /** The field that a name stands for. Throws Fault. start: where it is in the filter. */
  understood(text: string, start: number): Name {
    const pieces = this.pieces(text, start);
    const words: string[] = [];
    for (const { part } of pieces) {
      if (typeof part !== "string") break;
      words.push(part);
    }
    for (let count = words.length; count > 0; count--) {
      const name = words.slice(0, count).join(".");
      if (Object.hasOwn(this.description.instead, name)) break;
      const condition = Object.hasOwn(this.description.names, name) ? this.description.names[name] : undefined;
      const field = condition === undefined ? undefined : this.fields.get(condition);
      if (field) return this.withKey(field, text, start, pieces, count);
    }
    throw this.unknown(words, start, pieces);
  }

  private pieces(text: string, start: number): Piece[] {
    const first = FIRST.exec(text)![0];
    const pieces: Piece[] = [{ part: first, isLiteral: false, end: first.length }];
    for (const found of text.slice(first.length).matchAll(REST)) {
      const { word, string, index, inside } = found.groups as Record<string, string | undefined>;
      const end = first.length + found.index + found[0].length;
      if (word === "*" || index === "*") pieces.push({ part: EACH, isLiteral: false, end });
      else if (index !== undefined) {
        pieces.push({ part: index.length <= INDEX_DIGITS_MAX ? Number(index) : index, isLiteral: false, end });
      } else if (word !== undefined) pieces.push({ part: word, isLiteral: false, end });
      else {
        try {
          pieces.push({ part: unquoted((string ?? inside)!), isLiteral: true, end });
        } catch (error) {
          throw error instanceof Fault ? new Fault(error.message, start, start + text.length) : error;
        }
      }
    }
    return pieces;
  }

  private withKey(field: FieldDescription, text: string, start: number, pieces: Piece[], used: number): Name {
    const rest = pieces.slice(used).map(({ part }) => part);
    const made: Name = { field, key: null, path: [], text };
    if (!rest.length) return made;
    if (field.keys === "path") return { ...made, path: rest[0] === "$" && !pieces[used]!.isLiteral ? rest.slice(1) : rest };
    if (field.keys === "name" && rest[0] !== EACH) {
      return { ...made, key: rest.map((part) => (part === EACH ? "*" : String(part))).join(".") };
    }
    throw new Fault(`${field.name} has no parts${this.beginningWith(field.name)}`, start, start + text.length);
  }

  private unknown(words: string[], start: number, pieces: Piece[]): Fault {
    const name = words.join(".");
    const end = start + pieces[words.length - 1]!.end;
    for (const [other, use] of Object.entries(this.description.instead)) {
      if (`${name}.`.startsWith(`${other}.`)) return new Fault(`there is no field ${other}; use ${use}`, start, end);
    }
    const own = this.description.fields.map((field) => field.name);
    const near = nearest(name.toLowerCase(), own);
    if (near) return new Fault(`there is no field ${name}; did you mean ${near}?`, start, end);
    const group = words.length > 1 ? this.beginningWith(words[0]!) : "";
    return new Fault(`there is no field ${name}${group || `; there are ${own.join(", ")}`}`, start, end);
  }

  private beginningWith(group: string): string {
    const found = this.description.fields.map((field) => field.name).filter((name) => name.startsWith(`${group}.`));
    return found.length ? `; there are ${found.join(", ")}` : "";
  }
}

/** The word with the fewest changes, if these are few. */
function nearest(text: string, words: string[]): string | null {
  const scored = words.map((word) => [distance(text, word), word] as const).sort((one, other) => one[0] - other[0]);
  const best = scored[0];
  return best && best[0] <= Math.max(1, Math.floor(text.length / 3)) ? best[1] : null;
}

function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const changed = row[to - 1]! + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min(changed, row[to]! + 1, next[to - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
