/**
 * Whether an adapter's subgroups may take part in sums and maxima: of one size, and of lanes that stand beside each
 * other in a workgroup, which WGSL doesn't promise. Found by sums of known numbers, at each opening of a device: some
 * milliseconds. Kernels whose bits were not right would show as another order of sums, hence in states.
 */
import { AppError } from '../../../shared/errors.ts';
import { Pcg32 } from '../sampling/index.ts';
import { Kernels } from './kernels/index.ts';

/** GPUBufferUsage and GPUMapMode of browsers. */
const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, storage: 0x80 } as const;
const MAP_READ = 1;

const smallest = 4;
const largest = 128;
/** of reduce-test.wgsl */
const threads = 256;
/** Lanes that kernels reduce over. */
const testedLanes = [16, 64, 256] as const;

/** What an adapter says of its subgroups; nothing where it has none. */
interface SubgroupInfo {
  readonly subgroupMinSize?: number | undefined;
  readonly subgroupMaxSize?: number | undefined;
}

/** Lanes of each of the adapter's subgroups, as it says; null: they differ from kernel to kernel, or are too odd. */
export function fixedSubgroupSize({
  subgroupMinSize: size = 0,
  subgroupMaxSize,
}: SubgroupInfo): number | null {
  const isPowerOf2 = (size & (size - 1)) === 0;
  return size === subgroupMaxSize && isPowerOf2 && size >= smallest && size <= largest ? size : null;
}

/** The same, where sums and maxima through subgroups have the bits of those without; else null. */
export async function usableSubgroupSize(gpu: GPUDevice, info: SubgroupInfo): Promise<number | null> {
  const size = gpu.features.has('subgroups') ? fixedSubgroupSize(info) : null;
  if (size === null) return null;
  try {
    const kernels = new Kernels({ gpu, subgroupSize: size });
    for (const lanes of testedLanes) if (!(await reducesRightly(gpu, kernels, lanes))) return null;
    return size;
  } catch (error) {
    // a driver that doesn't take the kernel
    if (error instanceof AppError) return null;
    throw error;
  }
}

async function reducesRightly(gpu: GPUDevice, kernels: Kernels, lanes: number): Promise<boolean> {
  const numbers = someNumbers();
  const actual = await reduced(gpu, await kernels.reductionTest(lanes), numbers);
  const expected = expectedOf(numbers, lanes);
  return actual.every((value, i) => value === expected[i]);
}

/** vec4f [threads], of very different sizes: any other order of sums shows. */
function someNumbers(): Float32Array<ArrayBuffer> {
  const random = new Pcg32(5);
  return Float32Array.from({ length: 4 * threads }, () => Math.tan(3 * (random.nextUniform() - 0.5)));
}

/** @returns [sums | maxima][threads] vec4f, sums in the order of a balanced tree */
function expectedOf(numbers: Float32Array, lanes: number): Float32Array {
  let sums = numbers;
  let maxima = numbers;
  for (let distance = 1; distance < lanes; distance *= 2) {
    const partner = (i: number): number => 4 * ((i >> 2) ^ distance) + (i & 3);
    sums = sums.map((value, i) => Math.fround(value + sums[partner(i)]));
    maxima = maxima.map((value, i) => Math.max(value, maxima[partner(i)]));
  }
  return Float32Array.of(...sums, ...maxima);
}

async function reduced(
  gpu: GPUDevice,
  pipeline: GPUComputePipeline,
  numbers: Float32Array<ArrayBuffer>,
): Promise<Float32Array> {
  const size = 2 * numbers.byteLength;
  const given = gpu.createBuffer({ size: numbers.byteLength, usage: usage.storage | usage.copyTarget });
  const results = gpu.createBuffer({ size, usage: usage.storage | usage.copySource });
  const readable = gpu.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
  try {
    gpu.queue.writeBuffer(given, 0, numbers);
    const entries = [given, results].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(results, 0, readable, 0, size);
    gpu.queue.submit([encoder.finish()]);
    await readable.mapAsync(MAP_READ);
    return new Float32Array(readable.getMappedRange().slice(0));
  } finally {
    for (const buffer of [given, results, readable]) buffer.destroy();
  }
}
