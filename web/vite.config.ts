import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const API = "http://127.0.0.1:8288";

/** Puts a compressed copy beside every script and style sheet, so that the server need not compress. */
function gzipAssets(): Plugin {
  return {
    name: "gzip-assets",
    apply: "build",
    async generateBundle(_, bundle) {
      const { gzipSync } = await import("node:zlib");
      for (const [fileName, output] of Object.entries(bundle)) {
        if (!/\.(js|css)$/.test(fileName)) continue;
        const source = output.type === "chunk" ? output.code : output.source;
        this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(source, { level: 9 }) });
      }
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), gzipAssets()],
  server: { proxy: { "/api": API } },
  build: {
    manifest: true,
    // The page is made by the server, with the address where it is mounted.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Style sheets may hold data: addresses for nothing but tiny pictures; the policy allows no others.
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});
