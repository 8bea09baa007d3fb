// Builds the page's script, and puts it and the style where the package carries them. The same sources give the same
// bytes: the versions of the tools are locked, and nothing of the machine goes into the result.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

const assets = new URL("../../src/sockfilter/page/assets/", import.meta.url);
await build({
  entryPoints: ["src/main.ts"],
  outfile: new URL("page.js", assets).pathname,
  bundle: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  banner: { js: "// SPDX-License-Identifier: BSD-3-Clause. Built by `make page` from tools/page/src." },
});
await copyFile(new URL("src/page.css", import.meta.url), new URL("page.css", assets));
