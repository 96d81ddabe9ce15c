import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const API = "http://127.0.0.1:8288";

/** Puts a compressed copy beside every script and style sheet, so that the server need not compress. */
function gzipAssets(): Plugin {
  return {
    name: "gzip-assets",
    apply: "build",
    enforce: "post",
    // Not earlier: until they are written, other plugins still change the files.
    async writeBundle({ dir = "dist" }, bundle) {
      const written = Object.keys(bundle).filter((fileName) => /\.(js|css)$/.test(fileName));
      await Promise.all(
        written.map(async (fileName) => {
          const path = join(dir, fileName);
          await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
        }),
      );
    },
  };
}

/** Makes a package of the React component, which the compiler writes into the same directory. */
function reactPackage(): Plugin {
  return {
    name: "react-package",
    apply: "build",
    async generateBundle() {
      const source = await readFile("react/package.json");
      this.emitFile({ type: "asset", fileName: "react/package.json", source });
    },
  };
}

/**
 * Small modules that every page needs: compressed together they are smaller. Nothing of `embed/element.ts` is among them,
 * as pages of hosts load that before there is an editor; it needs the function that loads other chunks.
 */
const TOGETHER = [
  {
    name: "base",
    test: /src\/(api\/(session|useLoaded)|base\/json|secrets\/reference|problems\/words|shell\/(routes|times|ui\/(Button|Dialog|Icon|Link|Menu)))\.tsx?$/,
  },
  { name: "variables", test: /src\/expressions\/(variables|paths|outputs)\.ts$/ },
  { name: "preload", test: /preload-helper/, priority: 1 },
];

export default defineConfig({
  base: "./",
  plugins: [react(), gzipAssets(), reactPackage()],
  // The names of messages would stand in each catalogue a second time.
  json: { namedExports: false },
  server: { proxy: { "/api": API } },
  build: {
    manifest: true,
    // The page is made by the server, with the address where it is mounted.
    modulePreload: { polyfill: false },
    // One style sheet: the element of host pages has to know all of it, and nothing may put links into their heads.
    cssCodeSplit: false,
    rolldownOptions: {
      input: [
        "index.html",
        "src/embed/element.ts",
        "src/embed/frame.ts",
        "src/embed/connect.ts",
        "src/realtime/follow.ts",
      ],
      preserveEntrySignatures: "exports-only",
      output: { codeSplitting: { groups: TOGETHER } },
    },
    reportCompressedSize: false,
    // Style sheets may hold data: addresses for nothing but tiny pictures; the policy allows no others.
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  test: {
    environment: "happy-dom",
    // Files share the document of their process: a new one for each takes five times as long as the tests.
    isolate: false,
    include: ["src/**/*.test.{ts,tsx}"],
    // For a busy machine; they take a second or two.
    testTimeout: 60_000,
  },
});
