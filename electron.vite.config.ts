/** Three programs of the desktop app: main, preload, and the page, which `longleaf serve` shows in a browser too. */
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';
import { join } from 'node:path';

const renderer = join(import.meta.dirname, 'src/renderer');

const source = join(import.meta.dirname, 'src');
const out = join(import.meta.dirname, 'out');

/** One CommonJS file: what Electron loads, in a sandboxed preload script the only kind there is. */
const single = (entry: string, outDir: string) => ({
  outDir: join(out, outDir),
  // valibot and our own code go into the file; only Electron itself stays outside.
  externalizeDeps: false,
  rollupOptions: {
    input: join(source, entry),
    output: { format: 'cjs' as const, entryFileNames: 'index.cjs' },
  },
});

export default defineConfig({
  main: { build: single('main/index.ts', 'main') },
  preload: { build: single('preload/index.ts', 'preload') },
  renderer: {
    root: renderer,
    plugins: [
      paraglideVitePlugin({
        project: join(renderer, 'project.inlang'),
        outdir: join(renderer, 'paraglide'),
        strategy: ['globalVariable', 'baseLocale'],
        emitTsDeclarations: true,
      }),
      svelte(),
    ],
    // Workers load their grammars when they need them.
    worker: { format: 'es' },
    build: {
      outDir: join(import.meta.dirname, 'out/renderer'),
      rollupOptions: { input: join(renderer, 'index.html') },
      // The CSP allows no inline script and no data: fonts.
      assetsInlineLimit: 0,
      minify: true,
      modulePreload: { polyfill: false },
    },
  },
});
