// Bundles the sources into ../static/dist: one script per page, one style sheet, one service worker.
import { rm } from "node:fs/promises";
import { context } from "esbuild";

const outdir = new URL("../static/dist/", import.meta.url).pathname;
const watch = process.argv.includes("--watch");

await rm(outdir, { recursive: true, force: true });
const build = await context({
  entryPoints: {
    app: "src/app.ts",
    room: "src/room/page.ts",
    offline: "src/offline.ts",
    admin: "src/admin.ts",
    "service-worker": "src/worker/service-worker.ts",
    pavilion: "styles/pavilion.css",
    staff: "styles/staff.css",
  },
  outdir,
  bundle: true,
  // Scripts load with type="module", the worker as a classic script: "esm" without exports serves both.
  format: "esm",
  target: ["es2022", "safari16.4"],
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  legalComments: "eof",
  logLevel: "info",
});

if (watch) {
  await build.watch();
} else {
  await build.rebuild();
  await build.dispose();
}
