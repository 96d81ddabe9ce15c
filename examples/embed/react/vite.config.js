import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** One file, which the host application serves with its other static files. */
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../static",
    emptyOutDir: false,
    rollupOptions: { input: "main.tsx", output: { entryFileNames: "react.js" } },
  },
});
