/** One product on an adapter against the reference: what a driver gets wrong is found before it answers anything. */
import { performance } from 'node:perf_hooks';
import { dequantise } from '../../formats/index.ts';
import { matmul } from '../reference/matmul.ts';
import { Pcg32 } from '../sampling/index.ts';
import type { Device } from './device.ts';
import type { Arithmetic, Kernels } from './kernels/index.ts';
import { FEW_ROWS } from './kernels/index.ts';
import { Matmul } from './matrices.ts';
import { packRows } from './packing.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly outputs: number;
}

/** Ends within a tile, and takes the kernels for few and for many rows. */
const tested: Shape = { rows: 2 * FEW_ROWS + 1, columns: 96, outputs: 70 };
/** Rows that are timed together. */
export const manyRows = 256;
/** A matrix of a small model. */
const timed: Shape = { rows: manyRows, columns: 2048, outputs: 2048 };
/** Normalised mean squared error: design section 3. */
const largestError: Readonly<Record<Arithmetic, number>> = {
  ...{ f32: 1e-6, int8: 5e-4, f16: 5e-4, matrix: 5e-4 },
};
/** of a block of Q8_0 */
const blockBytes = 34;
const halfOfAHundredth = [0x1f, 0x21];

/** @returns what is wrong, or null */
export async function productFault(device: Device, kernels: Kernels): Promise<string | null> {
  const { rows, columns, outputs } = tested;
  const { bytes, input } = randomProduct(tested);
  const expected = new Float32Array(rows * outputs);
  matmul(input, rows, columns, dequantise('Q8_0', bytes, outputs * columns), outputs, expected);
  const product = await OpenProduct.create(device, kernels, tested, { bytes, input });
  try {
    const together = await product.result(rows, 0);
    const error = normalisedError(together, expected);
    // written so that NaN fails
    if (!(error <= largestError[kernels.arithmetic]))
      return `products in ${kernels.arithmetic} are off by ${error.toExponential(1)}`;
    for (let row = 0; row < rows; row++) {
      const alone = await product.result(1, row);
      if (alone.some((value, i) => value !== together[row * outputs + i]))
        return `a row by itself has other bits than among others in ${kernels.arithmetic}`;
    }
    return null;
  } finally {
    product.release();
  }
}

/** Milliseconds of a product by a matrix of 4 million weights: of one row, and of 256. */
export interface ProductTimes {
  readonly one: number;
  readonly many: number;
}

export async function productTimes(device: Device, kernels: Kernels): Promise<ProductTimes> {
  const product = await OpenProduct.create(device, kernels, timed, randomProduct(timed));
  try {
    return { one: await product.milliseconds(1, 40), many: await product.milliseconds(timed.rows, 4) };
  } finally {
    product.release();
  }
}

function randomProduct({ rows, columns, outputs }: Shape) {
  const random = new Pcg32(7);
  // quants repeat every 4 KB: random numbers take their time
  const pattern = Uint8Array.from({ length: 4096 }, () => Math.floor(256 * random.nextUniform()));
  const bytes = Uint8Array.from({ length: (outputs * columns * blockBytes) / 32 }, (_, i) =>
    i % blockBytes < 2 ? halfOfAHundredth[i % blockBytes] : pattern[i % pattern.length],
  );
  const input = Float32Array.from(
    { length: rows * columns },
    (_, i) => pattern[(7 * i) % pattern.length] / 128 - 1,
  );
  return { bytes, input };
}

class OpenProduct {
  readonly #device: Device;
  readonly #product: Matmul;
  readonly #step: GPUBuffer;
  readonly #y: GPUBuffer;
  readonly #outputs: number;
  readonly #buffers: readonly GPUBuffer[];

  private constructor(
    device: Device,
    product: Matmul,
    { outputs }: Shape,
    { step, y, others }: { step: GPUBuffer; y: GPUBuffer; others: readonly GPUBuffer[] },
  ) {
    this.#device = device;
    this.#product = product;
    this.#outputs = outputs;
    this.#step = step;
    this.#y = y;
    this.#buffers = [step, y, ...others];
  }

  static async create(
    device: Device,
    kernels: Kernels,
    shape: Shape,
    { bytes, input }: { readonly bytes: Uint8Array; readonly input: Float32Array<ArrayBuffer> },
  ): Promise<OpenProduct> {
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
    return new OpenProduct(device, product, shape, { step, y, others: [...planes, x] });
  }

  async result(rows: number, firstRow: number): Promise<Float32Array> {
    this.#submit(rows, firstRow, 1);
    const bytes = 4 * rows * this.#outputs;
    const read = await this.#device.read([{ buffer: this.#y, offset: 0, bytes }]);
    return new Float32Array(read.buffer);
  }

  /** Of one product, from the difference of many and few: starting costs as much for both. */
  async milliseconds(rows: number, times: number): Promise<number> {
    const time = async (count: number): Promise<number> => {
      const begin = performance.now();
      this.#submit(rows, 0, count);
      await this.#device.gpu.queue.onSubmittedWorkDone();
      return performance.now() - begin;
    };
    await time(times);
    const few = await time(times);
    const many = await time(6 * times);
    return Math.max(0, many - few) / (5 * times);
  }

  #submit(rows: number, firstRow: number, times: number): void {
    const { gpu } = this.#device;
    gpu.queue.writeBuffer(this.#step, 0, Uint32Array.of(rows, firstRow));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < times; i++) this.#product.encode(pass, rows);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }

  release(): void {
    for (const buffer of this.#buffers) this.#device.discard(buffer);
  }
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
