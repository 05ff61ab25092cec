/** Every bench end to end, on a tiny random model with the reference backend: the figures are there and make sense. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File } from '../formats/index.ts';
import { encodeTinyLlama, tinyVocabulary } from '../formats/testing/index.ts';
import { benchGate } from './gate.ts';
import { runBench } from './index.ts';
import type { BenchRequest } from './index.ts';

let folder: string;
let request: BenchRequest;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longleaf-bench-test-'));
  const path = join(folder, 'tiny.gguf');
  writeFileSync(path, encodeTinyLlama());
  writeFileSync(join(folder, 'text.txt'), 'It was a dark and stormy night. '.repeat(20));
  request = {
    model: { id: 'tiny', path, hash: await sha256File(path) },
    backend: 'reference',
    maxRows: 32,
    repeat: 2,
  };
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('benches', () => {
  it('prefill: the median of the runs, and the keys that were counted', async () => {
    const result = await runBench('prefill', { ...request, tokens: 100, plan: 'dense' });
    expect(result).toMatchObject({
      name: 'prefill',
      backend: 'reference',
      model: 'tiny',
      plan: 'dense',
      contextTokens: 100,
      reach: { exact: 100, sparse: 0 },
    });
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(result.peakMemoryMB).toBeGreaterThan(10);
    expect((result['spread'] as { runs: number[] }).runs).toHaveLength(2);
  });

  it('decode: a second context in turns with the first', async () => {
    const result = await runBench('decode', { ...request, context: 200, compare: 50, tokens: 4 });
    expect(result.contextTokens).toBe(200);
    const { costRatio, msPerToken } = result['compare'] as {
      costRatio: number;
      msPerToken: { runs: readonly number[] };
    };
    expect(costRatio).toBeGreaterThan(0);
    expect(msPerToken.runs).toHaveLength(2);
  });

  it('profile: no step takes more than the whole, beside peaks measured in the same run', async () => {
    const result = await runBench('profile', { ...request, backend: 'cpu', tokens: 64 });
    const { int8Gops, readGigabytesPerSecond } = result['peaks'] as Record<string, number>;
    expect(int8Gops).toBeGreaterThan(0);
    expect(readGigabytesPerSecond).toBeGreaterThan(0);
    for (const part of ['prefill', 'decode']) {
      const steps = result[part] as { step: string; share: number }[];
      expect(steps.length).toBeGreaterThan(3);
      const whole = steps.reduce((sum, { share }) => sum + share, 0);
      expect(whole, part).toBeGreaterThan(0);
      expect(whole, part).toBeLessThan(1.05);
    }
  });

  it('profile: none of the reference', async () => {
    await expect(runBench('profile', request)).rejects.toThrow('has no profile');
  });

  it('decode: no synthetic states from the reference backend', async () => {
    const synthetic = { ...request, context: 200, synthetic: true };
    await expect(runBench('decode', synthetic)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('reopen: restored from disk, and said how fast', async () => {
    const result = await runBench('reopen', { ...request, tokens: 150 });
    const restored = result['restoredMs'] as { runs: number[]; least: number };
    expect(restored.runs).toHaveLength(2);
    expect(restored.least).toBeGreaterThan(0);
    expect(result['stateMB']).toBeGreaterThan(0);
  });

  it('perplexity: a random model is about as uncertain as its vocabulary is large', async () => {
    const file = join(folder, 'text.txt');
    const result = await runBench('perplexity', { ...request, tokens: 200, file });
    expect(result['scored']).toBe(199);
    expect(result['loss']).toBeGreaterThan(0.5 * Math.log(tinyVocabulary));
    expect(result['loss']).toBeLessThan(2 * Math.log(tinyVocabulary));
    expect(result['perplexity']).toBeCloseTo(Math.exp(result['loss'] as number), 6);
  });

  it('perplexity: names a text that is missing, absent or too short', async () => {
    await expect(runBench('perplexity', request)).rejects.toMatchObject({ code: 'usage' });
    const file = join(folder, 'absent.txt');
    await expect(runBench('perplexity', { ...request, file })).rejects.toMatchObject({ code: 'not-found' });
    const short = { ...request, file: join(folder, 'text.txt'), tokens: 100_000 };
    await expect(runBench('perplexity', short)).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('recall: every distance has its facts, with and without the document', async () => {
    const result = await runBench('recall', { ...request, tokens: 600 });
    expect(result['byDistance']).toMatchObject([{ distance: 256 }, { distance: 512 }]);
    for (const row of result['byDistance'] as { logProbability: number; withoutDocument: number }[]) {
      expect(row.logProbability).toBeLessThan(0);
      expect(row.withoutDocument).toBeLessThan(0);
    }
  });

  it('recall --gate: passages with and without the state, near and far facts apart', async () => {
    const size = { far: 128, farDistances: 2, passageTokens: 40 };
    const { farReading, ...result } = await benchGate({ ...request, tokens: 400 }, size);
    expect(result).toMatchObject({ name: 'recall', plan: 'adapted', contextTokens: 400 });
    expect(farReading).toMatchObject({ facts: 4, overall: { facts: 8 } });
    const [low, high] = farReading.interval95;
    expect(low).toBeLessThanOrEqual(farReading.difference);
    expect(high).toBeGreaterThanOrEqual(farReading.difference);
    expect(farReading.passed).toBe(low > 0);
    await expect(benchGate({ ...request, tokens: 400 })).rejects.toMatchObject({ code: 'usage' });
  });

  it('is stopped by its signal', async () => {
    const signal = AbortSignal.timeout(10);
    await expect(runBench('prefill', { ...request, tokens: 200, signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});
