/**
 * A short test of an adapter, done once for each adapter, driver and version of the kernels, and remembered: whether
 * products are right there and the same for one row and for many, which arithmetic is the quicker one, and how fast
 * its memory is. Decision 0026.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import * as v from 'valibot';
import type { Device } from './device.ts';
import type { Arithmetic } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
import type { ProductTimes } from './product-test.ts';
import { productFault, productTimes } from './product-test.ts';

/** Raised when the test or the kernels change: it is done again. */
const VERSION = 1;
const FILE = 'gpu.json';

const findingsSchema = v.object({
  /** what was wrong with a product; null = nothing */
  wrong: v.nullable(v.string()),
  /** GB/s that copying reads and writes */
  copySpeed: v.number(),
  /** of products by quantised matrices */
  arithmetic: v.picklist(['f32', 'int8']),
  /** milliseconds of a product, by arithmetic; those that were not right are missing */
  products: v.record(v.string(), v.object({ one: v.number(), many: v.number() })),
});
const fileSchema = v.record(v.string(), findingsSchema);
export type AdapterFindings = v.InferOutput<typeof findingsSchema>;

/**
 * Known findings, or those of a test done now.
 * @param dataFolder where they are kept; null: nowhere
 */
export async function findingsOf(device: Device, dataFolder: string | null): Promise<AdapterFindings> {
  const key = `${String(VERSION)}, ${device.name}, ${device.driver}`;
  const file = dataFolder === null ? null : join(dataFolder, FILE);
  const known = file === null ? {} : readKnown(file);
  if (Object.hasOwn(known, key)) return known[key];
  const findings = await testAdapter(device);
  if (file !== null) keep(file, { ...known, [key]: findings });
  return findings;
}

async function testAdapter(device: Device): Promise<AdapterFindings> {
  // software adapters compile the kernels for many rows for up to a minute, and are never chosen for their speed
  const tiled = !device.software;
  const f32 = new Kernels(device.gpu, { tiled });
  const wrong = await productFault(device, f32);
  const findings = { wrong, copySpeed: await copySpeed(device) };
  if (wrong !== null || device.software) return { ...findings, arithmetic: 'f32', products: {} };
  const int8 = new Kernels(device.gpu, { tiled, arithmetic: 'int8' });
  const isRight = (await productFault(device, int8)) === null;
  const products: Record<string, ProductTimes> = { f32: await productTimes(device, f32) };
  if (isRight) products['int8'] = await productTimes(device, int8);
  return { ...findings, arithmetic: quicker(products['f32'], products['int8']), products };
}

/** int8 loses some precision: it must be worth it, and cost no speed of answers. */
export function quicker(f32: ProductTimes, int8: ProductTimes | undefined): Arithmetic {
  const isWorthIt = int8 !== undefined && int8.many < 0.8 * f32.many && int8.one < 1.1 * f32.one;
  return isWorthIt ? 'int8' : 'f32';
}

/** @returns GB/s, from the difference of many and few copies: starting costs as much for both */
async function copySpeed(device: Device): Promise<number> {
  const bytes = device.software ? 2 ** 22 : Math.min(2 ** 26, device.largestBinding);
  const [source, target] = [device.storage(bytes, 'A probe'), device.storage(bytes, 'A probe')];
  const time = async (copies: number): Promise<number> => {
    const begin = performance.now();
    const encoder = device.gpu.createCommandEncoder();
    for (let i = 0; i < copies; i++) encoder.copyBufferToBuffer(source, 0, target, 0, bytes);
    device.gpu.queue.submit([encoder.finish()]);
    await device.gpu.queue.onSubmittedWorkDone();
    return performance.now() - begin;
  };
  try {
    await time(2);
    const few = await time(4);
    const many = await time(24);
    return (20 * 2 * bytes) / 1e6 / Math.max(many - few, 1e-3);
  } finally {
    device.discard(source);
    device.discard(target);
  }
}

/** A file that is not there or not ours counts as empty: it is only a measurement. */
function readKnown(file: string): Readonly<Record<string, AdapterFindings>> {
  try {
    const parsed = v.safeParse(fileSchema, JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? parsed.output : {};
  } catch {
    return {};
  }
}

/** Not being able to write costs the next start a test. */
function keep(file: string, known: Readonly<Record<string, AdapterFindings>>): void {
  try {
    mkdirSync(join(file, '..'), { recursive: true });
    const temporary = `${file}.${String(process.pid)}`;
    writeFileSync(temporary, `${JSON.stringify(known, null, 2)}\n`);
    renameSync(temporary, file);
  } catch {
    // tested again next time
  }
}
