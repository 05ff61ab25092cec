/** What is counted from the header, against the design's limits and what a device is really given. */
import { describe, expect, it } from 'vitest';
import { defaultModel } from '../testing/test-data.ts';
import { openGguf } from '../../formats/index.ts';
import { geometryOf, readHyperparameters } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import { countGpuWork } from './count.ts';

const model = defaultModel();
const far = [128 * 1024, 1024 * 1024, 1e9];

describe.skipIf(model.missing)('counting the default model', () => {
  it('keeps to the limits, and costs the same at any distance', async () => {
    const gguf = await openGguf(model.path);
    const hyperparameters = await readHyperparameters(gguf);
    await gguf.close();
    const plan = preset('adapted', geometryOf(hyperparameters));
    const count = countGpuWork(gguf, hyperparameters, plan, { positions: far });
    expect(count.dispatchesPerLayer).toBeLessThanOrEqual(7);
    expect(count.weights.ratio).toBeLessThanOrEqual(1.02);
    const [{ planFlops: near, computedFlops: nearComputed }] = count.positions;
    for (const { keys, planBytes, readBytes, planFlops, computedFlops } of count.positions) {
      expect(keys).toBeLessThan(3 * 2048);
      // whole tiles of 64: at each end of each ring one may be cut off
      expect(readBytes / planBytes).toBeLessThan(1.25);
      // the plan's far bands hold few keys, and a tile of each is computed
      expect(planFlops / near).toBeLessThan(1.1);
      expect(computedFlops / nearComputed).toBeLessThan(1.25);
    }
  });
});
