/** The product by itself: every weight type, input and output, with shapes that end within a tile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dequantise } from '../../formats/index.ts';
import { quantise } from '../../formats/testing/index.ts';
import { matmul } from '../reference/matmul.ts';
import { rmsNorm } from '../reference/rms-norm.ts';
import { swiglu } from '../reference/swiglu.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import { normalNumbers } from '../testing/random-rows.ts';
import { Device } from './device.ts';
import type { MatmulVariant, WeightType } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
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

describe.skipIf(skipWithoutAdapters)(`matmul on lavapipe${skippedWithoutAdapters}`, () => {
  let device: Device;
  let kernels: Kernels;
  beforeAll(async () => {
    device = await Device.open(softwareAdapters.lavapipe);
    kernels = new Kernels(device.gpu);
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
  ];

  it.each(cases)('%s, input %s, output %s, %o: agrees', async (type, input, output, shape) => {
    const { rows, columns, outputs } = shape;
    const bytes = quantise(type, normalNumbers(outputs * columns, 3));
    const x = normalNumbers(rows * columns * (input === 'swiglu' ? 2 : 1), 5);
    const gain = normalNumbers(columns, 7);
    const before = normalNumbers(rows * outputs, 9);

    const expected = new Float32Array(rows * outputs);
    const weights = dequantise(type, bytes, outputs * columns);
    matmul(prepared(input, x, gain, columns), rows, columns, weights, outputs, expected);
    if (output === 'add') expected.forEach((value, i) => (expected[i] = value + before[i]));

    const storage = (values: Float32Array<ArrayBuffer>): GPUBuffer =>
      device.constant(new Uint8Array(values.buffer), 'A test');
    const planes = packRows(type, [{ bytes, rows: outputs }], columns);
    const part = {
      type,
      columns,
      start: 0,
      outputs,
      planes: planes.map((p) => device.constant(p, 'A test')),
    };
    const y = storage(before.slice());
    const product = await Matmul.create(
      device,
      kernels,
      [part],
      { input, output },
      {
        step: device.uniform(Uint32Array.of(rows, 0)),
        x: storage(paddedRows(x, columns)),
        ...(input === 'normed'
          ? { gain: storage(paddedRows(gain, columns)), inverseRms: storage(new Float32Array(rows)) }
          : {}),
        ...{ y, stride: outputs, epsilon },
      },
    );
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    product.encode(pass, rows);
    pass.end();
    device.gpu.queue.submit([encoder.finish()]);
    const result = await device.read([{ buffer: y, offset: 0, bytes: rows * outputs * 4 }]);
    expect(nmse(new Float32Array(result.buffer), expected)).toBeLessThan(bounds.f32);
  });
});

/** What the kernel makes of its input, by the reference. @param x for swiglu [rows][gate | up] */
function prepared(
  input: MatmulVariant['input'],
  x: Float32Array,
  gain: Float32Array,
  columns: number,
): Float32Array {
  if (input === 'plain') return x;
  const out = new Float32Array(input === 'normed' ? x.length : x.length / 2);
  if (input === 'normed') rmsNorm(x, gain, epsilon, out);
  for (let at = 0; input === 'swiglu' && at < out.length; at += columns) {
    const gate = x.subarray(2 * at, 2 * at + columns);
    swiglu(gate, x.subarray(2 * at + columns, 2 * at + 2 * columns), out.subarray(at, at + columns));
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
