import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../../../native/index.ts';
import { preset } from '../plan/presets.ts';
import { createReferenceRuntime } from '../reference/index.ts';
import type { Cache } from '../runtime.ts';
import {
  describeRuntimeAgreement,
  describeRuntimeConformance,
  firstDifference,
  openTiny,
  readInChunks,
  snapshotOf,
  someIds,
} from '../testing/runtime-conformance.ts';
import { CpuRuntime, createCpuRuntime } from './index.ts';
import type { CpuRuntimeOptions } from './index.ts';

describeRuntimeAgreement('cpu', createCpuRuntime);
describeRuntimeConformance('cpu', createCpuRuntime);
describeRuntimeConformance('cpu with f32 keys and values', (gguf) =>
  CpuRuntime.open(gguf, { native: loadNative(), storage: 'f32' }),
);

describe('cpu runtime', () => {
  let runtime: CpuRuntime;
  beforeAll(async () => {
    runtime = (await openTiny(createCpuRuntime, { type: 'Q4_1' })) as CpuRuntime;
  });
  afterAll(() => runtime.release());

  function newCache(): Cache {
    const { heads, kvHeads, headDim, trainedLength } = runtime.hyperparameters;
    return runtime.createCache(
      runtime.compile(preset('adapted', { heads, kvHeads, headDim, trainedLength })),
    );
  }

  it('gives 512 rows at once the bits that any split of them gets', async () => {
    const ids = someIds(512);
    const whole = newCache();
    const expected = await readInChunks(runtime, whole, ids, [512]);
    for (const chunks of [[511, 1], [256], [100, 1, 411]]) {
      const cache = newCache();
      expect(Buffer.from((await readInChunks(runtime, cache, ids, chunks)).buffer)).toEqual(
        Buffer.from(expected.buffer),
      );
      expect(Buffer.from(await snapshotOf(cache))).toEqual(Buffer.from(await snapshotOf(whole)));
    }
  });

  it('runs another sequence between the layers of one, and neither notices', async () => {
    const expected = await runtime.forward(newCache(), someIds(40), { logits: 'all' });
    const guests: Float32Array[] = [];
    const logits = await runtime.forward(newCache(), someIds(40), {
      logits: 'all',
      betweenLayers: async () => {
        guests.push(await runtime.forward(newCache(), someIds(40), { logits: 'all' }));
      },
    });
    expect(logits).toEqual(expected);
    expect(guests.length).toBeGreaterThanOrEqual(runtime.hyperparameters.layers);
    for (const guest of guests) expect(guest).toEqual(expected);
  });

  it('refuses to touch a cache between the layers of its own forward pass, and goes on', async () => {
    const cache = newCache();
    await runtime.forward(cache, someIds(20), {
      logits: 'none',
      betweenLayers: async () => {
        await expect(runtime.forward(cache, someIds(1), { logits: 'none' })).rejects.toThrow(/was running/);
        expect(() => cache.fork()).toThrow(/was running/);
        expect(() => {
          cache.release();
        }).toThrow(/was running/);
      },
    });
    expect(cache.position).toBe(20);
  });

  it.each([
    ['ids beyond the vocabulary', Int32Array.of(1, 1 << 20), 'invalid-input'],
    ['negative ids', Int32Array.of(-1), 'invalid-input'],
    ['no ids', new Int32Array(0), 'internal'],
    ['more rows than a chunk holds', someIds(513), 'internal'],
  ])('refuses %s and leaves the cache as it was', async (_, ids, code) => {
    const cache = newCache();
    await expect(runtime.forward(cache, ids, { logits: 'last' })).rejects.toMatchObject({ code });
    expect(cache.position).toBe(0);
  });

  it('refuses a cache of another backend', async () => {
    const reference = await openTiny(createReferenceRuntime);
    const cache = reference.createCache(newCache().compiled);
    await expect(runtime.forward(cache, someIds(3), { logits: 'none' })).rejects.toThrow(/another backend/);
  });

  it('names in its variant what its bits depend on', () => {
    expect(runtime.variant).toBe(`cpu-dense8b32-attention-${loadNative().simd}-kv16`);
  });
});

describe('threads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-threads-'));
  const file = join(folder, 'threads.json');
  afterAll(() => {
    delete process.env['LONGLEAF_THREADS'];
    rmSync(folder, { recursive: true, force: true });
  });
  const open = async (options: Partial<CpuRuntimeOptions>): Promise<CpuRuntime> =>
    (await openTiny((gguf) => createCpuRuntime(gguf, options), { type: 'Q4_0' })) as CpuRuntime;

  it('are measured once, kept in the data folder, and read from there', async () => {
    const measured = (await open({ dataFolder: folder })).threads;
    expect(measured).toBeGreaterThanOrEqual(1);
    const [key] = Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object);
    const kept = { rows: 63, columns: 2, othersShare: 0, measuredAt: 0 };
    const write = (choice: object): void => {
      writeFileSync(file, JSON.stringify({ [key ?? '']: choice }));
    };
    write(kept);
    expect((await open({ dataFolder: folder })).threads).toBe(63);
    write({ ...kept, othersShare: 0.5, measuredAt: Date.now() });
    expect((await open({ dataFolder: folder })).threads).toBe(63);
    // chosen while others used the processors, and long ago: made again
    write({ ...kept, othersShare: 0.5 });
    expect((await open({ dataFolder: folder })).threads).not.toBe(63);
    for (const damaged of ['{', '[]', JSON.stringify({ [key ?? '']: { rows: 0, columns: -1 } })]) {
      writeFileSync(file, damaged);
      expect((await open({ dataFolder: folder })).threads).toBeLessThanOrEqual(64);
    }
  });

  it('LONGLEAF_THREADS decides, and must be a number of threads', async () => {
    process.env['LONGLEAF_THREADS'] = '5, 2';
    expect((await open({ dataFolder: folder })).threads).toBe(5);
    for (const wrong of ['0', 'many', '1,2,3', '65', '1.5']) {
      process.env['LONGLEAF_THREADS'] = wrong;
      await expect(open({})).rejects.toMatchObject({ code: 'usage' });
    }
    delete process.env['LONGLEAF_THREADS'];
  });

  it('do not change a bit', async () => {
    const ids = someIds(200);
    const results: Float32Array[] = [];
    for (const threads of [
      { rows: 1, columns: 1 },
      { rows: 3, columns: 2 },
      { rows: 2, columns: 5 },
    ]) {
      const model = await open({ threads });
      const { heads, kvHeads, headDim, trainedLength } = model.hyperparameters;
      const plan = preset('adapted', { heads, kvHeads, headDim, trainedLength });
      results.push(await readInChunks(model, model.createCache(model.compile(plan)), ids, [150, 1, 20, 3]));
    }
    expect(firstDifference(results[1], results[0])).toBe('none');
    expect(firstDifference(results[2], results[0])).toBe('none');
  });
});
