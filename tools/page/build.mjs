// Builds the page's script, and puts it and the style where the package carries them. The same sources give the same
// bytes: the versions of the tools are locked, and nothing of the machine goes into the result.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

const root = new URL("../../", import.meta.url);
const assets = new URL("src/sockfilter/page/assets/", root);
const options = {
  bundle: true,
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  banner: { js: "// SPDX-License-Identifier: BSD-3-Clause. Built by `make page` from tools/page/src." },
};
await build({ ...options, entryPoints: ["src/main.ts"], outfile: new URL("page.js", assets).pathname, format: "iife" });
await build({
  ...options,
  entryPoints: ["src/parts.ts"],
  outfile: new URL("tests/support/page_parts.js", root).pathname,
  format: "cjs",
  platform: "node",
});
await copyFile(new URL("src/page.css", import.meta.url), new URL("page.css", assets));
