/** What a longer text would cost, from what shorter ones did. */
import type { FarPoint, Point } from './results.ts';

/** ms as a function of the number of tokens */
export type Cost = (tokens: number) => number;

/**
 * llama.cpp attends to everything: reading n tokens costs a n + b n^2, a token after n costs c + d n. Fitted to what
 * was measured by least squares of the relative error; what little such a fit can't explain (caches) is not in it.
 * @param points at least two
 */
export function denseCost(points: readonly Point[]): { readonly prefillMs: Cost; readonly decodeMs: Cost } {
  const prefill = fitLine(
    points.flatMap(({ tokens, prefillMs }) => (prefillMs === null ? [] : [[tokens, prefillMs / tokens]])),
  );
  const decode = fitLine(
    points.flatMap(({ tokens, decodeMs }) => (decodeMs === null ? [] : [[tokens, decodeMs]])),
  );
  return { prefillMs: (tokens) => tokens * prefill(tokens), decodeMs: decode };
}

/**
 * Ours beyond what was read: after the last length that was read whole, each token costs what one costs there and at
 * the far lengths (straight between them), measured in states filled with noise.
 */
export function farPrefillMs(last: Point, far: readonly FarPoint[], tokens: number): number {
  const sorted = far.toSorted((a, b) => a.tokens - b.tokens);
  let total = last.prefillMs ?? NaN;
  let at = last.tokens;
  let rate = sorted[0]?.readMs ?? NaN;
  for (const point of sorted) {
    if (point.tokens > tokens || point.tokens <= at) {
      if (point.tokens <= at) rate = point.readMs;
      continue;
    }
    total += ((rate + point.readMs) / 2) * (point.tokens - at);
    at = point.tokens;
    rate = point.readMs;
  }
  return total + rate * (tokens - at);
}

/** y = a + b x with the least sum of squared relative errors. @throws Error for fewer than two points */
function fitLine(points: readonly (readonly number[])[]): Cost {
  if (points.length < 2) throw new Error('Two measurements are needed to extrapolate.');
  let [s, sx, sxx, sy, sxy] = [0, 0, 0, 0, 0];
  for (const [x = NaN, y = NaN] of points) {
    const weight = 1 / (y * y);
    s += weight;
    sx += weight * x;
    sxx += weight * x * x;
    sy += weight * y;
    sxy += weight * x * y;
  }
  const slope = (s * sxy - sx * sy) / (s * sxx - sx * sx);
  const start = (sy - slope * sx) / s;
  return (x) => start + slope * x;
}
