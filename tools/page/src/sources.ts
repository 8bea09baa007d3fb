// Where lines come from: the elements of a report, or the server of a live capture.

import type { About, Counts } from "./about.ts";
import { linesIn } from "./store.ts";
import { fromBase64, inflated } from "./content.ts";

export interface Frozen {
  about: About;
  counts: Counts;
  chunks: () => AsyncGenerator<[bytes: Uint8Array<ArrayBuffer>, text: string]>;
  size: number; // number of chunks
}

/** The report in this document. null: this is the page of a live capture. */
export function frozen(): Frozen | null {
  const about = document.getElementById("about");
  if (!about) return null;
  const elements = [...document.querySelectorAll("script.chunk")];
  return {
    about: JSON.parse(about.textContent ?? "") as About,
    counts: JSON.parse(document.getElementById("counts")?.textContent ?? "{}") as Counts,
    size: elements.length,
    async *chunks() {
      for (const element of elements) {
        const bytes = fromBase64(element.textContent ?? "");
        element.remove(); // its text is no longer needed
        yield [bytes, await inflated(bytes)];
      }
    },
  };
}

/** The server does not know the token, or has ended. */
export class Refused extends Error {}

export interface Batch {
  lines: string[];
  next: number; // the number of the line to ask for next
  skipped: number; // lines that were no longer there
  total: number; // lines so far
  missed: number; // lines that the server was too slow to take
  hasEnded: boolean; // whether the capture has ended
}

/** The server of a live capture. */
export class Live {
  private readonly token = new URLSearchParams(location.search).get("token") ?? "";

  private async get(path: string): Promise<Response> {
    const response = await fetch(path, { headers: { "Sockfilter-Token": this.token }, cache: "no-store" });
    if (!response.ok) throw new Refused((await response.text()).trim() || `the server answers ${response.status}`);
    return response;
  }

  async about(): Promise<About> {
    return (await (await this.get("about")).json()) as About;
  }

  /** Lines from a number on. Waits for some, if there are none yet. */
  async lines(from: number): Promise<Batch> {
    const response = await this.get(`lines?from=${from}`);
    const text = await response.text();
    const number = (name: string): number => Number(response.headers.get(`Sockfilter-${name}`) ?? 0);
    return {
      lines: linesIn(text),
      next: number("Next"),
      skipped: number("Skipped"),
      total: number("Total"),
      missed: number("Missed"),
      hasEnded: number("Ended") === 1,
    };
  }
}
