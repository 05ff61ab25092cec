/** What the native addon makes of this machine: for `doctor`. */
import { loadNative, type SimdLevel } from '../../../../native/index.ts';

/**
 * The level that the kernels use, and all that this machine can run.
 * @throws AppError 'unsupported' when the addon is not built or cannot be loaded
 */
export function simdLevels(): { readonly used: SimdLevel; readonly available: readonly SimdLevel[] } {
  const { simd, available } = loadNative();
  return { used: simd, available };
}
