/** What the native addon makes of this machine: for `doctor`. */
import { loadNative, type DenseLevel, type SimdLevel } from '../../../../native/index.ts';

/**
 * The level that the kernels use, and all that this machine can run.
 * @throws AppError 'unsupported' when the addon is not built or cannot be loaded
 */
export function simdLevels(): {
  /** of attention */
  readonly used: SimdLevel;
  readonly available: readonly SimdLevel[];
  readonly dense: DenseLevel;
  readonly denseAvailable: readonly DenseLevel[];
} {
  const { simd, available, dense, denseAvailable } = loadNative();
  return { used: simd, available, dense, denseAvailable };
}
