// Text of peers: whatever it has in it is shown, and changes nothing around it.

// Control characters, characters without width, and those that change the direction of text. Line feeds and tabs stay.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu;
// more than three marks on one letter would cover the lines above and below
const MARKS = /(\p{M}{3})\p{M}+/gu;

function escaped(letter: string): string {
  if (letter === "\n" || letter === "\t") return letter;
  const code = letter.codePointAt(0)!;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** The text with what cannot be seen as \xNN and \u{NNNN}. */
export function shown(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(HIDDEN, escaped).replace(MARKS, "$1");
}

/** The same in one line. */
export function line(text: string, limit = 2000): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return shown(cut).replace(/[\n\t]/g, (letter) => (letter === "\n" ? "\\n" : "\\t"));
}

export function size(bytes: number | null): string {
  if (bytes === null) return "";
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let at = -1;
  do {
    value /= 1024;
    at++;
  } while (value >= 1024 && at < units.length - 1);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

/** A number of seconds. */
export function duration(seconds: number | undefined | null): string {
  if (seconds === undefined || seconds === null) return "";
  if (seconds >= 60) return `${Math.floor(seconds / 60)} m ${Math.round(seconds % 60)} s`;
  if (seconds >= 1) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const milliseconds = seconds * 1000;
  if (milliseconds >= 1) return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
  return `${Math.round(seconds * 1e6)} µs`;
}

/** The time of day, in the time zone of the browser. */
export function clock(time: number | null): string {
  if (time === null) return "";
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const rest = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${rest}`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
