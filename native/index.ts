/**
 * The native addon: the `cpu` backend's dense part over packed weights, keys and values, rotary embedding and dilated
 * attention. Built by `native/build.mjs`; this is the only file that loads the binary.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from '../src/main/engine/cpu/native-contract.ts';
import { AppError } from '../src/shared/errors.ts';

export type {
  DenseLevel,
  NativeAddon,
  NativeCache,
  NativeCacheSpec,
  SimdLevel,
} from '../src/main/engine/cpu/native-contract.ts';

const binary = fileURLToPath(new URL('./build/longleaf.node', import.meta.url));

let loaded: NativeAddon | undefined;

/**
 * Loads the addon, once per process.
 * @throws AppError 'unsupported' when the binary is missing or cannot be loaded here; 'usage' when LONGLEAF_SIMD
 * names a level that this machine cannot run
 */
export function loadNative(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  if (!existsSync(binary))
    throw new AppError('unsupported', 'The native attention kernels are not built.', 'Run `npm run build`.');
  try {
    return createRequire(import.meta.url)(binary) as NativeAddon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (reason.startsWith('SIMD level'))
      throw new AppError('usage', reason, 'Unset LONGLEAF_SIMD, or set it to a level of the list.', {
        cause,
      });
    throw new AppError(
      'unsupported',
      `The native attention kernels cannot be loaded: ${reason}`,
      'Rebuild them on this machine: `node native/build.mjs --force`.',
      { cause },
    );
  }
}
