// Bundles the unit tests, so that they run on every Node from 20 on, and hands them to Node's test runner.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const sources = readdirSync("tests").filter((name) => name.endsWith(".test.ts"));
const outdir = mkdtempSync(join(tmpdir(), "pavilion-tests-"));
try {
  await build({
    entryPoints: sources.map((name) => join("tests", name)),
    outdir,
    bundle: true,
    format: "esm",
    platform: "node",
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
    logLevel: "warning",
  });
  const files = sources.map((name) => join(outdir, name.replace(/\.ts$/, ".mjs")));
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
