/**
 * Writes GGUF v3 files for tests: tiny random models, damaged headers. Not used by the product, which only reads.
 */
import { tensorBytes, tensorTypeNumber } from '../gguf/tensor-types.ts';
import { valueType } from '../gguf/header.ts';

/** A number that is to be stored as f32 (rope bases, epsilons); whole numbers are u32 or i32 otherwise. */
export interface F32 {
  readonly f32: number;
}

export type EncodableValue =
  | string
  | boolean
  | number
  | bigint
  | F32
  | readonly string[]
  | Float32Array
  | Int32Array
  | Uint32Array
  | Uint8Array;

export interface EncodableTensor {
  readonly name: string;
  /** ggml's name of the type */
  readonly type: string;
  /** ggml order: shape[0] is the row length */
  readonly shape: readonly number[];
  /** bytes as stored: whole blocks; a Float32Array for F32 */
  readonly data: Uint8Array | Float32Array;
}

export interface EncodableGguf {
  readonly metadata: Readonly<Record<string, EncodableValue>>;
  readonly tensors: readonly EncodableTensor[];
  /** default 3 */
  readonly version?: number;
  /** bytes; default 32, written as general.alignment when it differs */
  readonly alignment?: number;
}

/** A tensor whose data is written by somebody else. */
export type EncodableTensorInfo = Pick<EncodableTensor, 'name' | 'type' | 'shape'>;

/** @throws RangeError when a tensor's data does not have the length that its type and shape need */
export function encodeGguf(file: EncodableGguf): Uint8Array {
  const alignment = file.alignment ?? 32;
  const parts: Uint8Array[] = [encodeGgufHeader(file)];
  for (const tensor of file.tensors) parts.push(dataOf(tensor), padding(tensor.data.byteLength, alignment));
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * Everything before the tensors' data, padded. The data follows in the order of the list, each tensor padded to the
 * alignment: files that are larger than memory are written so.
 */
export function encodeGgufHeader(
  file: Omit<EncodableGguf, 'tensors'> & { readonly tensors: readonly EncodableTensorInfo[] },
): Uint8Array {
  const alignment = file.alignment ?? 32;
  const entries = Object.entries(file.metadata);
  if (alignment !== 32) entries.push(['general.alignment', alignment]);
  const header: Uint8Array[] = [
    Buffer.from('GGUF'),
    u32(file.version ?? 3),
    u64(file.tensors.length),
    u64(entries.length),
  ];
  for (const [key, value] of entries) header.push(text(key), ...encodeValue(value));
  let offset = 0;
  for (const { name, type, shape } of file.tensors) {
    header.push(text(name), u32(shape.length), ...shape.map(u64));
    header.push(u32(tensorTypeNumber(type) ?? 99), u64(offset));
    offset = align(offset + tensorBytes(type, elementsOf(shape)), alignment);
  }
  const bytes = Buffer.concat(header);
  return Buffer.concat([bytes, padding(bytes.length, alignment)]);
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function dataOf(tensor: EncodableTensor): Buffer {
  const { data, name, type, shape } = tensor;
  const count = elementsOf(shape);
  if (data.byteLength !== tensorBytes(type, count))
    throw new RangeError(`${name}: ${data.byteLength} bytes instead of ${tensorBytes(type, count)}`);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function encodeValue(value: EncodableValue): Buffer[] {
  if (typeof value === 'string') return [u32(valueType.string), text(value)];
  if (typeof value === 'boolean') return [u32(valueType.bool), Buffer.from([value ? 1 : 0])];
  if (typeof value === 'bigint') return [u32(valueType.uint64), u64(value)];
  if (typeof value === 'number') return encodeNumber(value);
  if ('f32' in value) return [u32(valueType.float32), f32(value.f32)];
  return [u32(valueType.array), ...encodeArray(value)];
}

function encodeNumber(value: number): Buffer[] {
  if (!Number.isInteger(value)) return [u32(valueType.float32), f32(value)];
  return [u32(value < 0 ? valueType.int32 : valueType.uint32), u32(value >>> 0)];
}

function encodeArray(
  value: readonly string[] | Float32Array | Int32Array | Uint32Array | Uint8Array,
): Buffer[] {
  if (!ArrayBuffer.isView(value))
    return [u32(valueType.string), u64(value.length), Buffer.concat(value.map(text))];
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return [u32(elementType(value)), u64(value.length), bytes];
}

function elementType(value: Float32Array | Int32Array | Uint32Array | Uint8Array): number {
  if (value instanceof Float32Array) return valueType.float32;
  if (value instanceof Int32Array) return valueType.int32;
  return value instanceof Uint32Array ? valueType.uint32 : valueType.uint8;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function padding(length: number, alignment: number): Buffer {
  return Buffer.alloc(align(length, alignment) - length);
}
