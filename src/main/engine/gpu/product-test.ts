/** One product on an adapter against the reference: what a driver gets wrong is found before it answers anything. */
import { dequantise } from '../../formats/index.ts';
import { matmul } from '../reference/matmul.ts';
import { Pcg32 } from '../sampling/index.ts';
import type { Device } from './device.ts';
import type { Kernels } from './kernels/index.ts';
import { FEW_ROWS } from './kernels/index.ts';
import { Matmul } from './matrices.ts';
import { packRows } from './packing.ts';

/** Ends within a tile, and takes the kernels for few and for many rows. */
const shape = { rows: 2 * FEW_ROWS + 1, columns: 96, outputs: 70 };
/** Normalised mean squared error: design section 3. */
const largestError = { f32: 1e-6 } as const;
/** of a block of Q8_0 */
const blockBytes = 34;
const halfOfAHundredth = [0x1f, 0x21];

/** @returns what is wrong, or null */
export async function productFault(device: Device, kernels: Kernels): Promise<string | null> {
  const { rows, columns, outputs } = shape;
  const random = new Pcg32(7);
  const bytes = Uint8Array.from({ length: (outputs * columns * blockBytes) / 32 }, (_, i) =>
    i % blockBytes < 2 ? halfOfAHundredth[i % blockBytes] : Math.floor(256 * random.nextUniform()),
  );
  const input = Float32Array.from({ length: rows * columns }, () => 2 * random.nextUniform() - 1);
  const expected = new Float32Array(rows * outputs);
  matmul(input, rows, columns, dequantise('Q8_0', bytes, outputs * columns), outputs, expected);
  const product = await openProduct(device, kernels, bytes, input);
  try {
    const together = await product.run(rows, 0);
    const error = normalisedError(together, expected);
    // written so that NaN fails
    if (!(error <= largestError.f32)) return `products are off by ${error.toExponential(1)}`;
    for (let row = 0; row < rows; row++) {
      const alone = await product.run(1, row);
      if (alone.some((value, i) => value !== together[row * outputs + i]))
        return 'a row by itself has other bits than among others';
    }
    return null;
  } finally {
    product.release();
  }
}

async function openProduct(
  device: Device,
  kernels: Kernels,
  bytes: Uint8Array,
  input: Float32Array<ArrayBuffer>,
): Promise<{ run(rows: number, firstRow: number): Promise<Float32Array>; release(): void }> {
  const { rows, columns, outputs } = shape;
  const planes = packRows('Q8_0', [{ bytes, rows: outputs }], columns).map((plane) =>
    device.constant(plane, 'A test'),
  );
  const step = device.uniform(new Uint32Array(2));
  const x = device.constant(new Uint8Array(input.buffer), 'A test');
  const y = device.storage(4 * rows * outputs, 'A test');
  const part = { type: 'Q8_0', columns, start: 0, outputs, planes } as const;
  const variant = { input: 'plain', output: 'store' } as const;
  const product = await Matmul.create(device, kernels, [part], variant, { step, x, y, stride: outputs });
  return {
    async run(count, firstRow) {
      device.gpu.queue.writeBuffer(step, 0, Uint32Array.of(count, firstRow));
      const encoder = device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      product.encode(pass, count);
      pass.end();
      device.gpu.queue.submit([encoder.finish()]);
      const read = await device.read([{ buffer: y, offset: 0, bytes: 4 * count * outputs }]);
      return new Float32Array(read.buffer);
    },
    release() {
      for (const buffer of [...planes, step, x, y]) device.discard(buffer);
    },
  };
}

function normalisedError(actual: Float32Array, expected: Float32Array): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    energy += expected[i] ** 2;
  }
  return error / energy;
}
