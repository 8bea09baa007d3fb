// Regular expressions of Python as those of JavaScript. What cannot be translated is refused, never changed in meaning.

/** A pattern that the page cannot use. */
export class NoPattern extends Error {}

const DIGIT = "\\p{Nd}";
const WORD = "\\p{L}\\p{N}_";
// str.isspace() of Python
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const IS_WORD = `[${WORD}]`;
const BOUNDARY = `(?:(?<=${IS_WORD})(?!${IS_WORD})|(?<!${IS_WORD})(?=${IS_WORD}))`;
const NO_BOUNDARY = `(?:(?<=${IS_WORD})(?=${IS_WORD})|(?<!${IS_WORD})(?!${IS_WORD}))`;
const END = "(?![\\s\\S])";
const CONTROLS: Record<string, string> = { a: "\\x07", f: "\\f", n: "\\n", r: "\\r", t: "\\t", v: "\\v" };
const SETS: Record<string, [inside: string, isNegated: boolean]> = {
  d: [DIGIT, false],
  D: [DIGIT, true],
  w: [WORD, false],
  W: [WORD, true],
  s: [SPACE, false],
  S: [SPACE, true],
};

/** Compiles a pattern. Throws NoPattern, whose text says why. */
export function compiled(pattern: string): RegExp {
  const flags = new Set(["u"]);
  let text = pattern;
  const inline = /^\(\?([aiLmsux]+)\)/.exec(text);
  if (inline) {
    for (const flag of inline[1]!) {
      if (flag === "u") continue;
      if (!"ims".includes(flag)) throw new NoPattern(`the flag (?${flag}) is not possible in the page`);
      flags.add(flag);
    }
    text = text.slice(inline[0].length);
  }
  const isMultiline = flags.delete("m"); // ^ and $ are written out: lines end with \n alone
  const translated = new Translation(text, isMultiline, flags.has("s")).made();
  flags.delete("s");
  try {
    return new RegExp(translated, [...flags].join(""));
  } catch (error) {
    throw new NoPattern(`it is not a regular expression: ${String(error).replace(/^.*\/: /, "")}`);
  }
}

class Translation {
  private at = 0;
  private readonly out: string[] = [];

  constructor(
    private readonly text: string,
    private readonly isMultiline: boolean,
    private readonly isDotAll: boolean,
  ) {}

  made(): string {
    while (this.at < this.text.length) this.one();
    return this.out.join("");
  }

  private one(): void {
    const { text, at } = this;
    const letter = String.fromCodePoint(text.codePointAt(at)!);
    if (letter === "\\") return this.escape();
    if (letter === "[") return this.set();
    if (letter === "(" && text[at + 1] === "?") return this.group();
    if (/^[*+?}]$/.test(letter) && text[at + 1] === "+") throw new NoPattern("possessive quantifiers are not possible in the page");
    const braces = letter === "{" ? /^\{(?:(\d+)(,\d*)?|,(\d+))\}/.exec(text.slice(at)) : null;
    if (braces) {
      this.at += braces[0].length;
      if (text[this.at] === "+") throw new NoPattern("possessive quantifiers are not possible in the page");
      this.out.push(braces[3] === undefined ? braces[0] : `{0,${braces[3]}}`);
      return;
    }
    this.at += letter.length;
    if (letter === "^") this.out.push(this.isMultiline ? "(?<![^\\n])" : "(?<![\\s\\S])");
    else if (letter === "$") this.out.push(this.isMultiline ? "(?![^\\n])" : `(?=\\n?${END})`);
    else if (letter === ".") this.out.push(this.isDotAll ? "[\\s\\S]" : "[^\\n]");
    else this.out.push(/^[{}\]]$/.test(letter) ? `\\${letter}` : letter);
  }

  private group(): void {
    const rest = this.text.slice(this.at);
    const found =
      /^\(\?P<([A-Za-z_]\w*)>/.exec(rest) ?? /^\(\?P=([A-Za-z_]\w*)\)/.exec(rest) ?? /^\(\?(?:[:=!]|<[=!])/.exec(rest);
    if (!found) {
      const comment = /^\(\?#[^)]*\)/.exec(rest);
      if (!comment) throw new NoPattern(`${rest.slice(0, 4)} is not possible in the page`);
      this.at += comment[0].length;
      return;
    }
    this.at += found[0].length;
    if (found[0].startsWith("(?P<")) this.out.push(`(?<${found[1]}>`);
    else if (found[0].startsWith("(?P=")) this.out.push(`\\k<${found[1]}>`);
    else this.out.push(found[0]);
  }

  private escape(): void {
    const letter = this.text[this.at + 1];
    if (letter === undefined) throw new NoPattern("it ends with a backslash");
    const digits = /^[1-9][0-9]?/.exec(this.text.slice(this.at + 1));
    if (digits) {
      this.at += 1 + digits[0].length;
      this.out.push(`(?:\\${digits[0]})`);
      return;
    }
    const places: Record<string, string> = { A: "(?<![\\s\\S])", Z: END, b: BOUNDARY, B: NO_BOUNDARY };
    if (letter in places) {
      this.at += 2;
      this.out.push(places[letter]!);
      return;
    }
    const set = SETS[letter];
    if (set) {
      this.at += 2;
      this.out.push(`[${set[1] ? "^" : ""}${set[0]}]`);
      return;
    }
    this.out.push(this.character(false));
  }

  /** An escape that stands for one character. */
  private character(isInSet: boolean): string {
    const rest = this.text.slice(this.at);
    const code = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(0[0-7]{0,2}|[1-3][0-7]{2}))/.exec(rest);
    if (code) {
      this.at += code[0].length;
      const number = code[4] === undefined ? parseInt((code[1] ?? code[2] ?? code[3])!, 16) : parseInt(code[4], 8);
      if (number > 0x10ffff) throw new NoPattern(`${code[0]} is no character`);
      return `\\u{${number.toString(16)}}`;
    }
    const letter = String.fromCodePoint(rest.codePointAt(1) ?? 0);
    this.at += 1 + letter.length;
    if (letter in CONTROLS) return CONTROLS[letter]!;
    if (isInSet && letter === "b") return "\\x08";
    if (/^[A-Za-z0-9]$/.test(letter)) throw new NoPattern(`\\${letter} is not possible in the page`);
    return /^[\^$\\.*+?()[\]{}|/-]$/.test(letter) ? (letter === "-" && !isInSet ? "-" : `\\${letter}`) : letter;
  }

  private set(): void {
    const { text } = this;
    let at = this.at + 1;
    const isNegated = text[at] === "^";
    if (isNegated) at++;
    this.at = at;
    const inside: string[] = [];
    const negative: string[] = []; // \D, \W and \S in a set
    let isFirst = true;
    for (; ; isFirst = false) {
      const letter = text[this.at] === undefined ? "" : String.fromCodePoint(text.codePointAt(this.at)!);
      if (!letter) throw new NoPattern("a set, which begins with [, has no end");
      if (letter === "]" && !isFirst) break;
      if (letter === "\\") {
        const set = SETS[text[this.at + 1] ?? ""];
        if (set) {
          this.at += 2;
          (set[1] ? negative : inside).push(set[0]);
        } else inside.push(this.character(true));
        continue;
      }
      this.at += letter.length;
      if (letter === "-") inside.push(isFirst || text[this.at] === "]" || this.followsSet() ? "\\-" : "-");
      else inside.push(/^[[\]^]$/.test(letter) ? `\\${letter}` : letter);
    }
    this.at++;
    const alternatives = negative.map((each) => `[^${each}]`);
    if (inside.length) alternatives.unshift(`[${inside.join("")}]`);
    const made = alternatives.length === 1 ? alternatives[0]! : `(?:${alternatives.join("|")})`;
    this.out.push(isNegated ? `(?:(?!${made})[\\s\\S])` : made);
  }

  /** Whether the dash before this place comes after a class such as \d: it is refused as Python does, or a dash. */
  private followsSet(): boolean {
    return /\\[dDwWsS]-$/.test(this.text.slice(0, this.at)) || /^\\[dDwWsS]/.test(this.text.slice(this.at));
  }
}
