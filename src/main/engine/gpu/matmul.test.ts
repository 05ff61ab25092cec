/** The product by itself: every weight type, input and output, with shapes that end within a tile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dequantise } from '../../formats/index.ts';
import { quantise } from '../../formats/testing/index.ts';
import { matmul } from '../reference/matmul.ts';
import { rmsNorm } from '../reference/rms-norm.ts';
import { geglu } from '../reference/geglu.ts';
import { swiglu } from '../reference/swiglu.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import { normalNumbers } from '../testing/random-rows.ts';
import { firstDifference } from '../testing/runtime-conformance.ts';
import { Device } from './device.ts';
import type { MatmulVariant, WeightType } from './kernels/index.ts';
import { FEW_ROWS, Kernels } from './kernels/index.ts';
import { Matmul } from './matrices.ts';
import { packRows, padded } from './packing.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly outputs: number;
}

const epsilon = 1e-5;
const cap = 20;

describe.skipIf(skipWithoutAdapters)(`matmul on lavapipe${skippedWithoutAdapters}`, () => {
  let device: Device;
  let kernels: Readonly<Record<'f32' | 'int8' | 'f16', Kernels>>;
  let fewInHalves: Kernels;
  beforeAll(async () => {
    device = await Device.open(softwareAdapters.lavapipe);
    kernels = {
      f32: new Kernels(device),
      int8: new Kernels(device, { arithmetic: 'int8' }),
      f16: new Kernels(device, { arithmetic: 'f16' }),
    };
    fewInHalves = new Kernels(device, { tiled: false, arithmetic: 'f16' });
  });
  afterAll(() => {
    device.release();
  });

  const cases: readonly [WeightType, MatmulVariant['input'], MatmulVariant['output'], Shape][] = [
    ['F32', 'plain', 'store', { rows: 5, columns: 40, outputs: 9 }],
    ['F32', 'normed', 'add', { rows: 1, columns: 33, outputs: 1 }],
    ['F16', 'swiglu', 'add', { rows: 3, columns: 70, outputs: 7 }],
    ['F16', 'plain', 'store', { rows: 1, columns: 31, outputs: 64 }],
    ['Q8_0', 'normed', 'store', { rows: 6, columns: 96, outputs: 17 }],
    ['Q8_0', 'plain', 'add', { rows: 1, columns: 32, outputs: 3 }],
    ['Q4_0', 'normed', 'store', { rows: 4, columns: 608, outputs: 65 }],
    ['Q4_0', 'swiglu', 'add', { rows: 1, columns: 288, outputs: 8 }],
    ['Q4_1', 'swiglu', 'add', { rows: 9, columns: 1536, outputs: 5 }],
    ['Q4_1', 'normed', 'store', { rows: 2, columns: 576, outputs: 11 }],
    ['BF16', 'plain', 'store', { rows: 5, columns: 37, outputs: 6 }],
    ['Q5_0', 'geglu', 'add', { rows: 5, columns: 96, outputs: 9 }],
    ['Q5_1', 'normed', 'bias', { rows: 2, columns: 160, outputs: 13 }],
    ['Q4_K', 'normed', 'bias', { rows: 5, columns: 512, outputs: 7 }],
    ['Q5_K', 'plain', 'store', { rows: 3, columns: 256, outputs: 5 }],
    ['Q6_K', 'plain', 'capped', { rows: 5, columns: 256, outputs: 66 }],
  ];
  // through the kernel for many rows only the first: a driver compiles it for half a minute
  const inHalves: typeof cases = [
    ['Q8_0', 'plain', 'store', { rows: 5, columns: 64, outputs: 67 }],
    ['Q4_1', 'normed', 'store', { rows: 4, columns: 96, outputs: 67 }],
    ['Q5_K', 'swiglu', 'add', { rows: 2, columns: 2560, outputs: 3 }],
    ['Q6_K', 'plain', 'add', { rows: 3, columns: 256, outputs: 9 }],
  ];
  const byQuants: typeof cases = [
    ['Q4_1', 'normed', 'store', { rows: 5, columns: 96, outputs: 67 }],
    ['Q6_K', 'plain', 'add', { rows: 5, columns: 256, outputs: 9 }],
    ['Q5_K', 'swiglu', 'add', { rows: 2, columns: 2560, outputs: 3 }],
    // one scale for all 32 columns: compilers made other bits of it for one row
    ['Q8_0', 'plain', 'store', { rows: 5, columns: 64, outputs: 67 }],
  ];

  it.each(cases)('%s, input %s, output %s, %o: agrees', async (type, input, output, shape) => {
    const { expected, multiply } = await prepare(type, input, output, shape);
    expect(nmse(await multiply(kernels.f32, shape.rows), expected)).toBeLessThan(bounds.f32);
  });

  it.each([
    ...byQuants.map((each) => ['int8', ...each] as const),
    ...inHalves.map((each) => ['f16', ...each] as const),
  ])(
    'in %s, %s, input %s, output %s, %o: agrees, and a row has the same bits by itself',
    async (arithmetic, type, input, output, shape) => {
      const { expected, multiply } = await prepare(type, input, output, shape);
      const isUntiled = arithmetic === 'f16' && shape.rows <= FEW_ROWS;
      const used = isUntiled ? fewInHalves : kernels[arithmetic];
      const together = await multiply(used, shape.rows);

      // measured in halves: below 2e-6
      expect(nmse(together, expected)).toBeLessThan(arithmetic === 'f16' ? 1e-5 : bounds.reduced);
      const first = await multiply(used, 1);
      expect(firstDifference(first, together.subarray(0, shape.outputs))).toBe('none');
    },
  );

  /** A random product: what the reference gives, and a function that lets the device multiply the first rows. */
  async function prepare(
    type: WeightType,
    input: MatmulVariant['input'],
    output: MatmulVariant['output'],
    { rows, columns, outputs }: Shape,
  ) {
    const bytes = quantise(type, normalNumbers(outputs * columns, 3));
    const x = normalNumbers(rows * columns * (isGated(input) ? 2 : 1), 5);
    const gain = normalNumbers(columns, 7);
    const before = normalNumbers(rows * outputs, 9);
    const bias = normalNumbers(outputs, 13);

    const expected = new Float32Array(rows * outputs);
    const weights = dequantise(type, bytes, outputs * columns);
    matmul(prepared(input, x, gain, columns), rows, columns, weights, outputs, expected);
    expected.forEach((value, i) => {
      if (output === 'add') expected[i] = value + before[i];
      if (output === 'bias') expected[i] = value + bias[i % outputs];
      if (output === 'capped') expected[i] = cap * Math.tanh(value / cap);
    });

    const storage = (values: Float32Array<ArrayBuffer>): GPUBuffer =>
      device.constant(new Uint8Array(values.buffer), 'A test');
    const planes = packRows(type, [{ bytes, rows: outputs }], columns).map((p) =>
      device.constant(p, 'A test'),
    );
    const part = { type, columns, start: 0, outputs, planes };
    const multiply = async (of: Kernels, count: number): Promise<Float32Array> => {
      const y = storage(before.slice());
      const product = await Matmul.create(
        device,
        of,
        [part],
        { input, output },
        {
          step: device.uniform(Uint32Array.of(count, 0)),
          x: storage(paddedRows(x, columns)),
          ...(input === 'normed'
            ? { gain: storage(paddedRows(gain, columns)), inverseRms: storage(new Float32Array(rows)) }
            : {}),
          ...(output === 'bias' ? { bias: storage(bias.slice()) } : {}),
          ...{ y, stride: outputs, epsilon, cap },
        },
      );
      const encoder = device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      product.encode(pass, count);
      pass.end();
      device.gpu.queue.submit([encoder.finish()]);
      const result = await device.read([{ buffer: y, offset: 0, bytes: count * outputs * 4 }]);
      return new Float32Array(result.buffer);
    };
    return { expected, multiply };
  }
});

function isGated(input: MatmulVariant['input']): boolean {
  return input === 'swiglu' || input === 'geglu';
}

/** What the kernel makes of its input, by the reference. @param x for a gated input [rows][gate | up] */
function prepared(
  input: MatmulVariant['input'],
  x: Float32Array,
  gain: Float32Array,
  columns: number,
): Float32Array {
  if (input === 'plain') return x;
  const out = new Float32Array(input === 'normed' ? x.length : x.length / 2);
  if (input === 'normed') rmsNorm(x, gain, epsilon, out);
  const activate = input === 'geglu' ? geglu : swiglu;
  for (let at = 0; isGated(input) && at < out.length; at += columns) {
    const gate = x.subarray(2 * at, 2 * at + columns);
    activate(gate, x.subarray(2 * at + columns, 2 * at + 2 * columns), out.subarray(at, at + columns));
  }
  return out;
}

function paddedRows(values: Float32Array, columns: number): Float32Array<ArrayBuffer> {
  const stride = padded(columns);
  const out = new Float32Array((values.length / columns) * stride);
  for (let row = 0; row * columns < values.length; row++)
    out.set(values.subarray(row * columns, (row + 1) * columns), row * stride);
  return out;
}
