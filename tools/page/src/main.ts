// Starts the page: with the report in this document, or with the server that sent it.

import { App } from "./app.ts";
import { h } from "./dom.ts";
import { type Frozen, frozen, Live, Refused } from "./sources.ts";
import { count, shown } from "./text.ts";

// Milliseconds until the server is asked again after a failure.
const RETRY_MS = 2000;
const HAS_ENDED = "The capture has ended.";

async function showReport({ about, counts, chunks, size }: Frozen): Promise<void> {
  const app = new App(about);
  app.table.follows = false;
  document.title = `${about.source} – sockfilter`;
  let read = 0;
  for await (const [bytes, text] of chunks()) {
    app.take(app.store.addChunk(bytes, text));
    app.notify(++read < size ? `reading: ${Math.round((100 * read) / size)} %` : "");
    await new Promise((resolve) => setTimeout(resolve)); // lets the browser draw
  }
  app.update();
  if (counts.left_out) app.notify(`${count(counts.left_out, "more line")} are not in this report, which holds ${about.linesMax.toLocaleString("en")}`);
  document.documentElement.dataset["state"] = "ready";
}

async function showLive(live: Live): Promise<void> {
  const about = await live.about();
  const app = new App(about);
  document.title = `${about.source} – sockfilter`;
  let next = 0;
  let skipped = 0;
  for (;;) {
    try {
      const batch = await live.lines(next);
      next = batch.next;
      skipped += batch.skipped;
      if (batch.lines.length) app.take(app.store.add(batch.lines));
      const words = [];
      if (skipped) words.push(`${count(skipped, "line")} were gone before this page asked for them`);
      if (batch.missed) words.push(`${count(batch.missed, "line")} were too many for the page's server`);
      if (batch.hasEnded && next >= batch.total) words.push(HAS_ENDED);
      app.notify(words.join(" · "));
      document.documentElement.dataset["state"] = next >= batch.total ? "ready" : "reading";
      if (batch.hasEnded && next >= batch.total) return;
    } catch (error) {
      app.notify(error instanceof Refused ? error.message : "sockfilter has ended, or cannot be reached. What has come stays here.");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function start(): Promise<void> {
  const report = frozen();
  if (report) return showReport(report);
  try {
    await showLive(new Live());
  } catch (error) {
    const words = error instanceof Refused ? error.message : String(error);
    document.body.replaceChildren(h("p", { class: "empty" }, shown(words)));
  }
}

void start();
