/**
 * Parser of the GGUF header, versions 2 and 3 (specification: docs/gguf.md of ggml). It believes nothing: counts
 * and lengths are compared with the file's size before they are used (`HeaderBytes`), types with the known ones.
 *
 *   magic "GGUF" | u32 version | u64 tensors | u64 entries | entries: key, u32 type, value | tensor list | padding | data
 */
import { AppError } from '../../../shared/errors.ts';
import { malformed, quote } from './faults.ts';
import { HeaderBytes } from './header-bytes.ts';
import type { ByteSource } from './header-bytes.ts';
import { limits } from './limits.ts';
import { notGguf } from './sniff.ts';
import { readTensorList } from './tensor-list.ts';
import type { MetadataValue, NumericArray, TensorInfo } from './types.ts';

export interface GgufHeader {
  readonly version: 2 | 3;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** byte offset of the tensor data */
  readonly dataOffset: number;
}

/**
 * Numbers of GGUF's metadata value types (`enum gguf_type`).
 */
export const valueType = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** Little-endian views over a copied buffer: the machines that Node runs on are little-endian. */
const numericArrays = new Map<number, { bytes: number; view(buffer: ArrayBufferLike): NumericArray }>([
  [valueType.uint8, { bytes: 1, view: (buffer) => new Uint8Array(buffer) }],
  [valueType.int8, { bytes: 1, view: (buffer) => new Int8Array(buffer) }],
  [valueType.uint16, { bytes: 2, view: (buffer) => new Uint16Array(buffer) }],
  [valueType.int16, { bytes: 2, view: (buffer) => new Int16Array(buffer) }],
  [valueType.uint32, { bytes: 4, view: (buffer) => new Uint32Array(buffer) }],
  [valueType.int32, { bytes: 4, view: (buffer) => new Int32Array(buffer) }],
  [valueType.float32, { bytes: 4, view: (buffer) => new Float32Array(buffer) }],
  [valueType.uint64, { bytes: 8, view: (buffer) => new BigUint64Array(buffer) }],
  [valueType.int64, { bytes: 8, view: (buffer) => new BigInt64Array(buffer) }],
  [valueType.float64, { bytes: 8, view: (buffer) => new Float64Array(buffer) }],
]);

/** smallest entry: key length, one byte of key, type, one byte of value */
const smallestEntry = 8 + 1 + 4 + 1;

/**
 * Reads and checks the whole header; the tensor data is not read, but its extent is compared with the file's size.
 * @throws AppError 'invalid-input' naming the first fault; 'unsupported' for versions and types that exist but are
 *   not read
 */
export function readHeader(source: ByteSource): GgufHeader {
  const header = new HeaderBytes(source);
  checkMagic(source);
  header.uint32('the magic number');
  const version = readVersion(header);
  const tensorCount = header.count('the number of tensors', 32, limits.tensors);
  const entryCount = header.count('the number of metadata entries', smallestEntry, limits.metadataEntries);
  const metadata = readMetadata(header, entryCount);
  const alignment = readAlignment(metadata);
  const { tensors, dataOffset } = readTensorList(header, tensorCount, alignment);
  return { version, metadata, tensors, dataOffset };
}

function checkMagic(source: ByteSource): void {
  const head = Buffer.alloc(Math.min(256, source.bytes));
  source.read(head, 0);
  if (head.toString('latin1', 0, 4) !== 'GGUF') throw notGguf(head, source.bytes);
}

function readVersion(header: HeaderBytes): 2 | 3 {
  const version = header.uint32('the version');
  if (version === 2 || version === 3) return version;
  if (version !== 0 && (version & 0xffff) === 0)
    throw new AppError(
      'unsupported',
      'This GGUF file is big-endian; only little-endian files are read.',
      'Get the little-endian file of the same model (the usual one).',
    );
  if (version === 0) throw malformed('its version is 0');
  const hint =
    version === 1
      ? 'Version 1 was replaced in August 2023: get a newer file of the model.'
      : 'It needs a newer Longleaf: update, or get a version 3 file of the model.';
  throw new AppError('unsupported', `GGUF version ${version} is not read; versions 2 and 3 are.`, hint);
}

function readMetadata(header: HeaderBytes, count: number): Map<string, MetadataValue> {
  const metadata = new Map<string, MetadataValue>();
  const budget = { strings: limits.arrayStrings };
  for (let entry = 0; entry < count; entry++) {
    const key = header.string(`the key of metadata entry ${entry}`, limits.keyBytes);
    if (key === '') throw malformed(`the key of metadata entry ${entry} is empty`);
    if (key.includes('\uFFFD')) throw malformed(`the key of metadata entry ${entry} is not UTF-8`);
    if (metadata.has(key)) throw malformed(`the metadata key ${quote(key)} occurs twice`);
    const type = header.uint32(`the type of ${quote(key)}`);
    metadata.set(key, readValue(header, type, key, budget));
  }
  return metadata;
}

function readValue(
  header: HeaderBytes,
  type: number,
  key: string,
  budget: { strings: number },
): MetadataValue {
  if (type === valueType.string) return header.string(`the value of ${quote(key)}`, limits.headerBytes);
  if (type === valueType.array) return readArray(header, key, budget);
  if (type === valueType.bool) return asBoolean(header.uint8(`the value of ${quote(key)}`), key);
  const numeric = numericArrays.get(type);
  if (numeric === undefined) throw malformed(`${quote(key)} has the unknown value type ${type}`);
  const bytes = header.bytes(numeric.bytes, `the value of ${quote(key)}`);
  return numeric.view(bytes.buffer)[0];
}

function readArray(header: HeaderBytes, key: string, budget: { strings: number }): MetadataValue {
  const type = header.uint32(`the element type of ${quote(key)}`);
  if (type === valueType.array) throw malformed(`${quote(key)} is an array of arrays, which no model uses`);
  const what = `the length of ${quote(key)}`;
  if (type === valueType.string) {
    const count = header.count(what, 8, budget.strings);
    budget.strings -= count;
    const element = `an element of ${quote(key)}`;
    const strings: string[] = [];
    for (let i = 0; i < count; i++) strings.push(header.string(element, limits.headerBytes));
    return strings;
  }
  if (type === valueType.bool) {
    const bytes = header.bytes(header.count(what, 1, limits.headerBytes), key);
    return Array.from(bytes, (byte) => asBoolean(byte, key));
  }
  const numeric = numericArrays.get(type);
  if (numeric === undefined) throw malformed(`${quote(key)} has the unknown element type ${type}`);
  const count = header.count(what, numeric.bytes, limits.headerBytes / numeric.bytes);
  return numeric.view(header.bytes(count * numeric.bytes, quote(key)).buffer);
}

function asBoolean(byte: number, key: string): boolean {
  if (byte > 1) throw malformed(`${quote(key)} is neither true nor false (${byte})`);
  return byte === 1;
}

function readAlignment(metadata: ReadonlyMap<string, MetadataValue>): number {
  const value = metadata.get('general.alignment');
  if (value === undefined) return 32;
  if (
    typeof value !== 'number' ||
    value < 1 ||
    value > limits.alignment ||
    !Number.isInteger(Math.log2(value))
  )
    throw malformed(
      `general.alignment is ${String(value)}; it must be a power of two of at most ${limits.alignment}`,
    );
  return value;
}
