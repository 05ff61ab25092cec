/**
 * ggml's tensor types: numbers, names, and block geometry (source: `enum ggml_type` in ggml.h and the block structs
 * of ggml-common.h, llama.cpp). A tensor's rows are cut into blocks of `blockLength` elements, each stored in
 * `blockBytes` bytes.
 */
import type { TensorType } from './types.ts';

export interface TensorTypeLayout {
  /** ggml's name */
  readonly name: string;
  /** elements of one block */
  readonly blockLength: number;
  /** bytes of one block */
  readonly blockBytes: number;
}

/** [ggml number, name, elements per block, bytes per block] */
const rows: readonly (readonly [number, string, number, number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
];

const layouts = new Map<number, TensorTypeLayout>(
  rows.map(([id, name, blockLength, blockBytes]) => [id, { name, blockLength, blockBytes }]),
);
const numbers = new Map<string, number>(rows.map(([id, name]) => [name, id]));

/** Types that ggml once wrote and no longer reads. */
const removed = new Map<number, string>([
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [36, 'IQ4_NL_4_4'],
  [37, 'IQ4_NL_4_8'],
  [38, 'IQ4_NL_8_8'],
]);

/** Layout of ggml type number `id`, or undefined when it is unknown or was removed. */
export function tensorTypeLayout(id: number): TensorTypeLayout | undefined {
  return layouts.get(id);
}

/** Name of a type that was removed from ggml, or undefined. */
export function removedTensorType(id: number): string | undefined {
  return removed.get(id);
}

/** ggml's number of a type name; undefined when unknown. */
export function tensorTypeNumber(name: string): number | undefined {
  return numbers.get(name);
}

const listed: ReadonlySet<string> = new Set<TensorType>([
  'F32',
  'F16',
  'BF16',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q4_K',
  'Q5_K',
  'Q6_K',
]);

/** The type as the engine names it: 'OTHER' for everything outside design section 3's list. */
export function asTensorType(name: string): TensorType {
  return listed.has(name) ? (name as TensorType) : 'OTHER';
}

/**
 * Bytes of `count` elements.
 * @param count a multiple of the type's block length
 * @throws RangeError for an unknown type or a count that is no multiple
 */
export function tensorBytes(name: string, count: number): number {
  const id = numbers.get(name);
  const layout = id === undefined ? undefined : layouts.get(id);
  if (layout === undefined) throw new RangeError(`unknown tensor type ${name}`);
  if (count % layout.blockLength !== 0)
    throw new RangeError(`${count} elements are no multiple of ${name}'s block of ${layout.blockLength}`);
  return (count / layout.blockLength) * layout.blockBytes;
}
