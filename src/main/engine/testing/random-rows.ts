/** Standard normal numbers, reproducible: rows of q, k and v for tests of attention. */
import { Pcg32 } from '../sampling/index.ts';

export function normalNumbers(length: number, seed: number): Float32Array {
  const random = new Pcg32(seed);
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.nextUniform()));
    return radius * Math.cos(2 * Math.PI * random.nextUniform());
  });
}
