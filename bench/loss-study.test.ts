/** The loss study end to end, on a tiny model: the numbers are those of the engine, and a second run computes nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { preset, startEngine } from '../src/main/engine/index.ts';
import { sha256File } from '../src/main/formats/index.ts';
import { encodeTinyLlama, tinyVocabulary } from '../src/main/formats/testing/index.ts';
import { lossOfPart } from './loss-study.ts';
import type { LossPart, LossRun } from './loss-study.ts';

let folder: string;
let run: LossRun;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longleaf-loss-'));
  const path = join(folder, 'tiny.gguf');
  writeFileSync(path, encodeTinyLlama());
  run = {
    model: { id: 'tiny', path, hash: await sha256File(path) },
    backend: 'reference',
    folder: join(folder, 'parts'),
  };
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const part: LossPart = {
  name: 'text-adapted',
  plan: preset('adapted', { heads: 6, kvHeads: 2, headDim: 32, trainedLength: 256 }),
  ids: Int32Array.from({ length: 150 }, (_, i) => (i * 97) % tinyVocabulary),
  stretches: [
    { from: 40, count: 20 },
    { from: 100, count: 30 },
  ],
};

it('is the negative log-probability of each token, given all before it', async () => {
  const { losses } = await lossOfPart(part, run);
  expect(losses.map((stretch) => stretch.length)).toEqual([20, 30]);
  const { path, hash } = run.model;
  const engine = await startEngine({
    ...{
      modelPath: path,
      modelHash: hash,
      backend: 'reference',
      dataFolder: null,
      maxMemoryMB: 1,
      maxDiskGB: 1,
    },
  });
  try {
    const { state } = await engine.open({ plan: part.plan, ids: new Int32Array(0), useStored: false });
    const { logProbabilities } = await engine.score(state, part.ids, { priority: 'chat' });
    part.stretches.forEach(({ from, count }, index) => {
      for (let i = 0; i < count; i++)
        expect(losses[index]?.[i]).toBeCloseTo(-(logProbabilities[from + i] ?? NaN), 4);
    });
  } finally {
    await engine.close();
  }
});

it('keeps a part, finds it again, and computes it anew when something that matters changed', async () => {
  const first = await lossOfPart(part, run);
  const file = join(run.folder, 'text-adapted.json');
  const before = readFileSync(file, 'utf8');
  const calls: string[] = [];
  const again = await lossOfPart(part, { ...run, onProgress: (name) => calls.push(name) });
  expect(again).toEqual(first);
  expect(calls).toEqual([]);
  const other = { ...part, ids: part.ids.map((id) => (id + 1) % tinyVocabulary) };
  expect((await lossOfPart(other, run)).key).not.toBe(first.key);
  expect(readFileSync(file, 'utf8')).not.toBe(before);
});

it('refuses a text that is too short', async () => {
  const short = { ...part, ids: part.ids.subarray(0, 100) };
  await expect(lossOfPart(short, { ...run, folder: join(folder, 'none') })).rejects.toThrow(RangeError);
});
