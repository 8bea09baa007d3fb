// Builds the page's script, and puts it and the style where the package carries them. The same sources give the same
// bytes: the versions of the tools are locked, and nothing of the machine goes into the result.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFile, readdir, readFile } from "node:fs/promises";

const root = new URL("../../", import.meta.url);
const assets = new URL("src/sockfilter/page/assets/", root);
// What the result was made of: a test compares it with the sources, without these tools.
async function digest() {
  const names = ["build.mjs", "package-lock.json", "tsconfig.json"];
  for (const name of await readdir("src", { recursive: true })) if (/\.(ts|css)$/.test(name)) names.push(`src/${name}`);
  const hash = createHash("sha256");
  for (const name of names.sort()) hash.update(await readFile(name));
  return hash.digest("hex");
}

const options = {
  bundle: true,
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  banner: { js: `// SPDX-License-Identifier: BSD-3-Clause. Built by make page from tools/page/src.\n// sources: ${await digest()}` },
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
