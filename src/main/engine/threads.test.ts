/** `bench --devices cpu,cpu`: threads of the processor have their own stretches of the tokens. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEngine } from './client.ts';
import { tinyIds, tinyModel, tinyModelHash, tinyPlan } from './testing/tiny-engine.ts';

let model: ReturnType<typeof tinyModel>;
beforeAll(() => {
  model = tinyModel();
});
afterAll(() => {
  model.remove();
});

it('any number of threads gives one state', async () => {
  const checksums: string[] = [];
  for (const threads of [1, 2, 3]) {
    const engine = await startEngine({
      modelPath: model.modelPath,
      modelHash: tinyModelHash,
      backend: 'cpu',
      threads,
      dataFolder: model.folder,
      maxMemoryMB: 100,
      maxDiskGB: 1,
    });
    expect(engine.info.threads).toBe(threads);
    const ids = tinyIds(700);
    const { state } = await engine.open({ plan: tinyPlan(), ids, useStored: false });
    await engine.prefill(state, ids, { priority: 'chat' });
    checksums.push((await engine.snapshot(state, 'threads')).checksum);
    await engine.close();
  }
  expect(new Set(checksums).size).toBe(1);
});
