// What sockfilter says about the capture, beside the exchanges.

import type { Description } from "./language/description.ts";

export interface About {
  version: string;
  source: string; // the interfaces, or the name of the file
  isFile: boolean;
  filters: string[]; // those of -Y
  showsSecrets: boolean;
  linesMax: number; // lines that the page keeps
  phases: { name: "connect" | "send" | "wait" | "receive"; words: string }[];
  language: Description;
}

/** What is known after the last exchange of a report. */
export interface Counts {
  left_out: number;
}
