/**
 * Answers with guessed tokens beside the sampled one: the same tokens, probabilities and state, bit for bit, as without
 * (`LONGLEAF_SIMD` chooses the kernels; the guesses are forced here for all of them).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SamplingParameters } from '../../shared/model/index.ts';
import type { GeneratedToken } from './engine.ts';
import type { PresetName } from './plan/presets.ts';
import type { Cache, ForwardOptions, Runtime } from './runtime.ts';
import type { EngineService } from './service.ts';
import {
  greedy,
  tinyIds,
  tinyModel,
  tinyPlan,
  tinyRuntime,
  tinyService,
  wrapped,
} from './testing/tiny-engine.ts';

const MOST_DRAFTED = 7;
/** A context in which every pair of tokens was seen before, so that there is always a guess. */
const twice = (count: number): Int32Array => Int32Array.of(...tinyIds(count), ...tinyIds(count));

describe('answers with drafts', () => {
  let model: ReturnType<typeof tinyModel>;
  let runtime: Runtime;
  /** rows of each forward pass, and how many were kept */
  let passes: { rows: number; kept: number }[] = [];
  /** of the service that was started last */
  let cache: Cache;

  beforeAll(async () => {
    model = tinyModel();
    runtime = await tinyRuntime(model.modelPath, 'cpu');
  });
  afterAll(async () => {
    await runtime.release();
    model.remove();
  });

  function start(): EngineService {
    const forward = async (of: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> => {
      const before = of.position;
      const logits = await runtime.forward(of, ids, options);
      passes.push({ rows: ids.length, kept: of.position - before });
      return logits;
    };
    const createCache: Runtime['createCache'] = (compiled) => (cache = runtime.createCache(compiled));
    const replaced = { mostDrafted: MOST_DRAFTED, forward, createCache, release: async () => undefined };
    return tinyService(wrapped(runtime, replaced));
  }

  interface Answer {
    readonly tokens: readonly GeneratedToken[];
    /** the state afterwards */
    readonly snapshot: Buffer;
    /** what a further answer from the same state is: any bit that differs shows */
    readonly next: readonly GeneratedToken[];
    readonly position: number;
    readonly reach: unknown;
    readonly drafted: readonly { rows: number; kept: number }[];
  }

  async function answer(
    drafts: boolean,
    context: Int32Array,
    sampling: SamplingParameters,
    { plan = 'adapted', stop = [] }: { plan?: PresetName; stop?: readonly number[] } = {},
  ): Promise<Answer> {
    const service = start();
    const { state } = await service.open({ plan: tinyPlan(plan), ids: new Int32Array(0) });
    await service.prefill(state, context, 'chat');
    passes = [];
    const generate = async (from: number, parameters: SamplingParameters, guess: boolean) => {
      const tokens: GeneratedToken[] = [];
      const request = { state: from, sampling: parameters, stop, priority: 'chat', drafts: guess } as const;
      await service.generate(request, (token) => tokens.push(token));
      return tokens;
    };
    const tokens = await generate(state, sampling, drafts);
    const drafted = [...passes];
    const { position, reach } = cache;
    const snapshot = Buffer.alloc(cache.snapshotBytes());
    await cache.readSnapshot(0, snapshot);
    await service.prefill(state, tinyIds(3, 77), 'chat');
    const next = await generate(state, { ...greedy, maxTokens: 5 }, false);
    await service.close();
    return { tokens, position, reach, snapshot, next, drafted };
  }

  const same = (one: Answer, other: Answer): void => {
    expect({ ...one, drafted: null }).toEqual({ ...other, drafted: null });
  };

  it.each(['dense', 'window', 'adapted', 'longnet'] as const)(
    'under %s: the same tokens and state, in fewer passes',
    async (plan) => {
      const sampling = { ...greedy, maxTokens: 60 };
      // long enough for sparse bands and for rings that have gone round
      const plain = await answer(false, twice(500), sampling, { plan });
      const drafted = await answer(true, twice(500), sampling, { plan });
      same(drafted, plain);
      expect(plain.drafted).toHaveLength(60);
      expect(drafted.drafted.length).toBeLessThan(60);
      expect(drafted.drafted.some(({ rows, kept }) => kept < rows)).toBe(true);
      expect(drafted.drafted.some(({ kept }) => kept > 1)).toBe(true);
    },
  );

  it('drawn tokens are the same ones: a guess takes no draw of its own', async () => {
    for (const seed of [1, 2, 3]) {
      const sampling = {
        ...greedy,
        temperature: 0.7,
        topK: 3,
        repetitionPenalty: 1.1,
        repetitionWindow: 8,
        seed,
      };
      const parameters = { ...sampling, maxTokens: 40 };
      same(await answer(true, twice(60), parameters), await answer(false, twice(60), parameters));
    }
  });

  it('ends where it should: at any number of tokens, and at a stop id that was guessed', async () => {
    const { tokens } = await answer(false, twice(60), { ...greedy, maxTokens: 30 });
    for (let maxTokens = 1; maxTokens <= 12; maxTokens++) {
      const sampling = { ...greedy, maxTokens };
      const drafted = await answer(true, twice(60), sampling);
      expect(drafted.tokens).toEqual(tokens.slice(0, maxTokens));
      same(drafted, await answer(false, twice(60), sampling));
    }
    const stop = [tokens[12]?.id ?? -1];
    const sampling = { ...greedy, maxTokens: 30 };
    same(
      await answer(true, twice(60), sampling, { stop }),
      await answer(false, twice(60), sampling, { stop }),
    );
  });

  it('a cancel between two chunks leaves what was reported, or one token less', async () => {
    const service = start();
    const { state } = await service.open({ plan: tinyPlan(), ids: new Int32Array(0) });
    await service.prefill(state, twice(60), 'chat');
    const controller = new AbortController();
    let reported = 0;
    const sampling = { ...greedy, maxTokens: 60 };
    const request = { state, sampling, stop: [], priority: 'chat' } as const;
    const stopAt = (): void => {
      if (++reported === 9) controller.abort();
    };
    await expect(service.generate(request, stopAt, { signal: controller.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
    const { position } = await service.prefill(state, tinyIds(1, 5), 'chat');
    expect([reported, reported - 1]).toContain(position - 1 - twice(60).length);
    await service.close();
  });

  it('is left to the kernels that have rows to spare', () => {
    const plainKernels = process.env['LONGLEAF_SIMD'] === 'scalar';
    expect((runtime.mostDrafted ?? 0) > 0).toBe(!plainKernels);
  });
});
