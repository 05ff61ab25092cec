/** GGUF v2/v3 as read and checked. Every number has been compared with the file's size before it is used. */
export type TensorType =
  'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q4_K' | 'Q5_K' | 'Q6_K' | 'OTHER';

export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** ggml's name for a type that we list but do not compute with */
  readonly typeName: string;
  /** ggml order: shape[0] is the row length (columns) */
  readonly shape: readonly number[];
  /** bytes from the start of the file */
  readonly offset: number;
  readonly bytes: number;
}

export type MetadataValue = number | bigint | boolean | string | readonly MetadataValue[] | NumericArray;
export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

export interface GgufFile {
  readonly path: string;
  readonly version: 2 | 3;
  readonly bytes: number;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** bytes of one tensor, as in the file */
  readTensor(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
