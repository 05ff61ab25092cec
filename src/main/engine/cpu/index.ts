/** The cpu backend: everything that is hot by the native addon. */
import { loadNative } from '../../../../native/index.ts';
import type { GgufFile } from '../../formats/index.ts';
import { CpuRuntime } from './cpu-runtime.ts';
import type { CpuRuntimeOptions } from './cpu-runtime.ts';

export { CpuRuntime } from './cpu-runtime.ts';
export type { CpuRuntimeOptions } from './cpu-runtime.ts';
export type { NativeAddon, NativeCache, NativeCacheSpec, SimdLevel } from './native-contract.ts';

/**
 * Loads a model for the cpu backend; the file may be closed afterwards.
 * @throws AppError 'unsupported' when the addon is not built or the model is of a kind that we do not run,
 *   'invalid-input' when the file is damaged
 */
export async function createCpuRuntime(
  gguf: GgufFile,
  options: Omit<CpuRuntimeOptions, 'native'> = {},
): Promise<CpuRuntime> {
  return CpuRuntime.open(gguf, { native: loadNative(), ...options });
}
