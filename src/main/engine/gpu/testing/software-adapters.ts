/**
 * Vulkan drivers that compute on the processor, so that every kernel is tested without a graphics card: lavapipe
 * (16-bit arithmetic, subgroups, a small limit of bindings) and SwiftShader (f32). Installed and found by
 * tools/software-vulkan.sh beside the test data.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { testData } from '../../testing/test-data.ts';

/** By the names that Dawn gives them. */
export const softwareAdapters = { lavapipe: 'llvmpipe', swiftshader: 'SwiftShader' } as const;

/** Why the adapters can't be used here, or null. Then this process, and those it starts, see both and no other. */
export const noSoftwareAdapters: string | null = useSoftwareAdapters();

/** For the name of a suite that is skipped. */
export const skippedWithoutAdapters =
  noSoftwareAdapters === null ? '' : ` (skipped: no software adapters: ${noSoftwareAdapters})`;

/** Under CI=true nothing is skipped: suites run, and fail. */
export const skipWithoutAdapters = noSoftwareAdapters !== null && process.env['CI'] !== 'true';

function useSoftwareAdapters(): string | null {
  const script = join(dirname(testData('').path), 'tools/software-vulkan.sh');
  if (process.platform !== 'linux') return 'they are for Linux';
  if (!existsSync(script)) return `${script} is missing`;
  const drivers: string[] = [];
  for (const driver of Object.keys(softwareAdapters)) {
    try {
      // the script may install packages: one at a time on this machine
      const lock = '/tmp/longleaf-software-vulkan.lock';
      const output = execFileSync('flock', [lock, 'bash', script, driver], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      drivers.push(/VK_ICD_FILENAMES=(\S+)/.exec(output)?.[1] ?? '');
    } catch (error) {
      return `${driver}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  // read by the Vulkan loader when Dawn first asks for an adapter
  process.env['VK_ICD_FILENAMES'] = drivers.join(':');
  process.env['XDG_RUNTIME_DIR'] ??= '/tmp';
  return null;
}
