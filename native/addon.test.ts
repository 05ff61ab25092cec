/** What the addon refuses, and how: a JavaScript error for every bad argument or wrong order of calls. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CompiledPlan, RingLayout } from '../src/main/engine/plan/types.ts';
import {
  alignedPlan,
  bandedPlan,
  cacheSpec,
  densePlan,
  feed,
  firstDifference,
  randomRows,
} from './attention-fixtures.ts';
import { loadNative } from './index.ts';

const native = loadNative();
const geometry = { heads: 4, kvHeads: 2, headDim: 8 };
const plan = bandedPlan(geometry, 16, [1, 2]);
const width = (geometry.heads + 2 * geometry.kvHeads) * geometry.headDim;
const outWidth = geometry.heads * geometry.headDim;

function withRing(index: number, change: Partial<RingLayout>): CompiledPlan {
  return { ...plan, rings: plan.rings.map((ring, i) => (i === index ? { ...ring, ...change } : ring)) };
}

describe('createCache refuses', () => {
  it.each([
    ['no spec', undefined],
    ['a number', 3],
    ['an empty object', {}],
    ['no rings', cacheSpec({ ...plan, rings: [] })],
    ['odd head dim', cacheSpec({ ...plan, geometry: { ...plan.geometry, headDim: 7 } })],
    ['heads not a multiple', cacheSpec({ ...plan, geometry: { ...plan.geometry, heads: 5 } })],
    ['wrong number of frequencies', cacheSpec(plan, { inverseFrequencies: new Float64Array(3) })],
    [
      'frequencies that are not finite',
      cacheSpec(plan, { inverseFrequencies: new Float64Array(4).fill(NaN) }),
    ],
    ['f32 frequencies', { ...cacheSpec(plan), inverseFrequencies: new Float32Array(4) }],
    ['no layers', cacheSpec(plan, { layers: 0 })],
    ['fractional rows', cacheSpec(plan, { maxRows: 1.5 })],
    ['too many rows', cacheSpec(plan, { maxRows: 1e9 })],
    ['unknown storage', { ...cacheSpec(plan), storage: 'f64' }],
    ['too many threads', cacheSpec(plan, { threads: 1000 })],
    ['unknown simd', { ...cacheSpec(plan), simd: 'mmx' }],
    ['a stride of 0', cacheSpec(withRing(1, { stride: 0 }))],
    ['a residue outside the stride', cacheSpec(withRing(2, { residue: 2 }))],
    ['lo beyond hi', cacheSpec(withRing(1, { lo: 50 }))],
    ['NaN as hi', cacheSpec(withRing(1, { hi: NaN }))],
    ['a head of another group', cacheSpec(withRing(1, { firstHead: 2 }))],
    ['a source that is not there', cacheSpec(withRing(2, { source: 99 }))],
    ['its own source', cacheSpec(withRing(2, { source: 2 }))],
    ['a source of another KV head', cacheSpec(withRing(2, { source: 5 }))],
    ['a source that forgot the keys', cacheSpec(withRing(1, { hi: 10 }))],
    ['a source without the keys', cacheSpec(withRing(1, { stride: 4 }))],
    ['sources in a circle', cacheSpec(withRing(1, { source: 3, lo: 0, stride: 4 }))],
    ['an aligned ring without segments', cacheSpec(withRing(1, { kind: 'aligned', align: 0 }))],
    ['XPOS on sliding rings', cacheSpec(plan, { xpos: { scaleBase: 512 } })],
    [
      'XPOS that would overflow',
      cacheSpec(alignedPlan(geometry, [[1 << 20, 1]]), { xpos: { scaleBase: 512 } }),
    ],
    ['XPOS with base 0', cacheSpec(alignedPlan(geometry, [[16, 1]]), { xpos: { scaleBase: 0 } })],
    ['sinks without a distance map', cacheSpec({ ...plan, distanceMap: [] })],
  ])('%s', (_, spec) => {
    expect(() => native.createCache(spec as ReturnType<typeof cacheSpec>)).toThrow();
  });

  it('and says what would overflow', () => {
    const spec = cacheSpec(alignedPlan(geometry, [[1 << 20, 1]]), { xpos: { scaleBase: 512 } });
    expect(() => native.createCache(spec)).toThrow(
      /XPOS over a segment of 1048576 tokens would overflow f32/,
    );
  });
});

describe('a cache refuses', () => {
  const rows = new Float32Array(64 * width);
  const out = new Float32Array(64 * outWidth);

  it('rows out of range', () => {
    const cache = native.createCache(cacheSpec(plan));
    for (const count of [0, -1, 65, 1.5, NaN, Infinity, '3' as unknown as number])
      expect(() => cache.begin(count)).toThrow();
  });

  it('calls in the wrong order', () => {
    const cache = native.createCache(cacheSpec(plan, { layers: 2 }));
    expect(() => cache.attend(0, rows, out)).toThrow(/begin first/);
    expect(() => cache.commit()).toThrow(/begin first/);
    cache.begin(3);
    cache.attend(0, rows, out);
    expect(() => cache.commit()).toThrow(/not every layer/);
    cache.attend(1, rows, out);
    cache.commit();
    expect(cache.position).toBe(3);
    expect(() => cache.writeSnapshot(0, new Uint8Array(4))).toThrow(/must be new/);
    expect(() => cache.finishRestore(3)).toThrow(/must be new/);
  });

  it('arrays of the wrong kind or length, and layers that are not there', () => {
    const cache = native.createCache(cacheSpec(plan));
    cache.begin(4);
    expect(() => cache.attend(1, rows, out)).toThrow(/layer/);
    expect(() => cache.attend(-1, rows, out)).toThrow(/layer/);
    expect(() => cache.attend(0, rows.subarray(0, 4 * width - 1), out)).toThrow(/too short/);
    expect(() => cache.attend(0, rows, out.subarray(0, 4 * outWidth - 1))).toThrow(/too short/);
    expect(() => cache.attend(0, new Float64Array(rows) as unknown as Float32Array, out)).toThrow(
      /Float32Array/,
    );
    const detached = new Float32Array(64 * width);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(() => cache.attend(0, detached, out)).toThrow(/too short/);
    cache.attend(0, rows, out);
    cache.commit();
  });

  it('snapshots that do not fit', () => {
    const cache = native.createCache(cacheSpec(plan));
    feed(cache, geometry, randomRows(geometry, 30, 1), [30]);
    const size = cache.snapshotBytes();
    expect(() => cache.readSnapshot(size, new Uint8Array(1))).toThrow(/outside/);
    expect(() => cache.readSnapshot(0, new Uint8Array(size + 1))).toThrow(/outside/);
    expect(() => cache.readSnapshot(-1, new Uint8Array(1))).toThrow(/offset/);
    const fresh = native.createCache(cacheSpec(plan));
    expect(() => fresh.writeSnapshot(5, new Uint8Array(5))).toThrow(/ascending/);
    fresh.writeSnapshot(0, new Uint8Array(size));
    expect(() => fresh.begin(1)).toThrow(/restore is not finished/);
    expect(() => fresh.finishRestore(31)).not.toThrow(); // rings have a fixed size: the position is the caller's
    const short = native.createCache(cacheSpec(plan));
    short.writeSnapshot(0, new Uint8Array(size - 1));
    expect(() => short.finishRestore(30)).toThrow(/bytes/);
    expect(() => short.finishRestore(2 ** 41)).toThrow(/position/);
  });

  it('everything after release, which may be called twice', () => {
    const cache = native.createCache(cacheSpec(plan));
    cache.release();
    cache.release();
    expect(cache.bytes).toBe(0);
    for (const use of [
      () => cache.position,
      () => cache.begin(1),
      () => cache.attend(0, rows, out),
      () => cache.commit(),
      () => cache.reach(),
      () => cache.fork(),
      () => cache.snapshotBytes(),
      () => cache.readSnapshot(0, new Uint8Array(0)),
      () => cache.writeSnapshot(0, new Uint8Array(0)),
      () => cache.finishRestore(0),
      () => cache.fillSynthetic(5, 1),
    ])
      expect(use).toThrow(/released/);
  });

  it('a this that is no cache', () => {
    const cache = native.createCache(cacheSpec(plan));
    expect(() => cache.commit.call({} as typeof cache)).toThrow();
  });
});

it('allocates rings only when a key reaches them', () => {
  const cache = native.createCache(cacheSpec(bandedPlan(geometry, 16, [1, 2, 4, 5, 7, 8]), { layers: 3 }));
  expect(cache.bytes).toBe(0);
  cache.fillSynthetic(20, 1);
  const early = cache.bytes;
  cache.fillSynthetic(1000, 1);
  expect(cache.bytes).toBeGreaterThan(early);
});

it('fillSynthetic stands for a position that was never read', () => {
  const spec = cacheSpec(plan, { maxRows: 8 });
  const run = (seed: number) => {
    const cache = native.createCache(spec);
    cache.fillSynthetic(1_000_000_000, seed);
    expect(cache.position).toBe(1_000_000_000);
    expect(cache.reach()).toEqual({ exact: 20, sparse: 16 });
    return feed(cache, geometry, randomRows(geometry, 8, 1), [8]);
  };
  expect(firstDifference(run(1), run(1))).toBe(-1);
  expect(firstDifference(run(1), run(2))).not.toBe(-1);
  expect(run(1).every(Number.isFinite)).toBe(true);
});

it('positions end at 2^40', () => {
  const cache = native.createCache(cacheSpec(densePlan(geometry)));
  expect(() => cache.fillSynthetic(2 ** 41, 1)).toThrow(/position/);
});

describe('LONGLEAF_SIMD', () => {
  const script = `import('${new URL('./index.ts', import.meta.url).href}').then(
    ({ loadNative }) => console.log(loadNative().simd), (e) => { console.log(e); process.exitCode = 1; })`;
  const environment = (level: string) => ({ ...process.env, LONGLEAF_SIMD: level });

  it.each(native.available)('%s is obeyed', (level) => {
    const output = execFileSync(process.execPath, ['-e', script], {
      env: environment(level),
      encoding: 'utf8',
    });
    expect(output.trim()).toBe(level);
  });

  it('a level that cannot run here is a usage error that says what can', () => {
    const call = `import('${new URL('./index.ts', import.meta.url).href}').then(({ loadNative }) => loadNative())
      .catch((e) => console.log(JSON.stringify({ code: e.code, message: e.message, hint: e.hint })))`;
    const { stdout } = spawnSync(process.execPath, ['-e', call], {
      env: environment('avx1024'),
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('avx512') as string,
    });
  });
});

it('build.mjs has nothing to do when nothing changed', () => {
  const build = fileURLToPath(new URL('./build.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [build], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it('build.mjs names a missing compiler and the remedy', () => {
  const build = fileURLToPath(new URL('./build.mjs', import.meta.url));
  const env = { ...process.env, CXX: 'no-such-compiler' };
  const { status, stderr } = spawnSync(process.execPath, [build], { encoding: 'utf8', env });
  expect(status).toBe(1);
  expect(stderr).toMatch(/no C\+\+ compiler found \(tried no-such-compiler\).*hint: install/);
});
