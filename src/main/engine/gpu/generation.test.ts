/** Answers whose tokens stay on the device, against the same answer with each row sampled by the processor. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SamplingParameters } from '../../../shared/model/index.ts';
import { preset } from '../plan/presets.ts';
import type { Cache } from '../runtime.ts';
import { Sampler } from '../sampling/index.ts';
import { logProbability, summarise } from '../scoring.ts';
import { firstDifference, openTiny, snapshotOf, someIds } from '../testing/runtime-conformance.ts';
import { createGpuRuntime } from './index.ts';
import type { GpuRuntime } from './index.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';

const greedy: SamplingParameters = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1.3,
  repetitionWindow: 8,
  seed: 1,
  maxTokens: 12,
};
const drawn: SamplingParameters = {
  ...greedy,
  temperature: 1.4,
  topK: 40,
  topP: 0.95,
  minP: 0.01,
  repetitionWindow: 5,
  seed: 11,
};
const context = someIds(70);

describe.skipIf(skipWithoutAdapters)(`generating on lavapipe${skippedWithoutAdapters}`, () => {
  let runtime: GpuRuntime;
  beforeAll(async () => {
    runtime = (await openTiny((gguf) =>
      createGpuRuntime(gguf, { device: softwareAdapters.lavapipe }),
    )) as GpuRuntime;
  });
  afterAll(() => runtime.release());

  it.each([
    ['greedy, with a penalty', greedy],
    ['drawn by top-k, top-p, min-p, temperature', drawn],
  ])('%s: the tokens, the state and the logits that row by row sampling gives', async (_, sampling) => {
    const expected = await rowByRow(sampling, []);
    const actual = await onDevice(sampling, []);
    expect(actual.ids).toEqual(expected.ids);
    expect(actual.reason).toBe('length');
    for (const [i, value] of actual.logProbabilities.entries())
      expect(value).toBeCloseTo(expected.logProbabilities[i], 4);
    expect(firstDifference(actual.logits, expected.logits)).toBe('none');
    expect(firstDifference(actual.snapshot, expected.snapshot)).toBe('none');
  });

  it('takes nothing into the state that was speculated past a stop, and goes on from there', async () => {
    const { ids } = await rowByRow(greedy, []);
    const stop = [ids[4]];
    const expected = await rowByRow(greedy, stop);
    const actual = await onDevice(greedy, stop);
    expect(actual.reason).toBe('stop');
    expect(actual.ids).toEqual(expected.ids);
    expect(firstDifference(actual.logits, expected.logits)).toBe('none');
    expect(firstDifference(actual.snapshot, expected.snapshot)).toBe('none');
    const next = someIds(9, 5);
    const goesOn = await runtime.forward(actual.cache, next, { logits: 'last' });
    expect(firstDifference(goesOn, await runtime.forward(expected.cache, next, { logits: 'last' }))).toBe(
      'none',
    );
  });

  it('keeps what was reported when it is cancelled', async () => {
    const controller = new AbortController();
    const actual = await onDevice(
      greedy,
      [],
      (count) => {
        if (count === 3) controller.abort();
      },
      controller.signal,
    );
    expect(actual.reason).toBe('aborted');
    expect(actual.ids).toEqual((await rowByRow({ ...greedy, maxTokens: 3 }, [])).ids);
    expect(actual.cache.position).toBe(context.length + 3);
  });

  it('names logits that are not numbers', async () => {
    const { cache, logits } = await read();
    logits[17] = NaN;
    const request = { sampling: greedy, logits, context, stop: [], onToken: () => undefined };
    await expect(runtime.generate(cache, request)).rejects.toThrow(/logits that are not numbers/);
  });

  it('says that the device was lost, keeps what was reported, and answers the same from the saved state', async () => {
    let device: GPUDevice | undefined;
    const options = {
      device: softwareAdapters.lavapipe,
      onDevice: (gpu: GPUDevice) => {
        device = gpu;
      },
    };
    const dying = (await openTiny((gguf) => createGpuRuntime(gguf, options))) as GpuRuntime;
    const { cache, logits } = await read(dying);
    const saved = await snapshotOf(cache);
    const partial: number[] = [];
    const lost = dying.generate(cache, {
      ...{ sampling: greedy, logits, context, stop: [] },
      onToken: ({ id }) => {
        if (partial.push(id) === 3) device?.destroy();
      },
    });
    await expect(lost).rejects.toMatchObject({ code: 'engine-lost', hint: expect.any(String) as string });
    await expect(dying.forward(cache, context, { logits: 'last' })).rejects.toMatchObject({
      code: 'engine-lost',
    });

    const restored = runtime.createCache(cache.compiled);
    restored.writeSnapshot(0, saved);
    restored.finishRestore(context.length);
    const ids: number[] = [];
    const onToken = ({ id }: { readonly id: number }): void => {
      ids.push(id);
    };
    await runtime.generate(restored, { sampling: greedy, logits, context, stop: [], onToken });
    expect(ids).toEqual((await rowByRow(greedy, [])).ids);
    expect(partial).toEqual(ids.slice(0, partial.length));
  });

  it('leaves to the processor what it does not draw', async () => {
    const { cache, logits } = await read();
    const sampling = { ...drawn, topK: 0 };
    const request = { sampling, logits, context, stop: [], onToken: () => undefined };
    expect(await runtime.generate(cache, request)).toBeNull();
  });

  async function read(of = runtime): Promise<{ cache: Cache; logits: Float32Array }> {
    const { heads, kvHeads, headDim, trainedLength } = of.hyperparameters;
    const plan = preset('adapted', { heads, kvHeads, headDim, trainedLength });
    const cache = of.createCache(of.compile(plan));
    return { cache, logits: await of.forward(cache, context, { logits: 'last' }) };
  }

  async function rowByRow(sampling: SamplingParameters, stop: readonly number[]) {
    const { cache, logits: first } = await read();
    let logits = first;
    const sampler = new Sampler(sampling, context);
    const ids: number[] = [];
    const logProbabilities: number[] = [];
    while (ids.length < sampling.maxTokens) {
      const id = sampler.sample(logits);
      if (stop.includes(id)) break;
      ids.push(id);
      logProbabilities.push(logProbability(logits, id, summarise(logits)));
      logits = await runtime.forward(cache, Int32Array.of(id), { logits: 'last' });
    }
    return { ids, logProbabilities, logits, cache, snapshot: await snapshotOf(cache) };
  }

  async function onDevice(
    sampling: SamplingParameters,
    stop: readonly number[],
    onCount: (count: number) => void = () => undefined,
    signal?: AbortSignal,
  ) {
    const { cache, logits } = await read();
    const ids: number[] = [];
    const logProbabilities: number[] = [];
    const result = await runtime.generate(cache, {
      ...{ sampling, logits, context, stop, signal },
      onToken: (token) => {
        ids.push(token.id);
        logProbabilities.push(token.logProbability);
        onCount(ids.length);
      },
    });
    if (result === null) throw new Error('the device did not take it');
    return { ...result, ids, logProbabilities, cache, snapshot: await snapshotOf(cache) };
  }
});
