// The lines that the page keeps: a row of each at hand, and the text compressed, in chunks.

import { deflated, inflated } from "./content.ts";
import type { Line } from "./lines.ts";
import { isExchange } from "./lines.ts";
import { Ends, type Row, rowOf } from "./rows.ts";

// Lines after which a chunk of a live capture is compressed.
const CHUNK_LINES = 1000;
// Chunks whose text is at hand: some megabytes.
const OPEN_MAX = 6;
// Messages that one exchange keeps at hand.
const MESSAGES_MAX = 10_000;

interface Chunk {
  first: number; // the number of its first line
  count: number;
  bytes: Uint8Array<ArrayBuffer> | null; // null: it is still being compressed
  lines: string[] | null; // its text, while it is at hand
}

/** The lines of a text, of which the last has an end too, or not. */
export function linesIn(text: string): string[] {
  const lines = text.split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  return lines;
}

export class Store {
  readonly rows: Row[] = [];
  forgotten = 0; // lines that were dropped for newer ones
  private readonly chunks: Chunk[] = [];
  private tail: Chunk = { first: 0, count: 0, bytes: null, lines: [] };
  private opened: Chunk[] = [];
  private readonly ends = new Ends();
  private next = 0;
  private exchanges = new Map<number, Row>();
  private messages = new Map<number, Row[]>();
  private readonly kept = new Map<number, string>(); // the text of rows that are pinned
  version = 0; // changes whenever rows are dropped, so that lists are made anew

  constructor(private readonly limit: number) {}

  get count(): number {
    return this.rows.length;
  }

  /** Adds a chunk as a report has it, with its text. */
  addChunk(bytes: Uint8Array<ArrayBuffer>, text: string): Line[] {
    const lines = linesIn(text);
    const chunk: Chunk = { first: this.next, count: lines.length, bytes, lines: null };
    this.chunks.push(chunk);
    this.tail = { first: this.next + lines.length, count: 0, bytes: null, lines: [] };
    return this.parsed(lines);
  }

  /** Adds lines of a live capture. */
  add(lines: string[]): Line[] {
    this.tail.lines!.push(...lines);
    this.tail.count += lines.length;
    const found = this.parsed(lines);
    if (this.tail.count >= CHUNK_LINES) {
      const full = this.tail;
      this.chunks.push(full);
      this.tail = { first: this.next, count: 0, bytes: null, lines: [] };
      void deflated(full.lines!.join("\n")).then((bytes) => {
        full.bytes = bytes;
        full.lines = null;
      });
    }
    if (this.rows.length > this.limit) this.forget();
    return found;
  }

  clear(): void {
    this.chunks.length = 0;
    this.opened = [];
    this.rows.length = 0;
    this.tail = { first: this.next, count: 0, bytes: null, lines: [] };
    this.exchanges.clear();
    this.messages.clear();
    this.version++;
  }

  /** The row of a line. undefined: it was forgotten. */
  row(seq: number): Row | undefined {
    const first = this.rows[0];
    return first && this.rows[seq - first.seq];
  }

  /** The number of the next line. */
  get end(): number {
    return this.next;
  }

  /** Keeps the text of a row whatever comes, or no longer. */
  async pin(row: Row, isPinned: boolean): Promise<void> {
    row.pinned = isPinned;
    const line = isPinned ? await this.line(row) : null;
    if (line) this.kept.set(row.seq, JSON.stringify(line));
    else this.kept.delete(row.seq);
  }

  exchange(id: number | null): Row | null {
    return id === null ? null : (this.exchanges.get(id) ?? null);
  }

  messagesOf(id: number | null): Row[] {
    return id === null ? [] : (this.messages.get(id) ?? []);
  }

  /** The line of a row. null: it is no longer there. */
  async line(row: Row): Promise<Line | null> {
    const kept = this.kept.get(row.seq);
    if (kept !== undefined) return JSON.parse(kept) as Line;
    const chunk = this.chunkOf(row.seq);
    if (!chunk) return null;
    const text = (await this.linesOf(chunk))[row.seq - chunk.first];
    return text === undefined ? null : (JSON.parse(text) as Line);
  }

  /** Calls with all lines, chunk by chunk, the newest first, until it returns false. */
  async each(take: (first: number, lines: string[]) => boolean | Promise<boolean>): Promise<void> {
    for (const chunk of [...this.chunks, this.tail].reverse()) {
      if (!(await take(chunk.first, await this.linesOf(chunk)))) return;
    }
  }

  private chunkOf(seq: number): Chunk | null {
    if (seq >= this.tail.first) return seq < this.next ? this.tail : null;
    let low = 0;
    let high = this.chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.chunks[middle]!.first <= seq) low = middle;
      else high = middle - 1;
    }
    const found = this.chunks[low];
    return found && found.first <= seq && seq < found.first + found.count ? found : null;
  }

  private async linesOf(chunk: Chunk): Promise<string[]> {
    if (chunk.lines) return chunk.lines;
    const lines = linesIn(await inflated(chunk.bytes!));
    chunk.lines = lines;
    this.opened = [chunk, ...this.opened.filter((each) => each !== chunk)];
    for (const old of this.opened.splice(OPEN_MAX)) old.lines = null;
    return lines;
  }

  private parsed(lines: string[]): Line[] {
    return lines.map((text) => {
      const line = JSON.parse(text) as Line;
      const row = rowOf(line, this.next++, this.ends);
      this.rows.push(row);
      if (isExchange(line)) this.exchanges.set(line.id, row);
      else if (line.exchange !== null) {
        const known = this.messages.get(line.exchange);
        if (!known) this.messages.set(line.exchange, [row]);
        else if (known.length < MESSAGES_MAX) known.push(row);
      }
      return line;
    });
  }

  /** Drops the oldest chunk. */
  private forget(): void {
    const old = this.chunks.shift();
    if (!old) return;
    const end = old.first + old.count;
    let at = 0;
    while (at < this.rows.length && this.rows[at]!.seq < end) {
      const row = this.rows[at]!;
      if (row.id !== null) (row.isMessage ? this.messages : this.exchanges).delete(row.id);
      at++;
    }
    this.forgotten += at;
    this.rows.splice(0, at);
    this.version++;
  }
}
