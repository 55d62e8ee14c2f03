// Builds static/src/*.js with esbuild into static/dist: `node static/build.mjs`; `--check` compares instead.
// What the browser gets is committed, so that running the site needs no Node.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");
const result = await build({
  entryPoints: readdirSync(join(here, "src")).filter((name) => name.endsWith(".js")).map((name) => join(here, "src", name)),
  outdir: join(here, "dist"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "inline",
  write: !check,
});
if (check) {
  const stale = result.outputFiles.filter((file) => readFileSync(file.path, "utf8") !== file.text);
  for (const file of stale) console.error(`${file.path} is not what its source builds`);
  process.exitCode = stale.length ? 1 : 0;
}
