/** Three programs of the desktop app: main, preload, and the page, which `longleaf serve` shows in a browser too. */
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';
import { join } from 'node:path';

const renderer = join(import.meta.dirname, 'src/renderer');

export default defineConfig({
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
