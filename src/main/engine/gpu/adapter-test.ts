/**
 * A short test of an adapter, done once for each adapter, driver and version of the kernels, and remembered: whether
 * products are right there and the same for one row and for many, which arithmetic is the quicker one, and how fast
 * its memory is. Decision 0026.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import * as v from 'valibot';
import { AppError } from '../../../shared/errors.ts';
import type { Device } from './device.ts';
import type { Arithmetic } from './kernels/index.ts';
import { arithmetics, Kernels } from './kernels/index.ts';
import type { ProductTimes } from './product-test.ts';
import { manyRows, productFault, productTimes } from './product-test.ts';

/** Raised when the test or the kernels change: it is done again. */
const VERSION = 3;
const FILE = 'gpu.json';

const findingsSchema = v.object({
  /** what was wrong with a product; null = nothing */
  wrong: v.nullable(v.string()),
  /** GB/s that copying reads and writes */
  copySpeed: v.number(),
  /** of products by quantised matrices */
  arithmetic: v.picklist(arithmetics),
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
  const f32 = new Kernels(device, { tiled });
  const wrong = await productFault(device, f32);
  const findings = { wrong, copySpeed: await copySpeed(device) };
  if (wrong !== null || device.software) return { ...findings, arithmetic: 'f32', products: {} };
  const products: Partial<Record<Arithmetic, ProductTimes>> = { f32: await productTimes(device, f32) };
  for (const arithmetic of arithmetics) {
    if (arithmetic === 'f32' || !device.computes(arithmetic)) continue;
    const times = await timesWhereRight(device, new Kernels(device, { tiled, arithmetic }));
    if (times !== null) products[arithmetic] = times;
  }
  return { ...findings, arithmetic: quickest(products), products };
}

/** @returns null where the products are not right, or a driver does not take the kernels */
async function timesWhereRight(device: Device, kernels: Kernels): Promise<ProductTimes | null> {
  try {
    const checkErrors = device.collectErrors(() => 'a product takes some MB');
    const fault = await productFault(device, kernels);
    await checkErrors();
    return fault === null ? await productTimes(device, kernels) : null;
  } catch (error) {
    device.checkAlive();
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** Tokens read for each one that is generated. */
const READ_PER_GENERATED = 8;

/** The others lose some precision against f32, which they must be worth. */
export function quickest(products: Partial<Record<Arithmetic, ProductTimes>>): Arithmetic {
  const cost = ({ one, many }: ProductTimes): number => one + (READ_PER_GENERATED * many) / manyRows;
  let best: Arithmetic = 'f32';
  let least = products.f32 === undefined ? Infinity : 0.85 * cost(products.f32);
  for (const arithmetic of arithmetics) {
    if (arithmetic === 'f32') continue;
    const times = products[arithmetic];
    if (times === undefined || !(cost(times) < least)) continue;
    best = arithmetic;
    least = cost(times);
  }
  return best;
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
