/** Model files: GGUF v2/v3 read and checked, tensor data as f32, hashes. */
export type { GgufFile, MetadataValue, NumericArray, TensorInfo, TensorType } from './gguf/types.ts';
export type { VerifyReport } from './gguf/verify.ts';
export { openGguf } from './gguf/open.ts';
export { openModel } from './gguf/adapter.ts';
export { verifyGguf } from './gguf/verify.ts';
export { computableTypes, dequantise } from './gguf/dequantise.ts';
export { sha256File } from './sha256.ts';
