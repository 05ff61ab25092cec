/** Attention by itself: rings, cache writes, both kernels and the merge, with odd shapes and plans of every kind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compilePlan } from '../plan/compile.ts';
import type { CompiledPlan } from '../plan/types.ts';
import { randomRows, throughReference } from '../testing/attention-conformance.ts';
import { conformanceLength, conformancePlans } from '../testing/conformance-plans.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import { firstDifference } from '../testing/runtime-conformance.ts';
import { AttentionBlocks } from './attention-blocks.ts';
import type { OpenDevice } from './gpu-runtime.ts';
import { openDevice } from './gpu-runtime.ts';
import type { KvBits } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
import { RingLayers } from './ring-layers.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';
import { wholeRound } from './sharding/stretch.ts';
import { TurnTables } from './turn-tables.ts';

interface Case {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly kvBits: KvBits;
  readonly softCap?: number;
  readonly plans: readonly string[];
  /** through the kernels for many rows too */
  readonly tiled?: boolean;
}

/** normalised error; 16 and 8 bits: what rounding keys and values may cost */
const bound: Readonly<Record<KvBits, number>> = { 32: bounds.f32, 16: 1e-6, 8: 1e-4 };
const maxRows = 70;

const cases: readonly Case[] = [
  { heads: 3, kvHeads: 1, headDim: 20, kvBits: 32, plans: ['adapted', 'longnet-xpos'] },
  { heads: 7, kvHeads: 7, headDim: 36, kvBits: 32, softCap: 1.5, plans: ['two-bands-true-positions'] },
  { heads: 14, kvHeads: 2, headDim: 64, kvBits: 16, plans: ['short-window-after-dense', 'longnet-paper'] },
  // more heads than a workgroup has, and a block of 32 that is cut off
  { heads: 18, kvHeads: 2, headDim: 76, kvBits: 8, plans: ['adapted', 'longnet-torchscale'] },
  { heads: 4, kvHeads: 2, headDim: 28, kvBits: 8, softCap: 20, plans: ['adapted'], tiled: true },
  { heads: 2, kvHeads: 1, headDim: 256, kvBits: 16, plans: ['window', 'longnet-dense-queries'] },
];

describe.skipIf(skipWithoutAdapters)(`attention on lavapipe${skippedWithoutAdapters}`, () => {
  const opened = new Map<boolean, OpenDevice>();
  const withoutSubgroups = new Map<OpenDevice, Kernels>();
  const kernelsWithout = (of: OpenDevice): Kernels => {
    const { gpu } = of.device;
    const tiled = of === opened.get(true);
    const kernels = withoutSubgroups.get(of) ?? new Kernels({ gpu, subgroupSize: null }, { tiled });
    withoutSubgroups.set(of, kernels);
    return kernels;
  };
  beforeAll(async () => {
    for (const tiled of [false, true])
      opened.set(tiled, await openDevice({ device: softwareAdapters.lavapipe, tiled }));
  });
  afterAll(() => {
    for (const { device } of opened.values()) device.release();
  });

  it.each(cases)(
    '$heads heads of $headDim over $kvHeads, K and V in $kvBits bits: agrees row by row, and in other chunks without subgroups',
    async (shape) => {
      const geometry = { ...shape, trainedLength: conformanceLength };
      for (const plan of conformancePlans(geometry).filter(({ name }) => shape.plans.includes(name))) {
        const compiled = compilePlan(plan, geometry);
        const tokens = 131;
        const rows = randomRows(compiled, tokens);
        const frequencies = frequenciesOf(shape.headDim);
        const softCap = shape.softCap ?? null;
        const expected = throughReference(compiled, frequencies, rows, tokens, softCap);
        const device = opened.get(shape.tiled === true);
        if (device === undefined) throw new Error('not opened');
        const actual = await throughDevice(device, shape, compiled, rows, [maxRows]);
        expect(nmse(actual, expected), plan.name).toBeLessThan(bound[shape.kvBits]);
        // a single wrong row must not hide in the sum over all
        const width = shape.heads * shape.headDim;
        for (let row = 0; row < tokens; row++) {
          const slice = (x: Float32Array): Float32Array => x.subarray(row * width, (row + 1) * width);
          if (slice(expected).every((value) => value === 0)) expect(slice(actual)).toEqual(slice(expected));
          else expect(nmse(slice(actual), slice(expected))).toBeLessThan(20 * bound[shape.kvBits]);
        }
        const without = { device: device.device, kernels: kernelsWithout(device) };
        const chunked = await throughDevice(without, shape, compiled, rows, [3, 1, 29, 4]);
        expect(firstDifference(chunked, actual), plan.name).toBe('none');
      }
    },
  );
});

function frequenciesOf(headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => 1e4 ** ((-2 * i) / headDim));
}

/** @returns f32 [tokens][heads][headDim] */
async function throughDevice(
  { device, kernels }: OpenDevice,
  { heads, kvHeads, headDim, kvBits, ...more }: Case,
  compiled: CompiledPlan,
  rows: Float32Array,
  chunks: readonly number[],
): Promise<Float32Array> {
  const softCap = more.softCap ?? null;
  const qkvStride = (heads + 2 * kvHeads) * headDim;
  const attentionStride = Math.ceil((heads * headDim) / 32) * 32;
  const variant = { headDim, kvBits, capped: softCap !== null, normed: false };
  const pipelines = await kernels.attention(variant);
  const floats = (count: number): GPUBuffer => device.storage(4 * count, 'A test');
  const qkv = floats(maxRows * qkvStride);
  const attention = floats(maxRows * attentionStride);
  const layers = new RingLayers(
    {
      ...{ device, kernels: pipelines, kvBits, softCap, qkv, qkvStride, attention, attentionStride },
      ...{ maxRows, roundRows: maxRows },
      kinds: [
        {
          turnTables: new TurnTables(frequenciesOf(headDim)),
          blocks: new AttentionBlocks(device, pipelines),
        },
      ],
      ...{ layerKinds: [0], queryScales: null, headGains: [null], rmsEpsilon: 0 },
      step: device.uniform(new Uint32Array(2)),
      // little: rows must attend in blocks
      partials: floats(50_000),
    },
    0,
    compiled,
  );
  const tokens = rows.length / qkvStride;
  const out = new Float32Array(tokens * heads * headDim);
  for (let done = 0, i = 0; done < tokens; i++) {
    const count = Math.min(chunks[Math.min(i, chunks.length - 1)], tokens - done);
    const chunk = layers.prepare(done, wholeRound(count));
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    layers.encodeKeyTurns(pass, chunk);
    layers.encodeWrite(pass, 0, chunk);
    layers.encodeAttention(pass, 0, chunk);
    pass.end();
    layers.upload(chunk);
    device.gpu.queue.writeBuffer(qkv, 0, rows.slice(done * qkvStride, (done + count) * qkvStride));
    device.gpu.queue.submit([encoder.finish()]);
    const bytes = await device.read([{ buffer: attention, offset: 0, bytes: 4 * count * attentionStride }]);
    const result = new Float32Array(bytes.buffer);
    for (let row = 0; row < count; row++) {
      const from = result.subarray(row * attentionStride, row * attentionStride + heads * headDim);
      out.set(from, (done + row) * heads * headDim);
    }
    done += count;
  }
  layers.release();
  return out;
}
