import { expect, it } from 'vitest';
import { compilePlan } from './compile.ts';
import { longnetPlan, preset } from './presets.ts';
import { planRegions } from './regions.ts';

const geometry = { heads: 9, kvHeads: 3, headDim: 64, trainedLength: 8192 };
const regions = (name: 'dense' | 'window' | 'adapted', length: number) =>
  planRegions(compilePlan(preset(name, geometry), geometry), length);

it('adapted: the exact window, then bands that double, the last one back to the beginning', () => {
  expect(regions('adapted', 20_000)).toEqual([
    { from: 0, to: 2048, stride: 1 },
    { from: 2048, to: 4096, stride: 2 },
    { from: 4096, to: 8192, stride: 4 },
    { from: 8192, to: 16_384, stride: 16 },
    { from: 16_384, to: null, stride: 32 },
  ]);
  expect(regions('adapted', 1_000)).toEqual([{ from: 0, to: null, stride: 1 }]);
  const million = regions('adapted', 1_048_577);
  expect(million.at(-1)).toEqual({ from: 1_048_576, to: null, stride: 2 ** 14 });
  // each region begins where the one before it ends
  for (const [i, { from }] of million.entries()) expect(from).toBe(i === 0 ? 0 : million[i - 1]?.to);
});

it('bands with a last one end there: beyond it nothing is seen', () => {
  const plan = preset('adapted', geometry);
  if (plan.bands === undefined) throw new Error('adapted has bands');
  const ended = compilePlan({ ...plan, bands: { ...plan.bands, count: 2 } }, geometry);
  expect(planRegions(ended, 1_000_000).map(({ to }) => to)).toEqual([2048, 4096, 8192]);
});

it('window ends at its window; dense has no end', () => {
  expect(regions('window', 1_000_000)).toEqual([{ from: 0, to: 8184, stride: 1 }]);
  expect(regions('dense', 1_000_000)).toEqual([{ from: 0, to: null, stride: 1 }]);
});

it('longnet: of each longer segment what lies beyond the shorter one', () => {
  const plan = longnetPlan({
    patterns: [
      { segmentLength: 2048, dilation: 1 },
      { segmentLength: 4096, dilation: 2 },
      { segmentLength: 8192, dilation: 4 },
    ],
  });
  expect(planRegions(compilePlan(plan, { ...geometry, heads: 8, kvHeads: 2 }), 5_000)).toEqual([
    { from: 0, to: 2048, stride: 1 },
    { from: 2048, to: 4096, stride: 2 },
    { from: 4096, to: 8192, stride: 4 },
  ]);
});
